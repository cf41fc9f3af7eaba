using System.Globalization;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.Tables;

namespace Sms.Domain.Statutes;

/// <summary>A day on which a law forbids marketing, or the rest of it, as a rule that names its dates.</summary>
/// <param name="Calendar">Whose holiday: <c>federal</c>, a state or a country.</param>
/// <param name="Name">In words.</param>
/// <param name="FirstYear">Since when it is kept.</param>
/// <param name="EndYear">The first year in which it is not kept any more.</param>
/// <param name="ClosesAt">The minute of the day from which it is closed; 0: all day.</param>
/// <param name="Scope">The beginnings of the postal codes where it is kept; empty: everywhere.</param>
/// <param name="Citation">The law.</param>
internal sealed record LegalHoliday(string Calendar, string Name, int FirstYear, int EndYear, int ClosesAt, IReadOnlyList<string> Scope, string Citation)
{
    /// <summary>The columns of the table.</summary>
    public const int Columns = 9;

    private static readonly string[] Days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    private static readonly string[] Observances = ["sat-fri", "sat-mon", "sun-mon"];

    private Func<int, IEnumerable<LocalDate>> _dates = static _ => [];
    private string[] _observed = [];

    /// <summary>The row as it stands in the table.</summary>
    public string Row { get; private init; } = "";

    /// <summary>The holidays of the table, by calendar.</summary>
    /// <exception cref="InvalidDataException">A row says nothing that is understood.</exception>
    public static Dictionary<string, List<LegalHoliday>> Read(IEnumerable<string[]> rows)
    {
        var calendars = new Dictionary<string, List<LegalHoliday>>(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            var holiday = new LegalHoliday(
                row[0], row[1], row[4] == "-" ? 1 : Number(row[4], row), row[5] == "-" ? int.MaxValue : Number(row[5], row), Closing(row),
                row[7] == "-" ? [] : row[7].Split(','), row[8])
            {
                _dates = Rule(row[2], row),
                _observed = Observed(row),
                Row = string.Join('\t', row),
            };
            if (holiday.EndYear <= holiday.FirstYear)
                throw Bad(row, "ends before it begins");
            if (holiday.Citation.Length == 0)
                throw Bad(row, "cites nothing");
            if (!calendars.TryGetValue(row[0], out var list))
                calendars.Add(row[0], list = []);
            list.Add(holiday);
        }

        return calendars;
    }

    public static Dictionary<string, List<LegalHoliday>> ReadEmbedded() => Read(EmbeddedTable.Read("holidays.tsv", Columns));

    /// <summary>The days themselves in that year, and the days off beside a weekend, which may be in a neighbouring year.</summary>
    public IEnumerable<LocalDate> DatesIn(int year)
    {
        if (year < FirstYear || year >= EndYear)
            yield break;
        foreach (var date in _dates(year))
        {
            yield return date;
            if (date.DayOfWeek == IsoDayOfWeek.Saturday && IsObserved("sat-fri"))
                yield return date.PlusDays(-1);
            if (date.DayOfWeek == IsoDayOfWeek.Saturday && IsObserved("sat-mon"))
                yield return date.PlusDays(2);
            if (date.DayOfWeek == IsoDayOfWeek.Sunday && IsObserved("sun-mon"))
                yield return date.PlusDays(1);
        }

        bool IsObserved(string word) => Array.IndexOf(_observed, word) >= 0;
    }

