using Microsoft.Extensions.Logging;
using NodaTime;

namespace Sms.Dispatch;

/// <summary>
/// Runs the jobs that are due, each beside the others: one that fails, or takes its time, keeps no other from its turn,
/// and none fails in silence.
/// </summary>
internal sealed partial class Upkeep(IEnumerable<UpkeepJob> jobs, MonotonicClock time, ILogger<Upkeep> logger)
{
    /// <summary>What failed is tried again after its period, and after this at the latest.</summary>
    private static readonly Duration RetryWithin = Duration.FromMinutes(1);

    private readonly Entry[] _entries = [.. jobs.Select(j => new Entry(j, new FailureSpell(time)))];

    /// <summary>Begins what is due and does not wait for it. The first time everything is.</summary>
    /// <param name="cancellationToken">Ends the runs.</param>
    public void Begin(CancellationToken cancellationToken)
    {
        foreach (var entry in _entries)
        {
            if (entry.Running.IsCompleted && time.Elapsed >= entry.Due)
                entry.Running = RunAsync(entry, cancellationToken);
        }
    }

    /// <summary>Completes when nothing runs any more of what had begun.</summary>
    public Task WhenIdleAsync() => Task.WhenAll(_entries.Select(e => e.Running));

    private async Task RunAsync(Entry entry, CancellationToken cancellationToken)
    {
        var (begun, every) = (time.Elapsed, Duration.FromTimeSpan(entry.Job.Every));
        entry.Due = begun + every;
        try
        {
            await entry.Job.RunAsync(cancellationToken);
            SmsMetrics.Kept(entry.Job.Name, "done", time.Elapsed - begun);
            if (entry.Failures.Succeeded() is > 0 and var failures)
                LogDoneAgain(logger, entry.Job.Name, failures);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            // The grain goes away; where it comes up again everything is due.
        }
        catch (Exception e)
        {
            entry.Due = begun + Duration.Min(every, RetryWithin);
            SmsMetrics.Kept(entry.Job.Name, "failed", time.Elapsed - begun);
            if (entry.Failures.Failed(e))
                LogFailed(logger, entry.Job.Name, entry.Failures.Count, e);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "Upkeep: {Task} failed ({Failures} times in a row) and is tried again")]
    private static partial void LogFailed(ILogger logger, string task, int failures, Exception e);

    [LoggerMessage(2, LogLevel.Information, "Upkeep: {Task} is done again after {Failures} failures")]
    private static partial void LogDoneAgain(ILogger logger, string task, int failures);

    private sealed class Entry(UpkeepJob job, FailureSpell failures)
    {
        public UpkeepJob Job { get; } = job;

        public FailureSpell Failures { get; } = failures;

        /// <summary>By the monotonic clock.</summary>
        public Duration Due { get; set; } = Duration.Zero;

        public Task Running { get; set; } = Task.CompletedTask;
    }
}
