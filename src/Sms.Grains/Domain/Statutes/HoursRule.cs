using NodaTime;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Statutes;

/// <summary>At most so many texts to one recipient in a rolling time.</summary>
/// <param name="Limit">1 to 10: the latest ten attempts are looked at.</param>
/// <param name="Hours">How long, 1 to 168.</param>
public sealed record FrequencyCap(int Limit, int Hours);

/// <summary>What a law speaks of.</summary>
public enum RuleReach
{
    /// <summary>Texts, by name or by the definition of a call.</summary>
    Text,

    /// <summary>Calls; held to hold for texts by analogy.</summary>
    Call,

    /// <summary>Automatic dialling and announcing devices.</summary>
    Device,
}

/// <summary>How far caution goes beyond the statutes.</summary>
public enum RuleProfile
{
    /// <summary>The statutes on texts and calls.</summary>
    Statute,

    /// <summary>Also the rules on automatic devices, for a program that texts is one, and readings that are contested.</summary>
    Strict,
}

/// <summary>When one law allows marketing, from one day to another.</summary>
/// <param name="Id">Names the row in decisions: jurisdiction and number.</param>
/// <param name="Jurisdiction"><c>US</c>, <c>US-</c> and a state or territory, <c>US-XX</c>, or a country.</param>
/// <param name="From">Its first day; null: always.</param>
/// <param name="Until">The day after its last; null: for good.</param>
/// <param name="Weekdays">Monday to Friday; null: closed.</param>
/// <param name="Saturday">Null when nothing may be sent on that day.</param>
/// <param name="Sunday">Null when nothing may be sent on that day.</param>
/// <param name="HolidayCalendars">On the holidays of these it is closed.</param>
/// <param name="Cap">Null: none.</param>
/// <param name="VerifiedOn">When somebody last compared it with the law.</param>
/// <param name="Confidence">H, M or L.</param>
/// <param name="Citation">The law.</param>
public sealed record HoursRule(
    string Id, string Jurisdiction, LocalDate? From, LocalDate? Until, DailyWindow? Weekdays, DailyWindow? Saturday, DailyWindow? Sunday,
    IReadOnlyList<string> HolidayCalendars, FrequencyCap? Cap, LocalDate VerifiedOn, string Confidence, string Citation)
{
    /// <summary>The value of <see cref="Clock"/> that stands for the sender's own zone.</summary>
    public const string SendersClock = "sender";

    /// <summary>A row that nobody has compared with the law for longer is no longer believed alone.</summary>
    public static readonly Period ShelfLife = Period.FromDays(400);

    private HolidayCalendar[] _holidays = [];

    /// <summary>What the law speaks of.</summary>
    public RuleReach Applies { get; init; }

    /// <summary>The mildest profile in which it binds.</summary>
    public RuleProfile Profile { get; init; }

    /// <summary>
    /// A clock on which the hours must hold besides the recipient's: a tz id, or <see cref="SendersClock"/>; null: none.
    /// </summary>
    public string? Clock { get; init; }

    /// <summary>It is not law yet: it is shown, and binds nobody.</summary>
    public bool IsPending { get; init; }

    internal HoursRule With(IEnumerable<HolidayCalendar> holidays) => this with { _holidays = [.. holidays] };

    internal bool IsInForce(LocalDate date) => (From is not { } from || date >= from) && (Until is not { } until || date < until);

    /// <summary>Whether it was verified more than <see cref="ShelfLife"/> before that day.</summary>
    public bool IsStale(LocalDate today) => VerifiedOn.Plus(ShelfLife) < today;

    /// <summary>The window on that day; null when it is closed.</summary>
    /// <param name="date">On the recipient's calendar.</param>
    /// <param name="postalCode">The recipient's ZIP code, five digits; null: nobody knows it, and holidays of some of them are kept.</param>
    public DailyWindow? On(LocalDate date, string? postalCode = null)
    {
        var closesAt = DailyWindow.MinutesPerDay;
        foreach (var calendar in _holidays)
        {
            closesAt = Math.Min(closesAt, calendar.ClosesAt(date, postalCode));
            if (closesAt == 0)
                return null;
        }

        var window = date.DayOfWeek switch
        {
            IsoDayOfWeek.Saturday => Saturday,
            IsoDayOfWeek.Sunday => Sunday,
            _ => Weekdays,
        };
        return window is null || closesAt >= window.CloseMinute ? window
            : closesAt > window.OpenMinute ? new DailyWindow(window.OpenMinute, closesAt)
            : null;
    }
}

/// <summary>The holidays of one calendar, a bit a day, computed once a year that is asked for.</summary>
internal sealed class HolidayCalendar(IReadOnlyList<LegalHoliday> holidays)
{
    private readonly Year?[] _years = new Year[10_000];

    /// <summary>The minute of the day from which it is closed: 0 on a holiday, 1,440 on a day that is none.</summary>
    public int ClosesAt(LocalDate date, string? postalCode)
    {
        if (date.Year is < 2 or > 9_998)
            return DailyWindow.MinutesPerDay;
        var year = _years[date.Year] ??= Compute(date.Year);
        var (word, bit) = (date.DayOfYear >> 6, 1UL << (date.DayOfYear & 63));
        if ((year.Closed[word] & bit) != 0)
            return 0;
        return (year.Partial[word] & bit) == 0 ? DailyWindow.MinutesPerDay : Part(date, postalCode);
    }

    // Rare: half days, and holidays of a part of the state.
    private int Part(LocalDate date, string? postalCode) => holidays
        .Where(h => h.IsKeptAt(postalCode) && DatesAround(h, date.Year).Contains(date))
        .Select(static h => h.ClosesAt)
        .DefaultIfEmpty(DailyWindow.MinutesPerDay).Min();

    private Year Compute(int number)
    {
        var year = new Year(new ulong[6], new ulong[6]);
        foreach (var holiday in holidays)
        {
            var days = holiday is { ClosesAt: 0, Scope.Count: 0 } ? year.Closed : year.Partial;
            foreach (var date in DatesAround(holiday, number))
            {
                if (date.Year == number)
                    days[date.DayOfYear >> 6] |= 1UL << (date.DayOfYear & 63);
            }
        }

        return year;
    }

    // The day off of a New Year's Day on a Saturday is in the year before.
    private static IEnumerable<LocalDate> DatesAround(LegalHoliday holiday, int year) =>
        holiday.DatesIn(year - 1).Concat(holiday.DatesIn(year)).Concat(holiday.DatesIn(year + 1));

    private sealed record Year(ulong[] Closed, ulong[] Partial);
}
