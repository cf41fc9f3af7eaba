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
/// <param name="Jurisdiction">The state or country whose law it is.</param>
/// <param name="Source">postal_code, state, area_code (the number) or timezone.</param>
public sealed record PlaceJurisdiction(Jurisdiction Jurisdiction, string Source);

/// <summary>Where a recipient may be: all of it must allow a text.</summary>
/// <param name="Zones">One or more.</param>
/// <param name="Source">How the zones are known: customer, postal_code, state, area_code or business.</param>
/// <param name="Jurisdictions">States and territories of the US, or a country; federal law of the US is not named. Empty: none with rules of its own.</param>
public sealed record RecipientPlace(IReadOnlyList<DateTimeZone> Zones, string Source, IReadOnlyList<PlaceJurisdiction> Jurisdictions)
{
    /// <summary>The tz database compiled into NodaTime: the machine's own may be years old.</summary>
    public static IDateTimeZoneProvider AllZones { get; } = DateTimeZoneProviders.Tzdb;

    /// <summary>The version of <see cref="AllZones"/>, for example 2026f.</summary>
    public static string TzdbVersion { get; } = TzdbDateTimeZoneSource.Default.TzdbVersion;

    private static readonly FrozenDictionary<string, string> ZoneIds =
        AllZones.Ids.DistinctBy(static id => id, StringComparer.OrdinalIgnoreCase).ToFrozenDictionary(static id => id, StringComparer.OrdinalIgnoreCase);

    // Most recipients are a number and nothing else.
    private static readonly RecipientPlace?[] ByAreaCode = new RecipientPlace?[1_000];

    /// <summary>Two sources contradict each other: what both name had to allow it.</summary>
    public bool IsConflict { get; init; }

    /// <summary>What became of each source, where there were several or one was of no use; null: the one source decided.</summary>
    public IReadOnlyList<PlaceEvidence>? Evidence { get; init; }

    /// <summary>The recipient's ZIP code, five digits; null: nobody knows it.</summary>
    public string? PostalCode { get; init; }

    /// <summary>
    /// The zones: what the customer's time zone, the postal code, the state and the number allow together. A source that
    /// knows more stands for one that allows it: a time zone of the address for the address, an address for the number,
    /// because people move with their numbers. Sources that contradict each other all count, so that a text goes only when
    /// every place that somebody named allows it. The laws: those of the postal code, the state and the number together,
    /// because statutes presume that somebody lives where the number was issued, and the address says otherwise.
    /// </summary>
    /// <remarks>
    /// UTC and fixed offsets are no places and say nothing. Postal code and state count for numbers of the North American
    /// plan only: 10115 is Berlin's as well as New York's. What others wrote into the database and nobody can read is not
    /// taken for a field left blank: where nothing better is known, the recipient may be anywhere in the country. The
    /// business's zone counts where nothing at all is known of a number that is not American.
    /// </remarks>
    public static RecipientPlace Of(PlaceFacts facts, string businessZone)
    {
        if (facts.Number is { IsNorthAmerican: true } plain && string.IsNullOrWhiteSpace(facts.Zone) && string.IsNullOrWhiteSpace(facts.PostalCode) && string.IsNullOrWhiteSpace(facts.State))
            return ByAreaCode[plain.AreaCode] ??= OfIssued(PlaceTables.Current.Issued(plain)!);

        var tables = PlaceTables.Current;
        var isAmerican = facts.Number?.IsNorthAmerican ?? true;
        var known = new Known(
            ZoneOf(facts.Zone), isAmerican ? tables.PostalCode(facts.PostalCode) : default, isAmerican ? tables.State(facts.State) : default,
            facts.Number is { } number ? tables.Issued(number) : null, IsAnywhere: facts.Number is { IsNorthAmerican: true } vague && tables.AreaCode(vague.AreaCode) is null);
        return Of(known, Unread(facts.Number, known, tables), facts, businessZone, tables);
    }

    private static RecipientPlace OfIssued(Region issued) =>
        new(issued.Zones, "area_code", [.. issued.Jurisdictions.Select(static j => new PlaceJurisdiction(j, "area_code"))]);

