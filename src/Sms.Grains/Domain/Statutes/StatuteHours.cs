using NodaTime;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Statutes;

/// <summary>
/// The strictest of several jurisdictions and the blackouts, day by day. For one decision: it remembers the days it was
/// asked for.
/// </summary>
/// <param name="jurisdictions">All of them must allow it.</param>
/// <param name="blackouts">Days that are closed by hand.</param>
/// <param name="profile">Which of their rules bind.</param>
/// <param name="postalCode">The recipient's ZIP code, five digits; null: nobody knows it.</param>
internal sealed class StatuteHours(IReadOnlyList<Jurisdiction> jurisdictions, BlackoutCalendar blackouts, RuleProfile profile, string? postalCode) : IDailyHours
{
    // The horizon and a day on either side fit.
    private const int Remembered = 16;

    private readonly (bool IsKnown, LocalDate Date, DailyWindow? Window)[] _days = new (bool, LocalDate, DailyWindow?)[Remembered];

    public DailyWindow? On(LocalDate date)
    {
        ref var day = ref _days[date.DayOfYear % Remembered];
        if (!day.IsKnown || day.Date != date)
            day = (IsKnown: true, date, Intersect(date));
        return day.Window;
    }

    /// <summary>The rules and blackouts that close that day, or set the open or the close of what is left of it.</summary>
    public IEnumerable<string> Binding(LocalDate date, DailyWindow? left)
    {
        foreach (var jurisdiction in jurisdictions)
        {
            if (blackouts.Find(jurisdiction, date) is { } blackout)
                yield return $"blackout/{blackout.Id}";
            foreach (var rule in jurisdiction.On(date, profile))
            {
                if (rule.On(date, postalCode) is not { } own || own.OpenMinute == left?.OpenMinute || own.CloseMinute == left?.CloseMinute)
                    yield return rule.Id;
            }
        }
    }

    private DailyWindow? Intersect(LocalDate date)
    {
        DailyWindow? strictest = null;
        foreach (var jurisdiction in jurisdictions)
        {
            if (blackouts.Blackouts.Count > 0 && blackouts.Find(jurisdiction, date) is not null)
                return null;
            if (jurisdiction.WindowOn(date, profile, postalCode) is not { } own)
                return null;
            strictest = strictest is null ? own : strictest.And(own);
            if (strictest is null)
                return null;
        }

        return strictest;
    }
}

/// <summary>The hours of one jurisdiction on a clock of its own.</summary>
/// <param name="jurisdiction">Whose rules.</param>
/// <param name="profile">Which of them bind.</param>
/// <param name="postalCode">The recipient's ZIP code, five digits; null: nobody knows it.</param>
/// <param name="clock">One of <see cref="Jurisdiction.Clocks"/>.</param>
internal sealed class ClockHours(Jurisdiction jurisdiction, RuleProfile profile, string? postalCode, string clock) : IDailyHours
{
    public DailyWindow? On(LocalDate date) => jurisdiction.WindowOn(date, profile, postalCode, clock);
}
