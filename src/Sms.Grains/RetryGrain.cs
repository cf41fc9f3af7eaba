using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Orleans.Runtime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Retries;
using Sms.Ports;

namespace Sms;

/// <summary>
/// Claims what is due and hands it to the businesses' grains: back to back while there is work, else at the next
/// due time, at most a poll interval later. Its reminder brings it back after any crash.
/// </summary>
[GrainType("sms.retry")]
internal sealed partial class RetryGrain(
    IRetryQueue queue,
    DispatchSlots slots,
    Reconciler reconciler,
    Sweeper sweeper,
    IClusterMembershipService membership,
    IClock clock,
    IOptions<RetryOptions> options,
    IOptions<DispatchOptions> dispatch,
    IOptions<ReconcileOptions> reconcile,
    ILogger<RetryGrain> logger) : Grain, IRetryGrain, IRemindable
{
    /// <summary>The name of the reminder; the key of the grain tells the shards apart.</summary>
    public const string ReminderName = "wake";

    /// <summary>How often claims and attempts of dead processes are looked for.</summary>
    private static readonly Duration RecoverEvery = Duration.FromSeconds(5);

    /// <summary>Among full claims: how often what has become due at the provider is looked for. Else at each claim.</summary>
    private static readonly Duration ReconcileEvery = Duration.FromSeconds(1);

    /// <summary>The shortest time of a timer.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(1);

    /// <summary>Beyond the last instant at which an attempt's reply can arrive; covers clocks that differ between silos.</summary>
    private static readonly Duration ExpiryMargin = Duration.FromSeconds(15);

    /// <summary>Beyond the last instant at which a request of a process that is gone can have left; covers clocks that differ.</summary>
    private static readonly Duration GoneMargin = Duration.FromSeconds(5);

    private readonly QueueWatermark _watermark = new();
    private IGrainTimer? _timer;
    private Instant _nextProbe = Instant.MinValue;
    private Instant _nextRecovery = Instant.MinValue;
    private Instant _nextReconciliation = Instant.MinValue;
    private bool _isFull;
    private Task _reconciling = Task.CompletedTask;
    private Task _sweeping = Task.CompletedTask;
    private int _outstanding;
    private bool _waitsForRoom;

    /// <summary>Rows claimed and not yet begun or put off, at most: beyond it claiming waits.</summary>
    private int MostOutstanding => options.Value.BatchSize * 4;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await this.RegisterOrUpdateReminder(ReminderName, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), cancellationToken);
        _timer = this.RegisterGrainTimer(DrainAsync, new GrainTimerCreationOptions(TimeSpan.Zero, options.Value.PollInterval) { KeepAlive = true });
    }

    public Task WakeAsync() => Task.CompletedTask;

    public Task ReceiveReminder(string reminderName, TickStatus status) => Task.CompletedTask;

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!slots.IsClosed && !cancellationToken.IsCancellationRequested)
            {
                await RecoverAsync();
                Reconcile(cancellationToken);
                if (_outstanding >= MostOutstanding)
                {
                    _waitsForRoom = true;
                    return;
                }

                var now = clock.GetCurrentInstant();
                var low = _watermark.At(now);
                var due = await queue.ClaimDueAsync(options.Value.BatchSize, Duration.FromTimeSpan(options.Value.Lease), now, low);
                SmsMetrics.Claimed(due.Count);
                foreach (var business in due.GroupBy(d => d.BusinessId))
                    HandOver(business.Key, [.. business.Select(d => d.Row)]);
                _isFull = due.Count >= options.Value.BatchSize;
                if (_watermark.Claimed(low, _isFull, due.NextDue, now) || _isFull)
                    continue;
                // What is due and could not be claimed is locked by somebody else: it is looked for at the next poll.
                if (due.Count > 0 || due.NextDue > now)
                    SleepUntil(due.NextDue, now);
                return;
            }
        }
        catch (StoreUnavailableException e)
        {
            LogUnavailable(logger, this.GetPrimaryKeyLong(), e);
        }
    }

    private async Task RecoverAsync()
    {
        var now = clock.GetCurrentInstant();
        if (now < _nextRecovery)
            return;
        _nextRecovery = now + RecoverEvery;
        var leftBefore = now - Duration.FromTimeSpan(dispatch.Value.Timeout) - ExpiryMargin;
        var alive = membership.CurrentSnapshot.Members.Values
            .Where(m => m.Status != SiloStatus.Dead).Select(m => m.SiloAddress.ToParsableString()).ToList();
        var expired = await queue.ExpireAttemptsAsync(leftBefore, now, now + reconcile.Value.First, now - GoneMargin, alive);
        var recovered = await queue.RecoverAsync(now);
        if (recovered > 0)
            _watermark.Sweep();
        if (this.GetPrimaryKeyLong() == 0)
            await KeepAsync(now);
        SmsMetrics.ExpiredAttempts(expired);
        SmsMetrics.RecoveredRows(recovered);
        if (expired + recovered > 0)
            LogRecovered(logger, recovered, expired);
    }

    /// <summary>What one shard does for all.</summary>
    private async Task KeepAsync(Instant now)
    {
        await queue.FoldCountsAsync();
        await queue.AnalyzeGrownAsync();
        if (now < _nextProbe)
            return;
        _nextProbe = now + ProviderBreaker.ProbeEvery;
        await queue.ProbeStoppedAsync(now);
        await queue.ReleaseUnpausedAsync(now);
        foreach (var business in await queue.FindCrowdedAsync())
            _ = FetchCrowdedAsync(business.Key, [.. business]);
    }

    /// <summary>
    /// Look-ups go on beside the draining: the provider may take its time to answer. So does the first shard's sweeping.
    /// </summary>
    private void Reconcile(CancellationToken cancellationToken)
    {
        var now = clock.GetCurrentInstant();
        if (_isFull && now < _nextReconciliation)
            return;
        _nextReconciliation = now + ReconcileEvery;
        if (_sweeping.IsCompleted && this.GetPrimaryKeyLong() == 0)
            _sweeping = sweeper.RunAsync(cancellationToken);
        if (_reconciling.IsCompleted)
            _reconciling = reconciler.RunAsync(cancellationToken);
    }

    private void HandOver(Guid business, ClaimedRow[] rows)
    {
        _outstanding += rows.Length;
        _ = HandOverAsync();

        async Task HandOverAsync()
        {
            try
            {
                await GrainFactory.Business(business).DispatchAsync(rows);
            }
            catch (Exception e)
            {
                // Whoever has the rows keeps their leases alive; if nobody has, the leases run out and the rows come back.
                LogNotHandedOver(logger, rows.Length, business, e);
            }
            finally
            {
                _outstanding -= rows.Length;
                if (_waitsForRoom && _outstanding <= MostOutstanding / 2)
                {
                    _waitsForRoom = false;
                    _timer!.Change(Soon, options.Value.PollInterval);
                }
            }
        }
    }

    private async Task FetchCrowdedAsync(Guid business, Guid[] customers)
    {
        try
        {
            await GrainFactory.Business(business).FetchCrowdedAsync(customers);
        }
        catch (Exception e)
        {
            LogNotReminded(logger, business, e);
        }
    }

    /// <summary>A row that falls due before the next poll is not made to wait for it.</summary>
    private void SleepUntil(Instant? nextDue, Instant now)
    {
        var poll = options.Value.PollInterval;
        if (nextDue is { } due && (due - now).ToTimeSpan() is var wait && wait < poll)
            _timer!.Change(wait > Soon ? wait : Soon, poll);
    }

    [LoggerMessage(1, LogLevel.Warning, "Retry shard {Shard} cannot reach the database")]
    private static partial void LogUnavailable(ILogger logger, long shard, Exception e);

    [LoggerMessage(2, LogLevel.Warning, "Recovered {Rows} rows of dead claims; {Attempts} attempts of dead processes are of unknown outcome")]
    private static partial void LogRecovered(ILogger logger, int rows, int attempts);

    [LoggerMessage(3, LogLevel.Warning, "{Rows} rows of business {Business} were not handed over")]
    private static partial void LogNotHandedOver(ILogger logger, int rows, Guid business, Exception e);

    [LoggerMessage(4, LogLevel.Warning, "Business {Business} was not reminded of what it holds for its recipients")]
    private static partial void LogNotReminded(ILogger logger, Guid business, Exception e);
}