    private static RecipientPlace Of(Known known, (Region Region, string Source)? unread, PlaceFacts facts, string businessZone, PlaceTables tables)
    {
        var (address, isConflict) = Address(known.Postal.Region, known.State.Region);
        var (zones, source) = (Array.Empty<DateTimeZone>(), "business");
        var isForeignZone = false;
        if (known.Zone.Region is { Zones: [var own] })
        {
            var others = address ?? unread?.Region.Zones ?? known.Issued?.Zones;
            isForeignZone = others is not null && !ZoneClock.IsAmong(own, known.IsAnywhere && address is null && unread is null ? tables.AnyState.Zones : others);
            var issuedIn = known.IsAnywhere && (address ?? unread?.Region.Zones) is not null ? [] : known.Issued?.Zones ?? [];
            zones = isForeignZone ? [own, .. address ?? [], .. unread?.Region.Zones ?? [], .. issuedIn]
                : isConflict ? [own, .. Without(known.Postal.Region, own), .. Without(known.State.Region, own)]
                : [own];
            source = "customer";
        }
        else if (address is not null)
        {
            (zones, source) = (address, known.Postal.Region is null ? "state" : "postal_code");
        }
        else if (unread is { } somewhere)
        {
            (zones, source) = (somewhere.Region.Zones, somewhere.Source);
        }
        else if (known.Issued is { } issued)
        {
            (zones, source) = (issued.Zones, "area_code");
        }

        if (zones.Length == 0)
            zones = [AllZones[businessZone]];
        isConflict |= isForeignZone;
        return new RecipientPlace(isConflict ? [.. zones.Distinct()] : zones, source, Laws(known, unread, isForeignZone, zones, tables))
        {
            IsConflict = isConflict,
            PostalCode = known.Postal.Region is { } found && facts.PostalCode.AsSpan().Trim() is [>= '0' and <= '9', ..] zip && found.Jurisdictions.Length > 0 ? zip[..5].ToString() : null,
            Evidence = EvidenceOf(known, isConflict, isForeignZone, source),
        };
    }

    /// <summary>What postal code and state name together; null: they name nothing.</summary>
    private static (DateTimeZone[]? Zones, bool IsConflict) Address(Region? postal, Region? state)
    {
        if (postal is null || state is null)
            return ((postal ?? state)?.Zones, false);
        if (ReferenceEquals(postal, state))
            return (postal.Zones, false);
        var both = Array.FindAll(postal.Zones, z => ZoneClock.IsAmong(z, state.Zones));
        return both.Length > 0 && postal.Jurisdictions.Intersect(state.Jurisdictions).Any()
            ? (both, false)
            : ([.. postal.Zones.Union(state.Zones)], true);
    }

    private static DateTimeZone[] Without(Region? region, DateTimeZone zone) =>
        region is null || ZoneClock.IsAmong(zone, region.Zones) ? [] : region.Zones;

    /// <summary>Where somebody may be of whom a field says something that nobody can read.</summary>
    private static (Region Region, string Source)? Unread(PhoneNumber? number, Known known, PlaceTables tables)
    {
        // A toll-free number may be answered anywhere as it is.
        if (number is { IsNorthAmerican: true } free && NorthAmericanPlan.IsTollFree(free.AreaCode) || known.Postal.Region is not null || known.State.Region is not null)
            return null;
        if (known.Postal.Kind == EvidenceKind.Unreadable || known.State.Kind == EvidenceKind.Unreadable)
        {
            return number is not { } own || tables.IsOfUsOrCanada(own)
                ? (tables.Anywhere(number), known.Postal.Kind == EvidenceKind.Unreadable ? "postal_code" : "state")
                : null;
        }

        return known.Zone.Kind == EvidenceKind.Unreadable && (number?.IsNorthAmerican ?? true) ? (tables.Anywhere(number), "customer") : null;
    }

