using System.Collections.Frozen;
using NodaTime;
using NodaTime.TimeZones;
using Sms.Domain.Phones;
using Sms.Domain.Statutes;
using Sms.Domain.Tables;

namespace Sms.Domain.Places;

/// <summary>Where something may be: every zone and every law-giver that is possible.</summary>
internal sealed record Region(DateTimeZone[] Zones, Jurisdiction[] Jurisdictions)
{
    /// <summary>The zones and jurisdictions of both, each once, in this order.</summary>
    public Region Or(Region other) => new([.. Zones.Union(other.Zones)], [.. Jurisdictions.Union(other.Jurisdictions)]);
}

/// <summary>The tables of states, postal codes and area codes, read once.</summary>
internal sealed class PlaceTables
{
    private static readonly Lazy<PlaceTables> Embedded = new(static () => new PlaceTables(RuleBook.Current));

    private static readonly string[] Mainland = ["America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"];

    private readonly FrozenDictionary<Jurisdiction, Region> _states;
    private readonly FrozenDictionary<string, Jurisdiction> _names;
    private readonly FrozenDictionary<string, Region> _postalCodes;
    private readonly Region?[] _areaCodes = new Region?[1_000];

    private PlaceTables(RuleBook rules)
    {
        _states = EmbeddedTable.Read("states.tsv", 3).ToFrozenDictionary(
            row => rules.State(row[0]) ?? throw Bad("states.tsv", row[0], "is no state"),
            row => new Region(Zones("states.tsv", row[0], row[2]), [rules.State(row[0])!]));
        _names = EmbeddedTable.Read("states.tsv", 3).ToFrozenDictionary(static row => row[1], row => rules.State(row[0])!, StringComparer.OrdinalIgnoreCase);
        _postalCodes = EmbeddedTable.Read("postal-codes.tsv", 3).ToFrozenDictionary(
            static row => row[0], row => Region("postal-codes.tsv", row, rules), StringComparer.Ordinal);
        foreach (var row in EmbeddedTable.Read("area-codes.tsv", 3))
            _areaCodes[int.Parse(row[0], System.Globalization.CultureInfo.InvariantCulture)] = Region("area-codes.tsv", row, rules);
        if (rules.AllStates.FirstOrDefault(s => !_states.ContainsKey(s)) is { } missing)
            throw Bad("states.tsv", missing.Code, "is missing");
        AnyState = _states.Values.AsEnumerable().Aggregate(static (a, b) => a.Or(b));
        AnyMainState = _states.Where(static s => s.Key.Code is not ("US-PR" or "US-VI" or "US-GU" or "US-AS" or "US-MP"))
            .OrderBy(static s => s.Key.Code, StringComparer.Ordinal).Select(static s => s.Value).Aggregate(static (a, b) => a.Or(b));
        UnknownState = new Region(
            [.. Mainland.Select(static id => DateTimeZoneProviders.Tzdb[id])], [rules.Unknown]);
        AnyProvince = _postalCodes.Where(static c => c.Key.Length == 1)
            .OrderBy(static c => c.Key, StringComparer.Ordinal).Select(static c => c.Value).Aggregate(static (a, b) => a.Or(b));
    }

    /// <summary>Reads all tables of places, laws and holidays, as is to be done at start.</summary>
    /// <exception cref="InvalidDataException">A table is bad; one line says where.</exception>
    public static void Check() => _ = (Current, ConsentBook.Current);

    /// <exception cref="InvalidDataException">A table is bad; one line says where.</exception>
    public static PlaceTables Current => Embedded.Value;

    /// <summary>All states and territories of the US.</summary>
    public Region AnyState { get; }

    /// <summary>The fifty states and the District of Columbia.</summary>
    public Region AnyMainState { get; }

    /// <summary>
    /// Where a number of the US is whose area code nobody knows: anywhere on the mainland, under the strictest law.
    /// </summary>
    public Region UnknownState { get; }

    /// <summary>All provinces and territories of Canada.</summary>
    public Region AnyProvince { get; }

    /// <summary>
    /// The states of which some part keeps this zone: all of them for a zone of the US that the table does not name, and
    /// none for one of another country.
    /// </summary>
    public IEnumerable<Jurisdiction> StatesIn(DateTimeZone zone)
    {
        var named = _states.Where(s => s.Value.Zones.Contains(zone)).Select(static s => s.Key).OrderBy(static s => s.Code, StringComparer.Ordinal).ToList();
        return named.Count > 0 ? named : IsInTheUs(zone.Id) ? AnyState.Jurisdictions : [];
    }

    private static bool IsInTheUs(string id)
    {
        var source = TzdbDateTimeZoneSource.Default;
        var canonical = source.CanonicalIdMap.TryGetValue(id, out var known) ? known : id;
        return source.ZoneLocations?.Any(l => l.CountryCode is "US" && string.Equals(l.ZoneId, canonical, StringComparison.Ordinal)) ?? false;
    }

    /// <summary>Of a number of the North American plan with this area code; null: the code stands for no place that is known.</summary>
    public Region? AreaCode(int areaCode) => _areaCodes[areaCode];

