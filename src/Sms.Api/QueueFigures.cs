using Sms.Contracts;

namespace Sms.Api;

/// <summary>
/// The queue over all businesses, as any process of the cluster sees it. One question to the database is under way at
/// most, its answer serves the scrapes of some seconds, and a scrape does not wait for it for long.
/// </summary>
internal sealed class QueueFigures(IGrainFactory grains, IHostApplicationLifetime lifetime, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private Task<QueueStats>? _count;
    private long _countedAt;

    public async Task WriteToAsync(MetricsText text, CancellationToken cancellationToken)
    {
        var stats = await TakeAsync(cancellationToken);
        text.Begin("sms_queue_counted", "gauge", "1: the figures of the queue are below; 0: the cluster did not answer in time and they are left out")
            .Sample("sms_queue_counted", "", stats is null ? 0 : 1);
        if (stats is null)
            return;

        text.Begin("sms_queue_rows", "gauge", "Rows of the whole cluster's queue by state; due: pending and overdue, held: waiting for something that is not time")
            .Sample("sms_queue_rows", "state=\"pending\"", stats.Pending)
            .Sample("sms_queue_rows", "state=\"due\"", stats.Due)
            .Sample("sms_queue_rows", "state=\"processing\"", stats.Processing)
            .Sample("sms_queue_rows", "state=\"held\"", stats.Held);
        text.Begin("sms_queue_oldest_due_seconds", "gauge", "For how long the longest overdue row of the whole cluster is due; 0: none is")
            .Sample("sms_queue_oldest_due_seconds", "", stats.OldestDueAgeSeconds ?? 0);
        text.Begin("sms_attempts_unknown", "gauge", "Attempts of the whole cluster whose outcome is unknown: the provider is being asked")
            .Sample("sms_attempts_unknown", "", stats.Unknown);
        text.Begin("sms_attempts_oldest_unknown_seconds", "gauge", "For how long the longest of them is unknown; 0: none is")
            .Sample("sms_attempts_oldest_unknown_seconds", "", stats.OldestUnknownAgeSeconds ?? 0);
        text.Begin("sms_queue_claimed_in_vain", "gauge", "Rows of the whole cluster's queue that are claimed again and again and come to nothing")
            .Sample("sms_queue_claimed_in_vain", "", stats.ClaimedInVain);
        text.Begin("sms_businesses_paused", "gauge", "Businesses that are paused while texts of theirs wait for that to end")
            .Sample("sms_businesses_paused", "", stats.PausedBusinesses);
        text.Begin("sms_queue_waiting_rows", "gauge", "Pending and processing rows of the whole cluster's queue by reason");
        foreach (var (reason, count) in stats.ByReason.OrderBy(r => r.Key, StringComparer.Ordinal))
            text.Sample("sms_queue_waiting_rows", $"reason=\"{reason}\"", count);
    }

    /// <summary>Null: the cluster does not answer.</summary>
    private async Task<QueueStats?> TakeAsync(CancellationToken cancellationToken)
    {
        // Before that a front-end has no connection to any silo.
        if (!lifetime.ApplicationStarted.IsCancellationRequested)
            return null;
        try
        {
            return await CountAsync().WaitAsync(Patience, time, cancellationToken);
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            return null;
        }
    }

    private Task<QueueStats> CountAsync()
    {
        lock (_gate)
        {
            if (_count is null || (_count.IsCompleted && (!_count.IsCompletedSuccessfully || time.GetElapsedTime(_countedAt) > Kept)))
                (_count, _countedAt) = (grains.Reader().GetQueueStatsAsync(), time.GetTimestamp());
            return _count;
        }
    }
}
