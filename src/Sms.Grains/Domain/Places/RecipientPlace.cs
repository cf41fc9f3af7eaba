using NodaTime;
using NodaTime.TimeZones;
using Sms.Domain.Phones;
using Sms.Domain.Statutes;

namespace Sms.Domain.Places;

/// <summary>What is known of where a recipient is.</summary>
/// <param name="Number">The number that is texted; null in previews without one.</param>
/// <param name="Zone">tz id that somebody said; null, or unknown to the tzdb: looked for elsewhere.</param>
/// <param name="PostalCode">As it was written.</param>
/// <param name="State">Two letters of a US state or territory.</param>
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
    /// A US number whose state nobody knows may be in every state that keeps one of the zones.
    /// </remarks>
    public static RecipientPlace Of(PlaceFacts facts, string businessZone)
    {
        var tables = PlaceTables.Current;
        var isAmerican = facts.Number?.IsNorthAmerican ?? true;
        var postal = isAmerican ? tables.PostalCode(facts.PostalCode) : null;
        var state = isAmerican ? RuleBook.Current.State(facts.State) : null;
        var areaCode = facts.Number is { IsNorthAmerican: true } number ? tables.AreaCode(number.AreaCode) : null;

        var (zones, source) = ZonesOf(facts, businessZone, tables, postal, state, areaCode);
        var jurisdictions = new List<PlaceJurisdiction>(2);
        Add(postal?.Jurisdictions, "postal_code");
        Add(state is null ? null : [state], "state");
        Add(areaCode?.Jurisdictions, "area_code");
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
        PlaceFacts facts, string businessZone, PlaceTables tables, Region? postal, Jurisdiction? state, Region? areaCode)
    {
        if (facts.Zone is { } id && AllZones.GetZoneOrNull(id) is { } own)
            return ([own], "customer");
        if (postal is not null)
            return (postal.Zones, "postal_code");
        if (state is not null)
            return (tables.State(state).Zones, "state");
        if (areaCode is not null)
            return (areaCode.Zones, "area_code");
        // A toll-free number is nobody's in particular: it may be answered anywhere.
        if (facts.Number is { IsNorthAmerican: true } number && IsTollFree(number.AreaCode))
            return (tables.AnyState.Zones, "area_code");
        if (facts.Number is { IsNorthAmerican: false } abroad && abroad.TimeZones() is { Count: > 0 } zones)
            return ([.. zones.Select(z => AllZones[z])], "area_code");
        return ([AllZones[businessZone]], "business");
    }

    // Source: ATIS-0300057, the toll-free service access codes.
    private static bool IsTollFree(int areaCode) => areaCode is 800 or 833 or 844 or 855 or 866 or 877 or 888;
}
