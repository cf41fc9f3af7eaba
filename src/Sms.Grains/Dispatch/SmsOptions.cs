using NodaTime;
using Sms.Domain.Retries;

namespace Sms.Dispatch;

/// <summary>How the queue is drained. Configuration section <c>Sms:Retry</c>.</summary>
public sealed class RetryOptions
{
    /// <summary>Waits between attempts; the last one repeats. Default 1, 5 and 15 minutes; each with jitter.</summary>
    public List<TimeSpan> Backoff { get; set; } = [];

    /// <summary>A claim not renewed for this long is recovered; renewed every quarter of it. Default 20 s, 1 s to 1 h.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Rows a claim takes. Default 50, 1 to 1,000.</summary>
    public int BatchSize { get; set; } = 50;

    /// <summary>Number of retry grains. Default 4, 1 to 64.</summary>
    public int Shards { get; set; } = 4;

    /// <summary>The longest wait before a due row is seen. Default 1 s, 10 ms to 1 min.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The waits as a policy.</summary>
    public RetryPolicy Policy => Backoff.Count == 0
        ? RetryPolicy.Default
        : new RetryPolicy([.. Backoff.Select(Duration.FromTimeSpan)]);
}

/// <summary>How messages are handed to the provider. Configuration section <c>Sms:Provider</c>.</summary>
public sealed class DispatchOptions
{
    /// <summary>One call to the provider. Default 35 s: the provider's own time-out is about 30 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(35);

    /// <summary>Calls at once, per silo. Default 64, 1 to 10,000.</summary>
    public int MaxConcurrency { get; set; } = 64;

    /// <summary>A recorded attempt that has not left by then is voided and recorded anew. Default 10 s.</summary>
    public TimeSpan LeaveBy { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>Limits of one sender over all businesses. Configuration section <c>Sms:Sender</c>.</summary>
public sealed class SenderOptions
{
    /// <summary>Pace, segments a second, 0.001 to 100,000; null: none of its own.</summary>
    public double? SegmentsPerSecond { get; set; }
}

/// <summary>When an attempt of unknown outcome is looked up. Configuration section <c>Sms:Reconcile</c>.</summary>
public sealed class ReconcileOptions
{
    /// <summary>Counted from when the outcome became unknown. Default 30 s, 2 and 10 minutes.</summary>
    public List<TimeSpan> Delays { get; set; } = [];

    /// <summary>The delays in force.</summary>
    public IReadOnlyList<TimeSpan> Effective => Delays.Count > 0 ? Delays
        : [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)];

    /// <summary>The first delay.</summary>
    internal Duration First => Duration.FromTimeSpan(Effective[0]);

    /// <summary>
    /// The last delay: what the provider does not have by then it never got. As long after a message was sent without
    /// a final report, the provider is asked how it ended.
    /// </summary>
    internal Duration Last => Duration.FromTimeSpan(Effective[^1]);
}

/// <summary>How long texts are kept. Configuration section <c>Sms:Retention</c>.</summary>
public sealed class RetentionOptions
{
    /// <summary>
    /// After this, counted from its acceptance, the body of a message that ended is blanked; all else of it stays.
    /// Default 395 days, 1 to 3,650 days.
    /// </summary>
    /// <remarks>13 months: a year's comparison with the year before, and a month to look at it.</remarks>
    public TimeSpan Bodies { get; set; } = TimeSpan.FromDays(395);
}
