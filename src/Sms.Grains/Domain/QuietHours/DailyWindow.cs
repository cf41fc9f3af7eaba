namespace Sms.Domain.QuietHours;

/// <summary>
/// The hours of one day when sending is allowed, on the recipient's wall clock: from the open, inclusive, to the
/// close, exclusive.
/// </summary>
/// <param name="OpenMinute">Minutes after local midnight, 0 to 1,439.</param>
/// <param name="CloseMinute">
/// Minutes after local midnight, 0 to 1,440. At or before the open, it is a time of the next day; so 08:00 to 08:00
/// is a whole day.
/// </param>
/// <exception cref="ArgumentOutOfRangeException">A minute lies outside its bounds.</exception>
public sealed record DailyWindow(int OpenMinute, int CloseMinute)
{
    internal const int MinutesPerDay = 1_440;

    internal static readonly DailyWindow WholeDay = new(0, MinutesPerDay);

    /// <summary>Minutes after local midnight, 0 to 1,439.</summary>
    public int OpenMinute { get; } = Within(OpenMinute, MinutesPerDay - 1, nameof(OpenMinute));

    /// <summary>Minutes after local midnight, 0 to 1,440; of the next day when it is not after the open.</summary>
    public int CloseMinute { get; } = Within(CloseMinute, MinutesPerDay, nameof(CloseMinute));

    /// <summary>True when it closes on the day after the one it belongs to.</summary>
    public bool ClosesNextDay => CloseMinute <= OpenMinute;

    /// <summary>What two windows, each within one day, have in common; null: nothing.</summary>
    internal DailyWindow? And(DailyWindow? other)
    {
        if (other is null)
            return null;
        var (open, close) = (Math.Max(OpenMinute, other.OpenMinute), Math.Min(CloseMinute, other.CloseMinute));
        return open >= close ? null
            : open == OpenMinute && close == CloseMinute ? this
            : open == other.OpenMinute && close == other.CloseMinute ? other
            : new DailyWindow(open, close);
    }

    private static int Within(int minute, int max, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(minute, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minute, max, name);
        return minute;
    }
}
