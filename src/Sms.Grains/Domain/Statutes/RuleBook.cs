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

    /// <summary>The code of a number of the US whose state nobody knows.</summary>
    public const string UnknownCode = "US-XX";

    /// <summary>The columns of the table.</summary>
    internal const int Columns = 16;

    private static readonly Lazy<RuleBook> Embedded = new(static () => Parse(EmbeddedTable.Read("hours-rules.tsv", Columns), LegalHoliday.ReadEmbedded()));

    private static readonly string[] States =
    [
        .. ("AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD "
            + "TN TX UT VT VA WA WV WI WY PR VI GU AS MP").Split(' ').Select(static s => $"{FederalCode}-{s}"),
    ];

    private readonly FrozenDictionary<string, Jurisdiction> _byCode;
    private readonly Instant _freshUntil;

    private readonly List<LegalHoliday> _holidays;

    private RuleBook(IReadOnlyList<Jurisdiction> jurisdictions, string version, IEnumerable<LegalHoliday> holidays)
    {
        _holidays = [.. holidays];
        _byCode = jurisdictions.ToFrozenDictionary(static j => j.Code, StringComparer.Ordinal);
        (All, Version) = (jurisdictions, version);
        Federal = _byCode[FederalCode];
        Unknown = _byCode[UnknownCode];
        _freshUntil = jurisdictions.SelectMany(static j => j.Rules.Concat(j.Strict)).Min(static r => r.VerifiedOn).Plus(HoursRule.ShelfLife)
            .AtStartOfDayInZone(DateTimeZone.Utc).ToInstant();
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

    /// <summary>The strictest of all states, for a number of the US whose state nobody knows.</summary>
    public Jurisdiction Unknown { get; }

    /// <summary>The states and territories of the US.</summary>
    public IReadOnlyList<Jurisdiction> AllStates { get; }

    /// <summary>The rows that nobody has compared with the law for longer than <see cref="HoursRule.ShelfLife"/>, pending ones excepted.</summary>
    public IEnumerable<HoursRule> Stale(LocalDate today) => All.SelectMany(static j => j.Rules.Concat(j.Strict)).Where(r => r.IsInForce(today) && r.IsStale(today));

    /// <summary>Whether any row may be stale by then: cheap.</summary>
    internal bool IsAnyStale(Instant now) => now > _freshUntil;

    /// <summary>One sentence when a row in force is stale; else null.</summary>
    public string? Warning(Instant now) => Stale(now.InUtc().Date).Select(static r => r.Id).ToList() is { Count: > 0 } stale
        ? $"{stale.Count} rules of hours were last verified more than {HoursRule.ShelfLife.Days} days ago ({string.Join(", ", stale.Take(3))}): until they are compared with the law, the strictest hours of all states hold there too."
        : null;

    /// <summary>The holidays of all calendars on a day of the years 2 to 9,998, for people to read.</summary>
    internal IEnumerable<LegalHoliday> HolidaysOn(LocalDate date) =>
        _holidays.Where(h => h.DatesIn(date.Year - 1).Concat(h.DatesIn(date.Year)).Concat(h.DatesIn(date.Year + 1)).Contains(date));

    /// <summary>Null: no such jurisdiction.</summary>
    public Jurisdiction? Find(string code) => _byCode.GetValueOrDefault(code);

    /// <summary>The state or territory with these two letters, in any case; null: there is none.</summary>
    public Jurisdiction? State(string? letters) =>
        letters?.Trim() is { Length: 2 } two && Find($"{FederalCode}-{two.ToUpperInvariant()}") is { } state && state != Unknown ? state : null;

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
            hash.AppendData(Encoding.UTF8.GetBytes(holiday.Row));
        if (rules.GroupBy(static r => r.Id, StringComparer.Ordinal).FirstOrDefault(static g => g.Count() > 1) is { } twice)
            throw Bad(twice.Key, "is there twice");

        var jurisdictions = rules.GroupBy(static r => r.Jurisdiction, StringComparer.Ordinal)
            .Select(static g => new Jurisdiction(
                g.Key,
                InOrder(g.Key, [.. g.Where(static r => r is { IsPending: false, Profile: RuleProfile.Statute }).OrderBy(static r => r.From ?? LocalDate.MinIsoValue)]),
                g.Where(static r => r is { IsPending: false, Profile: RuleProfile.Strict }),
                g.Where(static r => r.IsPending))).ToList();
        string[] required = [FederalCode, UnknownCode, CanadaCode, .. States];
        if (required.FirstOrDefault(code => jurisdictions.TrueForAll(j => !string.Equals(j.Code, code, StringComparison.Ordinal))) is { } missing)
            throw Bad(missing, "has no row");
        if (jurisdictions.Find(j => !required.Contains(j.Code, StringComparer.Ordinal) && j.Code is not [>= 'A' and <= 'Z', >= 'A' and <= 'Z']) is { } unknown)
            throw Bad(unknown.Code, "is no jurisdiction");

        var verified = rules.Max(static r => r.VerifiedOn);
        return new RuleBook(jurisdictions, $"{LocalDatePattern.Iso.Format(verified)}-{Convert.ToHexStringLower(hash.GetHashAndReset())[..8]}", holidays.Values.SelectMany(static h => h));
    }

    private static HoursRule[] InOrder(string code, HoursRule[] rules)
    {
        if (rules.Length == 0)
            throw Bad(code, "has no row");
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
        if (row[14] is not ("H" or "M" or "L"))
            throw Bad(id, $"'{row[14]}' is not H, M or L");
        if (row[15].Length == 0)
            throw Bad(id, "cites nothing");
        if (row[12] is not ("-" or "pending"))
            throw Bad(id, $"'{row[12]}' is not - or pending");
        return new HoursRule(
            id, row[1], from, until, Window(row[4], id), Window(row[5], id), Window(row[6], id), names, Cap(row[8], id),
            Date(row[13], id) ?? throw Bad(id, "was never verified"), row[14], row[15])
        {
            Applies = Reach(row[9], id),
            Profile = row[10] switch
            {
                "statute" => RuleProfile.Statute,
                "strict" => RuleProfile.Strict,
                _ => throw Bad(id, $"'{row[10]}' is not statute or strict"),
            },
            Clock = row[11] is "-" ? null
                : row[11] is HoursRule.SendersClock || DateTimeZoneProviders.Tzdb.GetZoneOrNull(row[11]) is not null ? row[11]
                : throw Bad(id, $"'{row[11]}' is no clock"),
            IsPending = row[12] is "pending",
        }.With(names.Select(name => calendars[name]));
    }

    private static RuleReach Reach(string text, string id) => text switch
    {
        "text" => RuleReach.Text,
        "call" => RuleReach.Call,
        "device" => RuleReach.Device,
        _ => throw Bad(id, $"'{text}' is not text, call or device"),
    };

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
