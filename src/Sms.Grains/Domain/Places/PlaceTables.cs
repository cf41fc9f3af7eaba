using System.Collections.Frozen;
using NodaTime;
using NodaTime.TimeZones;
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

    private readonly FrozenDictionary<Jurisdiction, Region> _states;
    private readonly FrozenDictionary<string, Region> _postalCodes;
    private readonly Region?[] _areaCodes = new Region?[1_000];

    private PlaceTables(RuleBook rules)
    {
        _states = EmbeddedTable.Read("states.tsv", 3).ToFrozenDictionary(
            row => rules.State(row[0]) ?? throw Bad("states.tsv", row[0], "is no state"),
            row => new Region(Zones("states.tsv", row[0], row[2]), [rules.State(row[0])!]));
        _postalCodes = EmbeddedTable.Read("postal-codes.tsv", 3).ToFrozenDictionary(
            static row => row[0], row => Region("postal-codes.tsv", row, rules), StringComparer.Ordinal);
        foreach (var row in EmbeddedTable.Read("area-codes.tsv", 3))
            _areaCodes[int.Parse(row[0], System.Globalization.CultureInfo.InvariantCulture)] = Region("area-codes.tsv", row, rules);
        if (rules.AllStates.FirstOrDefault(s => !_states.ContainsKey(s)) is { } missing)
            throw Bad("states.tsv", missing.Code, "is missing");
        AnyState = _states.Values.AsEnumerable().Aggregate(static (a, b) => a.Or(b));
    }

    /// <summary>Reads all tables of places, laws and holidays, as is to be done at start.</summary>
    /// <exception cref="InvalidDataException">A table is bad; one line says where.</exception>
    public static void Check() => _ = Current;

    /// <exception cref="InvalidDataException">A table is bad; one line says where.</exception>
    public static PlaceTables Current => Embedded.Value;

    /// <summary>All states and territories of the US.</summary>
    public Region AnyState { get; }

    public Region State(Jurisdiction state) => _states[state];

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

    /// <summary>Of a ZIP code (12345, 12345-6789) or a Canadian postal code (K1A 0B1); null: nothing is known of it.</summary>
    public Region? PostalCode(string? text)
    {
        if (text is null)
            return null;
        // Room for the longest form that is read; anything longer is none.
        Span<char> code = stackalloc char[9];
        var length = 0;
        foreach (var c in text)
        {
            if (c is ' ' or '-')
                continue;
            if (length == code.Length || !char.IsAsciiLetterOrDigit(c))
                return null;
            code[length++] = char.ToUpperInvariant(c);
        }

        var read = code[..length];
        var lookup = _postalCodes.GetAlternateLookup<ReadOnlySpan<char>>();
        if (IsZip(read))
            return lookup.TryGetValue(read[..5], out var exact) || lookup.TryGetValue(read[..3], out exact) ? exact : null;
        return IsCanadian(read) && lookup.TryGetValue(read[..1], out var province) ? province : null;
    }

    private static bool IsZip(ReadOnlySpan<char> code) => code.Length is 5 or 9 && !code.ContainsAnyExceptInRange('0', '9');

    private static bool IsCanadian(ReadOnlySpan<char> code)
    {
        if (code.Length != 6)
            return false;
        for (var n = 0; n < code.Length; n++)
        {
            if (char.IsAsciiLetter(code[n]) != (n % 2 == 0))
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
