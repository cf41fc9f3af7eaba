using System.Globalization;
using NodaTime;
using PhoneNumbers;
using Sms.Domain.Tables;

namespace Sms.Domain.Tests.Places;

/// <summary>
/// Makes area-codes.tsv from the phone-number library: for each area code the union of the zones and the states that
/// the library gives for all its exchanges, and for those that share a region the union of theirs; with what is listed here
/// where the library is wrong or late.
/// </summary>
internal static class AreaCodeGenerator
{
    /// <summary>Codes in use or announced that the library does not know yet: it lists a code only once exchanges are assigned to it.</summary>
    private static readonly (int AreaCode, int Over)[] NewCodes =
    [
        (357, 559), (436, 440), (457, 318), (465, 718), (471, 662), (483, 334), (621, 713), (624, 716),
        (679, 313), (729, 423), (764, 650), (837, 530), (861, 309), (924, 507),
    ];

    /// <summary>Codes of one region: the library knows the split of the oldest of them, and not of those laid over it.</summary>
    /// <remarks>Source: NANPA and CNAC, notices of relief; compared on 2026-11-29 with an independent list.</remarks>
    private static readonly int[][] Overlays =
    [
        [850, 448], [812, 930], [270, 364], [541, 458], [208, 986], [423, 729], [334, 483], [407, 689, 321],
        [250, 236, 672, 778, 257, 604], [306, 639, 474], [418, 581, 367, 273], [709, 879],
        .. NewCodes.Select(static n => new[] { n.AreaCode, n.Over }),
    ];

    /// <summary>Codes to which the library gives a zone that no part of their region keeps: they have those of their overlay.</summary>
    private static readonly int[] Wrong = [689, 474, 879];

    /// <summary>Zones at the edge of a code's region for which the library has no exchange.</summary>
    private static readonly (int AreaCode, string Zone)[] Edges =
    [
        (432, "America/Denver"), (806, "America/Denver"), (931, "America/New_York"), (334, "America/New_York"),
        (250, "America/Dawson_Creek"), (306, "America/Edmonton"), (807, "America/Atikokan"),
    ];

    private static readonly PhoneNumberUtil Util = PhoneNumberUtil.GetInstance();

    private static readonly Dictionary<string, string> StatesByName = EmbeddedTable.Read("states.tsv", 3)
        .SelectMany(static row => new[] { (row[0], row[0]), (row[1], row[0]) })
        .Append(("Washington State", "WA")).Append(("Washington D.C.", "DC")).Append(("Washington DC", "DC"))
        .ToDictionary(static pair => pair.Item1, static pair => pair.Item2, StringComparer.OrdinalIgnoreCase);

    private static readonly HashSet<string> Territories = new(StringComparer.Ordinal) { "PR", "VI", "GU", "AS", "MP" };

    public static string Table()
    {
        var rows = new SortedDictionary<int, (SortedSet<string> Jurisdictions, SortedSet<string> Zones)>();
        for (var areaCode = 200; areaCode < 1_000; areaCode++)
        {
            if (Row(areaCode) is { } row)
                rows.Add(areaCode, row);
        }

        foreach (var wrong in Wrong)
            rows[wrong].Zones.Clear();
        foreach (var (areaCode, _) in NewCodes)
            rows.TryAdd(areaCode, (new(StringComparer.Ordinal), new(StringComparer.Ordinal)));
        foreach (var (areaCode, zone) in Edges)
            rows[areaCode].Zones.Add(zone);

        foreach (var overlay in Overlays.Select(o => o.Where(rows.ContainsKey).ToList()))
        {
            foreach (var (one, other) in overlay.SelectMany(o => overlay.Select(p => (o, p))))
            {
                rows[one].Zones.UnionWith(rows[other].Zones);
                rows[one].Jurisdictions.UnionWith(rows[other].Jurisdictions);
            }
        }

        const string Head = """
            # Area codes of the North American plan: the jurisdictions (- for a country without rules of its own here) and all
            # zones that they may stand for. Generated from the phone-number library; after an upgrade of it:
            # UPDATE_AREA_CODES=1 dotnet run --project tests/Sms.Domain.Tests -- --filter-class Sms.Domain.Tests.Places.AreaCodeTableTests
            # area code	jurisdictions	zones

            """;
        return Head + string.Concat(rows.Select(static r =>
            $"{r.Key.ToString(CultureInfo.InvariantCulture)}\t{(r.Value.Jurisdictions.Count == 0 ? "-" : string.Join(',', r.Value.Jurisdictions))}\t{string.Join(',', r.Value.Zones)}\n"));
    }

    private static (SortedSet<string> Jurisdictions, SortedSet<string> Zones)? Row(int areaCode)
    {
        (SortedSet<string> Jurisdictions, SortedSet<string> Zones) row = (new(StringComparer.Ordinal), new(StringComparer.Ordinal));
        var isUs = false;
        for (var exchange = 200; exchange < 1_000; exchange++)
        {
            var number = Util.Parse(string.Create(CultureInfo.InvariantCulture, $"+1{areaCode}{exchange}1234"), "US");
            if (Util.GetNumberType(number) is not (PhoneNumberType.FIXED_LINE_OR_MOBILE or PhoneNumberType.FIXED_LINE or PhoneNumberType.MOBILE))
                continue;

            var region = Util.GetRegionCodeForNumber(number) ?? "";
            isUs |= region is "US";
            if (region is "CA")
                row.Jurisdictions.Add("CA");
            else if (Territories.Contains(region))
                row.Jurisdictions.Add($"US-{region}");
            else if (region is "US" && State(PhoneNumberOfflineGeocoder.GetInstance().GetDescriptionForNumber(number, Locale.English)) is { } state)
                row.Jurisdictions.Add($"US-{state}");
            row.Zones.UnionWith(PhoneNumberToTimeZonesMapper.GetInstance().GetTimeZonesForGeographicalNumber(number)
                .Where(static id => DateTimeZoneProviders.Tzdb.GetZoneOrNull(id) is not null));
        }

        return row.Zones.Count == 0 ? null
            : isUs && row.Jurisdictions.Count == 0 ? throw new InvalidOperationException($"Area code {areaCode} is in no state.")
            : row;
    }

    private static string? State(string description) =>
        StatesByName.GetValueOrDefault(description[(description.LastIndexOf(", ", StringComparison.Ordinal) is >= 0 and var at ? at + 2 : 0)..]);
}
