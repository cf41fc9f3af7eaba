using Microsoft.Extensions.Logging;

namespace Sms.Dispatch;

/// <summary>
/// Speaks for all that an outage hits: at its first sign, once a minute while it lasts, and when it is over. A line about
/// one thing that it hit is written at Debug (<c>LostCalls.LineLevel</c>). Safe for several threads.
/// </summary>
/// <param name="what">The subject of the lines, such as "The database".</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class Outage(string what, TimeProvider time, ILogger logger)
{
    /// <summary>It is over when nothing has failed for so long: while every other call fails it is not.</summary>
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private volatile bool _lasts;
    private long _beganAt;
    private long _failedAt;
    private long _saidAt;
    private int _failures;

    /// <summary>Notes that a call failed.</summary>
    /// <param name="reason">In words.</param>
    public void Failed(string reason)
    {
        lock (_gate)
        {
            _failedAt = time.GetTimestamp();
            var isFirst = !_lasts;
            if (isFirst)
                (_lasts, _beganAt, _failures) = (true, _failedAt, 0);
            _failures++;
            if (!isFirst && time.GetElapsedTime(_saidAt, _failedAt) < SayAgain)
                return;
            _saidAt = _failedAt;
            LogLasts(logger, what, reason, _failures);
        }
    }

    /// <summary>Notes that a call was answered. While nothing has failed it costs nothing.</summary>
    public void Succeeded()
    {
        if (!_lasts)
            return;
        lock (_gate)
        {
            if (!_lasts || time.GetElapsedTime(_failedAt) < Calm)
                return;
            _lasts = false;
            var lasted = time.GetElapsedTime(_beganAt, _failedAt);
            LogOver(logger, what, lasted.TotalSeconds, _failures);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{What} does not answer: {Reason}. What needs it is tried again (failed so far: {Failures})")]
    private static partial void LogLasts(ILogger logger, string what, string reason, int failures);

    [LoggerMessage(2, LogLevel.Information, "{What} answers again. It did not for {Seconds:F0} s (failed: {Failures})")]
    private static partial void LogOver(ILogger logger, string what, double seconds, int failures);
}

/// <summary>What a process can lose.</summary>
internal sealed class Outages(TimeProvider time, ILogger<Outage> logger)
{
    public Outage Database { get; } = new("The database", time, logger);

    public Outage Provider { get; } = new("The provider", time, logger);

    public Outage Silos { get; } = new("A silo", time, logger);
}
