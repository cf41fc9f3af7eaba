using NodaTime;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Statutes;

/// <summary>
/// The strictest of several jurisdictions and the blackouts, day by day. For one decision: it remembers the days it was
/// asked for.
/// </summary>
/// <param name="jurisdictions">All of them must allow it.</param>
/// <param name="blackouts">Days that are closed by hand.</param>
internal sealed class StatuteHours(IReadOnlyList<Jurisdiction> jurisdictions, BlackoutCalendar blackouts) : IDailyHours
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
            var rule = jurisdiction.On(date);
            if (blackouts.Find(jurisdiction, date) is { } blackout)
                yield return $"blackout/{blackout.Id}";
            if (rule.On(date) is not { } own || own.OpenMinute == left?.OpenMinute || own.CloseMinute == left?.CloseMinute)
                yield return rule.Id;
        }
    }

    private DailyWindow? Intersect(LocalDate date)
    {
        DailyWindow? strictest = null;
        foreach (var jurisdiction in jurisdictions)
        {
            if (blackouts.Blackouts.Count > 0 && blackouts.Find(jurisdiction, date) is not null)
                return null;
            if (jurisdiction.On(date).On(date) is not { } own)
                return null;
            if (strictest is null)
            {
                strictest = own;
                continue;
            }

            var (open, close) = (Math.Max(strictest.OpenMinute, own.OpenMinute), Math.Min(strictest.CloseMinute, own.CloseMinute));
            if (open >= close)
                return null;
            if (open != strictest.OpenMinute || close != strictest.CloseMinute)
                strictest = open == own.OpenMinute && close == own.CloseMinute ? own : new DailyWindow(open, close);
        }

        return strictest;
    }
}
