using NodaTime;

namespace Sms.Domain.QuietHours;

/// <summary>Why sending is not allowed at an instant.</summary>
public enum QuietHoursReason
{
    /// <summary>
    /// Today's window has not opened yet. Of a window that crosses midnight, all of the daytime gap counts as this.
    /// </summary>
    TooEarly,

    /// <summary>Today's window has closed.</summary>
    TooLate,

    /// <summary>No window opens today.</summary>
    ClosedDay,
}

/// <summary>May a message go now, and if not, when.</summary>
/// <param name="CanSend">True when every place allows it.</param>
/// <param name="NextSendTime">
/// The first instant, not before the one asked about, at which every place allows it: that instant itself when
/// <paramref name="CanSend"/>; null when there is none within <see cref="QuietHoursRules.Horizon"/>.
/// </param>
/// <param name="Reason">Why the first place that forbids it does; null when <paramref name="CanSend"/>.</param>
public sealed record QuietHoursDecision(bool CanSend, Instant? NextSendTime, QuietHoursReason? Reason);

/// <summary>Somewhere the recipient may be.</summary>
/// <param name="Zone">Its time zone, from NodaTime's own tzdb: the operating system's may be years old.</param>
/// <param name="Hours">When its rules allow sending.</param>
public sealed record Place(DateTimeZone Zone, IDailyHours Hours);

/// <summary>The words of the API and the store.</summary>
public static class QuietHoursWords
{
    /// <summary><c>too_early</c>, <c>too_late</c> or <c>closed_day</c>.</summary>
    public static string ToWire(this QuietHoursReason reason) => reason switch
    {
        QuietHoursReason.TooEarly => "too_early",
        QuietHoursReason.TooLate => "too_late",
        QuietHoursReason.ClosedDay => "closed_day",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Not a reason for quiet hours."),
    };
}