    /// <summary>Whether it is kept at this postal code.</summary>
    /// <param name="postalCode">Five digits; null: nobody knows it, and it may be kept there.</param>
    public bool IsKeptAt(string? postalCode)
    {
        if (Scope.Count == 0 || postalCode is null)
            return true;
        foreach (var beginning in Scope)
        {
            if (postalCode.StartsWith(beginning, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    private static Func<int, IEnumerable<LocalDate>> Rule(string rule, string[] row)
    {
        if (LocalDatePattern.Iso.Parse(rule) is { Success: true, Value: var proclaimed })
            return year => proclaimed.Year == year ? [proclaimed] : [];
        if (rule.StartsWith("every ", StringComparison.Ordinal))
        {
            return Array.IndexOf(Days, rule["every ".Length..]) is >= 0 and var day
                ? year => Weekly(year, (IsoDayOfWeek)(day + 1))
                : throw Bad(row, $"'{rule}' is no rule");
        }

        var yearly = Yearly(rule, row);
        return year => yearly(year) is { } date ? [date] : [];
    }

    private static IEnumerable<LocalDate> Weekly(int year, IsoDayOfWeek day)
    {
        for (var date = new LocalDate(year, 1, 1).PlusDays(-1).Next(day); date.Year == year; date = date.PlusWeeks(1))
            yield return date;
    }

    private static Func<int, LocalDate?> Yearly(string rule, string[] row)
    {
        var words = rule.Split(' ');
        if (words[0].StartsWith("easter", StringComparison.Ordinal))
        {
            var days = words[0].Length == "easter".Length ? 0 : Number(words[0]["easter".Length..], row);
            return year => Easter(year).PlusDays(days);
        }

        if (words[0] is "election")
        {
            var evenOnly = words is [_, "even"];
            return year => evenOnly && year % 2 == 1 ? null : Nth(year, 11, 1, IsoDayOfWeek.Monday).PlusDays(1);
        }

        if (words[0].Split('-') is [var m, var d])
        {
            var (month, day) = (Number(m, row), Number(d, row));
            if (month is < 1 or > 12 || day < 1 || day > CalendarSystem.Iso.GetDaysInMonth(2001, month))
                throw Bad(row, $"'{words[0]}' is no day of every year");
            return words switch
            {
                [_] => year => new LocalDate(year, month, day),
                [_, "monday"] => year => MondayOf(new LocalDate(year, month, day)),
                _ => throw Bad(row, $"'{rule}' is no rule"),
            };
        }

        if (words.Length is not (3 or 4) || Array.IndexOf(Days, words[2]) is not (>= 0 and var weekday))
            throw Bad(row, $"'{rule}' is no rule");
        var (ofMonth, iso) = (Number(words[0], row), (IsoDayOfWeek)(weekday + 1));
        if (ofMonth is < 1 or > 12)
            throw Bad(row, $"'{words[0]}' is no month");
        var plus = words.Length == 4 ? Number(words[3], row) : 0;
        if (words[1] is "last")
        {
            return year => new LocalDate(year, ofMonth, CalendarSystem.Iso.GetDaysInMonth(year, ofMonth))
                .PlusDays(1).Previous(iso).PlusDays(plus);
        }

        var n = Number(words[1], row);
        return n is >= 1 and <= 4 ? year => Nth(year, ofMonth, n, iso).PlusDays(plus) : throw Bad(row, $"'{words[1]}' is not 1 to 4 or last");
    }

    private static LocalDate Nth(int year, int month, int n, IsoDayOfWeek day) =>
        new LocalDate(year, month, 1).PlusDays(-1).Next(day).PlusWeeks(n - 1);

    /// <summary>After a weekend the Monday that follows, else the Monday of its week.</summary>
    private static LocalDate MondayOf(LocalDate date) => date.DayOfWeek switch
    {
        IsoDayOfWeek.Monday => date,
        IsoDayOfWeek.Saturday or IsoDayOfWeek.Sunday => date.Next(IsoDayOfWeek.Monday),
        _ => date.Previous(IsoDayOfWeek.Monday),
    };

    /// <summary>Western Easter Sunday.</summary>
    /// <remarks>Source: the anonymous Gregorian algorithm (Nature, 20 April 1876).</remarks>
    private static LocalDate Easter(int year)
    {
        int a = year % 19, b = year / 100, c = year % 100;
        var h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
        var l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
        var m = (a + 11 * h + 22 * l) / 451;
        var day = h + l - 7 * m + 114;
        return new LocalDate(year, day / 31, day % 31 + 1);
    }

    private static string[] Observed(string[] row) => row[3] == "-" ? [] : row[3].Split(',') is var words && words.All(w => Array.IndexOf(Observances, w) >= 0)
        ? words
        : throw Bad(row, $"'{row[3]}' is not sat-fri, sat-mon or sun-mon");

    private static int Closing(string[] row)
    {
        if (row[6] == "-")
            return 0;
        return LocalTimePattern.CreateWithInvariantCulture("HH:mm").Parse(row[6]) is { Success: true, Value: var time }
            ? time.Hour * 60 + time.Minute
            : throw Bad(row, $"'{row[6]}' is no time");
    }

    private static int Number(string text, string[] row) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Bad(row, $"'{text}' is no number");

    private static InvalidDataException Bad(string[] row, string what) => new($"holidays.tsv, {row[0]} {row[1]}: {what}.");
}