    /// <summary>Whether a postal code and a state say where the owner of this number lives.</summary>
    /// <remarks>Of the plan's other countries the codes have other shapes; a code that stands for no place may be American.</remarks>
    public bool IsOfUsOrCanada(PhoneNumber number) =>
        number.IsNorthAmerican && AreaCode(number.AreaCode) is null or { Jurisdictions.Length: > 0 };

    /// <summary>Whether an area code stands for no place that is known, and is not toll-free.</summary>
    public bool IsUnknown(int areaCode) => AreaCode(areaCode) is null && !NorthAmericanPlan.IsTollFree(areaCode);

    /// <summary>
    /// Where a number was issued: of its area code, or of its country. A toll-free one may be answered in every state. Null:
    /// nothing is known of it.
    /// </summary>
    public Region? Issued(PhoneNumber number)
    {
        if (number.IsNorthAmerican)
            return AreaCode(number.AreaCode) ?? (NorthAmericanPlan.IsTollFree(number.AreaCode) ? AnyState : UnknownState);
        var zones = number.TimeZones();
        return zones.Count == 0 ? null : new Region(
            [.. zones.Select(static id => DateTimeZoneProviders.Tzdb[id])],
            RecipientCountry.Of(number) is { } country && RuleBook.Current.Find(country) is { } law ? [law] : []);
    }

    /// <summary>Of a ZIP code (12345, 12345-6789, 123456789) or a Canadian postal code (K1A 0B1, with a space, a hyphen or neither).</summary>
    public Evidence PostalCode(string? text)
    {
        var code = text.AsSpan().Trim();
        if (code.IsEmpty)
            return default;
        var lookup = _postalCodes.GetAlternateLookup<ReadOnlySpan<char>>();
        if (IsZip(code))
        {
            return lookup.TryGetValue(code[..5], out var exact) || lookup.TryGetValue(code[..3], out exact) ? Evidence.Of(exact)
                : new(IsMilitary(code) ? EvidenceKind.Nowhere : EvidenceKind.Unreadable);
        }

        Span<char> letter = [char.ToUpperInvariant(code[0])];
        return IsCanadian(code) && lookup.TryGetValue(letter, out var province) ? Evidence.Of(province) : new(EvidenceKind.Unreadable);
    }

    /// <summary>Of two letters of a state or territory, or its name.</summary>
    public Evidence State(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return default;
        return (RuleBook.Current.State(text) ?? _names.GetValueOrDefault(text.Trim())) is { } state
            ? Evidence.Of(_states[state])
            : new(EvidenceKind.Unreadable);
    }

    /// <summary>
    /// All places of the countries that the number may be of, and that of its area code: what an address stands for that
    /// somebody wrote and nobody can read. No hour is allowed there that is not allowed from Maine to Hawaii.
    /// </summary>
    /// <param name="number">Null: of the US.</param>
    public Region Anywhere(PhoneNumber? number)
    {
        if (number is not { } known || AreaCode(known.AreaCode) is not { } own)
            return AnyMainState;
        if (own.Jurisdictions.Length == 0)
            return own;
        return own.Or(own.Jurisdictions.Contains(RuleBook.Current.Find(RuleBook.CanadaCode)) ? AnyProvince : AnyMainState);
    }

    private static bool IsZip(ReadOnlySpan<char> code) => code.Length switch
    {
        5 or 9 => !code.ContainsAnyExceptInRange('0', '9'),
        10 => code[5] == '-' && !code[..5].ContainsAnyExceptInRange('0', '9') && !code[6..].ContainsAnyExceptInRange('0', '9'),
        _ => false,
    };

    // Source: USPS, Publication 65: AE 090 to 098, AA 340, AP 962 to 966.
    private static bool IsMilitary(ReadOnlySpan<char> zip) =>
        int.Parse(zip[..3], System.Globalization.CultureInfo.InvariantCulture) is >= 90 and <= 98 or 340 or >= 962 and <= 966;

    // Source: Canada Post: no code has D, F, I, O, Q or U.
    private static bool IsCanadian(ReadOnlySpan<char> code)
    {
        if (code.Length is not (6 or 7) || code.Length == 7 && code[3] is not (' ' or '-'))
            return false;
        Span<char> compact = stackalloc char[6];
        code[..3].ToUpperInvariant(compact);
        code[^3..].ToUpperInvariant(compact[3..]);
        for (var n = 0; n < compact.Length; n++)
        {
            if (n % 2 == 0 ? !"ABCEGHJKLMNPRSTVWXYZ".Contains(compact[n], StringComparison.Ordinal) : !char.IsAsciiDigit(compact[n]))
                return false;
        }

        return true;
    }

    private static Region Region(string table, string[] row, RuleBook rules) => new(
        Zones(table, row[0], row[2]),
        row[1] == "-" ? [] : [.. row[1].Split(',').Select(code => rules.Find(code) ?? throw Bad(table, row[0], $"'{code}' is no jurisdiction"))]);

    private static DateTimeZone[] Zones(string table, string row, string ids) =>
        [.. ids.Split(',').Select(id => DateTimeZoneProviders.Tzdb.GetZoneOrNull(id) ?? throw Bad(table, row, $"'{id}' is no zone"))];

    private static InvalidDataException Bad(string table, string row, string what) => new($"{table}, {row}: {what}.");
}
