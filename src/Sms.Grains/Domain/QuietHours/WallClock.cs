using System.Runtime.InteropServices;
using NodaTime;

namespace Sms.Domain.QuietHours;

/// <summary>What a clock on the wall shows: all that quiet hours depend on.</summary>
/// <param name="Date">The local date.</param>
/// <param name="NanosecondOfDay">Since local midnight.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct WallClock(LocalDate Date, long NanosecondOfDay)
{
    public static WallClock At(Instant at, DateTimeZone zone) => At(at, zone.GetUtcOffset(at));

    public static WallClock At(Instant at, Offset offset)
    {
        var local = at.WithOffset(offset);
        return new WallClock(local.Date, local.NanosecondOfDay);
    }

    /// <summary>Null when the hours allow sending.</summary>
    public QuietHoursReason? ReasonToWait(IDailyHours hours)
    {
        var yesterday = hours.On(Date.PlusDays(-1));
        if (yesterday is { ClosesNextDay: true } && IsBefore(yesterday.CloseMinute)) return null;

        if (hours.On(Date) is not { } today) return QuietHoursReason.ClosedDay;
        if (IsBefore(today.OpenMinute)) return QuietHoursReason.TooEarly;

        return today.ClosesNextDay || IsBefore(today.CloseMinute) ? null : QuietHoursReason.TooLate;
    }

    private bool IsBefore(int minute) => NanosecondOfDay < minute * NodaConstants.NanosecondsPerMinute;
}
