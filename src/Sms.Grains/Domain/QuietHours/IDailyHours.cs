using NodaTime;

namespace Sms.Domain.QuietHours;

/// <summary>When sending is allowed, day by day on the recipient's calendar.</summary>
public interface IDailyHours
{
    /// <summary>The window that opens on that date; null when none does.</summary>
    DailyWindow? On(LocalDate date);
}
