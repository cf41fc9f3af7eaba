using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.QuietHours;
using Sms.Domain.Tables;

namespace Sms.Domain.Statutes;

/// <summary>All rules on the hours of marketing, as dated rows: see hours-rules.tsv and holidays.tsv.</summary>
public sealed class RuleBook
{
    /// <summary>The code of federal law, which holds everywhere in the US.</summary>
    public const string FederalCode = "US";

    /// <summary>The code of Canada.</summary>
    public const string CanadaCode = "CA";

    private const int Columns = 12;

    private static readonly Lazy<RuleBook> Embedded = new(static () => Parse(EmbeddedTable.Read("hours-rules.tsv", Columns), LegalHoliday.ReadEmbedded()));

    private static readonly string[] States =
    [
        .. ("AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD "
            + "TN TX UT VT VA WA WV WI WY PR VI GU AS MP").Split(' ').Select(static s => $"{FederalCode}-{s}"),
    ];

    private readonly FrozenDictionary<string, Jurisdiction> _byCode;

    private RuleBook(IReadOnlyList<Jurisdiction> jurisdictions, string version)
    {
        _byCode = jurisdictions.ToFrozenDictionary(static j => j.Code, StringComparer.Ordinal);
        (All, Version) = (jurisdictions, version);
        Federal = _byCode[FederalCode];
        AllStates = [.. States.Select(s => _byCode[s])];
    }

    /// <summary>The rules that are compiled in, read and checked once.</summary>
    /// <exception cref="InvalidDataException">A row is bad, or the rows of a jurisdiction leave a gap or overlap; one line.</exception>
    public static RuleBook Current => Embedded.Value;

    /// <summary>Every jurisdiction, in the order of the table.</summary>
    public IReadOnlyList<Jurisdiction> All { get; }

    /// <summary>The last day of verification and eight digits of the rows' SHA-256: it changes with any of them.</summary>
    public string Version { get; }

    /// <summary>Federal law.</summary>
    public Jurisdiction Federal { get; }

    /// <summary>The states and territories of the US.</summary>
    public IReadOnlyList<Jurisdiction> AllStates { get; }

    /// <summary>Null: no such jurisdiction.</summary>
    public Jurisdiction? Find(string code) => _byCode.GetValueOrDefault(code);

    /// <summary>The state or territory with these two letters, in any case; null: there is none.</summary>
    public Jurisdiction? State(string? letters) =>
        letters?.Trim() is { Length: 2 } two ? Find($"{FederalCode}-{two.ToUpperInvariant()}") : null;

    internal static RuleBook Parse(IEnumerable<string[]> rows, Dictionary<string, List<LegalHoliday>> holidays)
    {
        var calendars = holidays.ToDictionary(static h => h.Key, static h => new HolidayCalendar(h.Value), StringComparer.Ordinal);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var rules = new List<HoursRule>();
        foreach (var row in rows)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\t', row)));
            rules.Add(Rule(row, calendars));
        }

        foreach (var holiday in holidays.SelectMany(static h => h.Value))
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\t', holiday.Calendar, holiday.Name, string.Join(',', holiday.DatesIn(2_026)), string.Join(',', holiday.DatesIn(2_027)))));
        if (rules.GroupBy(static r => r.Id, StringComparer.Ordinal).FirstOrDefault(static g => g.Count() > 1) is { } twice)
            throw Bad(twice.Key, "is there twice");

        var jurisdictions = rules.GroupBy(static r => r.Jurisdiction, StringComparer.Ordinal)
            .Select(static g => new Jurisdiction(g.Key, InOrder(g.Key, [.. g.OrderBy(static r => r.From ?? LocalDate.MinIsoValue)]))).ToList();
        string[] required = [FederalCode, CanadaCode, .. States];
        if (required.FirstOrDefault(code => jurisdictions.TrueForAll(j => !string.Equals(j.Code, code, StringComparison.Ordinal))) is { } missing)
            throw Bad(missing, "has no row");
        if (jurisdictions.Find(j => !required.Contains(j.Code, StringComparer.Ordinal)) is { } unknown)
            throw Bad(unknown.Code, "is no jurisdiction");

        var verified = rules.Max(static r => r.VerifiedOn);
        return new RuleBook(jurisdictions, $"{LocalDatePattern.Iso.Format(verified)}-{Convert.ToHexStringLower(hash.GetHashAndReset())[..8]}");
    }

    private static HoursRule[] InOrder(string code, HoursRule[] rules)
    {
        if (rules[0].From is not null)
            throw Bad(code, $"has no rule before {rules[0].From}");
        for (var n = 1; n < rules.Length; n++)
        {
            if (rules[n].From is not { } from || rules[n - 1].Until is not { } until || until > from)
                throw Bad(code, $"{rules[n - 1].Id} and {rules[n].Id} overlap");
            if (until < from)
                throw Bad(code, $"has no rule from {until} until {from}");
        }

        return rules[^1].Until is { } end ? throw Bad(code, $"has no rule from {end}") : rules;
    }

    private static HoursRule Rule(string[] row, Dictionary<string, HolidayCalendar> calendars)
    {
        var id = row[0];
        if (id.Length == 0 || !id.StartsWith($"{row[1]}/", StringComparison.Ordinal))
            throw Bad(id, $"an id is the jurisdiction ({row[1]}), a slash and a number");
        var (from, until) = (Date(row[2], id), Date(row[3], id));
        if (from >= until)
            throw Bad(id, "ends before it begins");
        string[] names = row[7] == "-" ? [] : row[7].Split(',');
        if (Array.Find(names, name => !calendars.ContainsKey(name)) is { } calendar)
            throw Bad(id, $"'{calendar}' is no calendar of holidays.tsv");
        if (row[10] is not ("H" or "M" or "L"))
            throw Bad(id, $"'{row[10]}' is not H, M or L");
        if (row[11].Length == 0)
            throw Bad(id, "cites nothing");
        return new HoursRule(
            id, row[1], from, until, Window(row[4], id), Window(row[5], id), Window(row[6], id), names, Cap(row[8], id),
            Date(row[9], id) ?? throw Bad(id, "was never verified"), row[10], row[11]).With(names.Select(name => calendars[name]));
    }

    // A law's window lies within one day: so that several intersect to one window a day.
    private static DailyWindow? Window(string text, string id)
    {
        if (text is "closed")
            return null;
        var times = text.Split('-');
        return WeeklyWindows.TryParse(new Dictionary<string, string[]>(StringComparer.Ordinal) { ["mon"] = times }, out var windows, out _)
            && windows[IsoDayOfWeek.Monday] is { ClosesNextDay: false } window
            ? window
            : throw Bad(id, $"'{text}' is not closed, nor a window within a day such as 08:00-21:00");
    }

    private static FrequencyCap? Cap(string text, string id)
    {
        if (text == "-")
            return null;
        return text.Split('/') is [var limit, [.. var hours, 'h']]
            && int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var most) && most is >= 1 and <= 10
            && int.TryParse(hours, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length is >= 1 and <= 168
            ? new FrequencyCap(most, length)
            : throw Bad(id, $"'{text}' is no cap such as 3/24h");
    }

    private static LocalDate? Date(string text, string id)
    {
        if (text == "-")
            return null;
        return LocalDatePattern.Iso.Parse(text) is { Success: true } parsed ? parsed.Value : throw Bad(id, $"'{text}' is no date");
    }

    private static InvalidDataException Bad(string where, string what) => new($"hours-rules.tsv, {where}: {what}.");
}
