using NodaTime;

namespace Sms.Dispatch;

/// <summary>
/// How long this process has run. Intervals are measured by it and not by <see cref="IClock"/>: whatever is done to the
/// clock, what comes every five seconds comes every five seconds.
/// </summary>
internal sealed class MonotonicClock(TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();

    /// <summary>Never less than it was before.</summary>
    public Duration Elapsed => Duration.FromTimeSpan(time.GetElapsedTime(_started));
}