    private static List<PlaceJurisdiction> Laws(Known known, (Region Region, string Source)? unread, bool isForeignZone, DateTimeZone[] zones, PlaceTables tables)
    {
        var laws = new List<PlaceJurisdiction>(2);
        Add(known.Postal.Region?.Jurisdictions, "postal_code");
        Add(known.State.Region?.Jurisdictions, "state");
        if (!known.IsAnywhere)
            Add(known.Issued?.Jurisdictions, "area_code");
        var isZoneKnown = known.Zone.Region is not null && !isForeignZone;
        if (unread is { } somewhere)
            Add(isZoneKnown ? [.. zones.SelectMany(tables.StatesIn).Distinct()] : somewhere.Region.Jurisdictions, isZoneKnown ? "timezone" : somewhere.Source);
        if (laws.Count == 0 && known.IsAnywhere)
            Add(isZoneKnown ? [.. zones.SelectMany(tables.StatesIn).Distinct()] : known.Issued!.Jurisdictions, isZoneKnown ? "timezone" : "area_code");
        return laws;

        void Add(Jurisdiction[]? more, string why)
        {
            foreach (var one in more ?? [])
            {
                if (!laws.Exists(j => j.Jurisdiction == one))
                    laws.Add(new PlaceJurisdiction(one, why));
            }
        }
    }

    private static List<PlaceEvidence>? EvidenceOf(Known known, bool isConflict, bool isForeignZone, string source)
    {
        var evidence = new List<PlaceEvidence>(4);
        Add(known.Zone, "customer", isForeignZone ? "conflict" : "clock");
        Add(known.Postal, "postal_code", Use("postal_code"));
        Add(known.State, "state", Use("state"));
        if (known.Issued is { } issued)
        {
            var use = source is "area_code" ? "clock" : isForeignZone ? "conflict"
                : known.Zone.Region is null || ZoneClock.IsAmong(known.Zone.Region.Zones[0], issued.Zones) ? Narrowed() : "law";
            Add(Places.Evidence.Of(issued), "area_code", use);
        }

        return evidence.Count > 1 || evidence.Exists(static e => e.Use is not "clock") ? evidence : null;

        string Use(string of) => isConflict ? "conflict" : string.Equals(source, of, StringComparison.Ordinal) ? "clock" : "narrowed";

        // An address in another zone than the number's leaves the number its law.
        string Narrowed() => (known.Postal.Region ?? known.State.Region) is { } at && !Array.Exists(at.Zones, z => ZoneClock.IsAmong(z, known.Issued!.Zones)) ? "law" : "narrowed";

        void Add(Evidence one, string of, string use)
        {
            if (one.Kind != EvidenceKind.None)
            {
                evidence.Add(new PlaceEvidence(
                    of, one.Kind switch { EvidenceKind.Nowhere => "ignored", EvidenceKind.Unreadable => "unreadable", _ => use },
                    [.. (one.Region?.Zones ?? []).Select(static z => z.Id)], [.. (one.Region?.Jurisdictions ?? []).Select(static j => j.Code)]));
            }
        }
    }

    /// <summary>As the tzdb spells it, or in other letters, small or capital.</summary>
    private static Evidence ZoneOf(string? id)
    {
        if (string.IsNullOrWhiteSpace(id))
            return default;
        if (ZoneClock.IsNoPlace(id))
            return new(EvidenceKind.Nowhere);
        return (AllZones.GetZoneOrNull(id) ?? (ZoneIds.TryGetValue(id.Trim(), out var spelled) ? AllZones[spelled] : null)) is { } zone
            ? Places.Evidence.Of(new Region([zone], []))
            : new(EvidenceKind.Unreadable);
    }

    /// <summary>What each source says.</summary>
    /// <param name="Zone">The customer's time zone.</param>
    /// <param name="Postal">The postal code.</param>
    /// <param name="State">The state.</param>
    /// <param name="Issued">Where the number was issued; null: nothing is known, or there is no number.</param>
    /// <param name="IsAnywhere">The number may be of any state: it counts where nothing else does.</param>
    private readonly record struct Known(Evidence Zone, Evidence Postal, Evidence State, Region? Issued, bool IsAnywhere);
}
