using NodaTime;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Statutes;

/// <summary>At most so many texts to one recipient in a rolling time.</summary>
/// <param name="Limit">1 to 10: the latest ten attempts are looked at.</param>
/// <param name="Hours">How long, 1 to 168.</param>
public sealed record FrequencyCap(int Limit, int Hours);

/// <summary>When one law allows marketing, from one day to another.</summary>
/// <param name="Id">Names the row in decisions: jurisdiction and number.</param>
/// <param name="Jurisdiction"><c>US</c>, <c>US-</c> and a state or territory, or <c>CA</c> for Canada.</param>
/// <param name="From">Its first day; null: always.</param>
/// <param name="Until">The day after its last; null: for good.</param>
/// <param name="Weekdays">Monday to Friday; null: closed.</param>
/// <param name="Saturday">Null: closed.</param>
/// <param name="Sunday">Null: closed.</param>
/// <param name="HolidayCalendars">On the holidays of these it is closed.</param>
/// <param name="Cap">Null: none.</param>
/// <param name="VerifiedOn">When somebody last compared it with the law.</param>
/// <param name="Confidence">H, M or L.</param>
/// <param name="Citation">The law.</param>
public sealed record HoursRule(
    string Id, string Jurisdiction, LocalDate? From, LocalDate? Until, DailyWindow? Weekdays, DailyWindow? Saturday, DailyWindow? Sunday,
    IReadOnlyList<string> HolidayCalendars, FrequencyCap? Cap, LocalDate VerifiedOn, string Confidence, string Citation)
{
    private HolidayCalendar[] _holidays = [];

    internal HoursRule With(IEnumerable<HolidayCalendar> holidays) => this with { _holidays = [.. holidays] };

    internal bool IsInForce(LocalDate date) => (From is not { } from || date >= from) && (Until is not { } until || date < until);

    /// <summary>The window on that day; null when it is closed.</summary>
    public DailyWindow? On(LocalDate date)
    {
        foreach (var calendar in _holidays)
        {
            if (calendar.Contains(date))
                return null;
        }

        return date.DayOfWeek switch
        {
            IsoDayOfWeek.Saturday => Saturday,
            IsoDayOfWeek.Sunday => Sunday,
            _ => Weekdays,
        };
    }
}

/// <summary>The holidays of one calendar, a bit a day, computed once a year that is asked for.</summary>
internal sealed class HolidayCalendar(IReadOnlyList<LegalHoliday> holidays)
{
    private readonly ulong[]?[] _years = new ulong[10_000][];

    public bool Contains(LocalDate date)
    {
        if (date.Year is < 2 or > 9_998)
            return false;
        var days = _years[date.Year] ??= Compute(date.Year);
        return (days[date.DayOfYear >> 6] >> (date.DayOfYear & 63) & 1) == 1;
    }

    private ulong[] Compute(int year)
    {
        var days = new ulong[6];
        // The day off of a New Year's Day on a Saturday is in the year before.
        foreach (var date in holidays.SelectMany(h => h.DatesIn(year - 1).Concat(h.DatesIn(year)).Concat(h.DatesIn(year + 1))))
        {
            if (date.Year == year)
                days[date.DayOfYear >> 6] |= 1UL << (date.DayOfYear & 63);
        }

        return days;
    }
}
