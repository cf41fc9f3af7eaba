using System.Collections.Frozen;
using NodaTime;
using NodaTime.TimeZones;
using Sms.Domain.Phones;
using Sms.Domain.Statutes;

namespace Sms.Domain.Places;

/// <summary>What is known of where a recipient is.</summary>
/// <param name="Number">The number that is texted; null in previews without one.</param>
/// <param name="Zone">tz id that somebody said; null: looked for elsewhere.</param>
/// <param name="PostalCode">As it was written.</param>
/// <param name="State">Two letters of a US state or territory, or its name.</param>
public sealed record PlaceFacts(PhoneNumber? Number, string? Zone, string? PostalCode, string? State);

/// <summary>A law-giver that may be the recipient's, and how that is known.</summary>
/// <param name="Jurisdiction">Whose law.</param>
/// <param name="Source">postal_code, state, area_code or timezone.</param>
public sealed record PlaceJurisdiction(Jurisdiction Jurisdiction, string Source);

/// <summary>Where a recipient may be: all of it must allow a text.</summary>
/// <param name="Zones">One or more.</param>
/// <param name="Source">How the zones are known: customer, postal_code, state, area_code or business.</param>
/// <param name="Jurisdictions">States and territories of the US, or Canada; federal law of the US is not named. Empty: abroad.</param>
public sealed record RecipientPlace(IReadOnlyList<DateTimeZone> Zones, string Source, IReadOnlyList<PlaceJurisdiction> Jurisdictions)
{
    /// <summary>The tz database compiled into NodaTime: the machine's own may be years old.</summary>
    public static IDateTimeZoneProvider AllZones { get; } = DateTimeZoneProviders.Tzdb;

    /// <summary>The version of <see cref="AllZones"/>, for example 2026f.</summary>
    public static string TzdbVersion { get; } = TzdbDateTimeZoneSource.Default.TzdbVersion;

    /// <summary>
    /// The zones: the customer's, else those of the postal code, else of the state, else of the area code, else the
    /// business's. The laws: those of the postal code, the state and the area code together, because statutes presume
    /// that somebody lives where the number was issued, and the address says otherwise.
    /// </summary>
    /// <remarks>
    /// Postal code and state count for numbers of the North American plan only: 10115 is Berlin's as well as New York's.
    /// A US number whose state nobody knows may be in every state that keeps one of the zones. What others wrote into the
    /// database and nobody can read is not taken for a field left blank: where nothing better is known, the recipient may
    /// be anywhere in the country.
    /// </remarks>
    public static RecipientPlace Of(PlaceFacts facts, string businessZone)
    {
        var tables = PlaceTables.Current;
        var isAmerican = facts.Number?.IsNorthAmerican ?? true;
        var postal = isAmerican ? tables.PostalCode(facts.PostalCode) : default;
        var state = isAmerican ? tables.State(facts.State) : default;
        var zone = ZoneOf(facts.Zone);
        var areaCode = facts.Number is { IsNorthAmerican: true } number ? tables.AreaCode(number.AreaCode) : null;
        var isTollFree = facts.Number is { IsNorthAmerican: true } free && IsTollFree(free.AreaCode);
        var isAddressUnread = postal.Region is null && state.Region is null
            && (postal.Kind == EvidenceKind.Unreadable || state.Kind == EvidenceKind.Unreadable)
            && (facts.Number is not { } own || tables.IsOfUsOrCanada(own));
        // A toll-free number may be answered anywhere as it is.
        (Region Region, string Source)? unread = null;
        if (!isTollFree && isAddressUnread)
            unread = (tables.Anywhere(facts.Number), postal.Kind == EvidenceKind.Unreadable ? "postal_code" : "state");
        else if (!isTollFree && isAmerican && zone.Kind == EvidenceKind.Unreadable && postal.Region is null && state.Region is null)
            unread = (tables.Anywhere(facts.Number), "customer");

        var (zones, source) = ZonesOf(facts, businessZone, tables, zone.Region, postal.Region, state.Region, unread, areaCode);
        var jurisdictions = new List<PlaceJurisdiction>(2);
        Add(postal.Region?.Jurisdictions, "postal_code");
        Add(state.Region?.Jurisdictions, "state");
        Add(areaCode?.Jurisdictions, "area_code");
        if (unread is { } somewhere)
            Add(zone.Region is null ? somewhere.Region.Jurisdictions : [.. zones.SelectMany(tables.StatesIn).Distinct()], zone.Region is null ? somewhere.Source : "timezone");
        if (jurisdictions.Count == 0 && facts.Number is { IsNorthAmerican: true } && areaCode is null)
            Add([.. zones.SelectMany(tables.StatesIn).Distinct()], "timezone");
        return new RecipientPlace(zones, source, jurisdictions);

        void Add(Jurisdiction[]? more, string why)
        {
            foreach (var one in more ?? [])
            {
                if (!jurisdictions.Exists(j => j.Jurisdiction == one))
                    jurisdictions.Add(new PlaceJurisdiction(one, why));
            }
        }
    }

    private static (IReadOnlyList<DateTimeZone> Zones, string Source) ZonesOf(
        PlaceFacts facts, string businessZone, PlaceTables tables, Region? own, Region? postal, Region? state, (Region Region, string Source)? unread, Region? areaCode)
    {
        if (own is not null)
            return (own.Zones, "customer");
        if (postal is not null)
            return (postal.Zones, "postal_code");
        if (state is not null)
            return (state.Zones, "state");
        if (unread is { } somewhere)
            return (somewhere.Region.Zones, somewhere.Source);
        if (areaCode is not null)
            return (areaCode.Zones, "area_code");
        // A toll-free number is nobody's in particular: it may be answered anywhere.
        if (facts.Number is { IsNorthAmerican: true } number && IsTollFree(number.AreaCode))
            return (tables.AnyState.Zones, "area_code");
        if (facts.Number is { IsNorthAmerican: false } abroad && abroad.TimeZones() is { Count: > 0 } zones)
            return ([.. zones.Select(z => AllZones[z])], "area_code");
        return ([AllZones[businessZone]], "business");
    }

    /// <summary>As the tzdb spells it, or in other letters, small or capital.</summary>
    private static Evidence ZoneOf(string? id)
    {
        if (string.IsNullOrWhiteSpace(id))
            return default;
        return (AllZones.GetZoneOrNull(id) ?? (ZoneIds.TryGetValue(id.Trim(), out var spelled) ? AllZones[spelled] : null)) is { } zone
            ? Evidence.Of(new Region([zone], []))
            : new(EvidenceKind.Unreadable);
    }

    private static readonly FrozenDictionary<string, string> ZoneIds =
        AllZones.Ids.DistinctBy(static id => id, StringComparer.OrdinalIgnoreCase).ToFrozenDictionary(static id => id, StringComparer.OrdinalIgnoreCase);

    // Source: ATIS-0300057, the toll-free service access codes.
    private static bool IsTollFree(int areaCode) => areaCode is 800 or 833 or 844 or 855 or 866 or 877 or 888;
}
