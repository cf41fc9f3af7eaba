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
/// due time, at most a poll interval later. Its reminder brings it back after any crash. What died in the hands of
/// others it gives back itself: its watermark must know.
/// </summary>
[GrainType("sms.retry")]
internal sealed partial class RetryGrain(
    IRetryQueue queue,
    IMessageStore messages,
    DispatchPermits permits,
    ClockCheck clockCheck,
    IClock clock,
    MonotonicClock time,
    IOptions<RetryOptions> options,
    ILogger<RetryGrain> logger) : Grain, IRetryGrain, IRemindable
{
    /// <summary>The name of the reminder; the key of the grain tells the shards apart.</summary>
    public const string ReminderName = "wake";

    /// <summary>How often claims of dead processes are looked for.</summary>
    private static readonly Duration RecoverEvery = Duration.FromSeconds(5);

    /// <summary>The shortest time of a timer.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(1);

    /// <summary>While there is no room: how often one-time passwords are looked for. They have as much room again to themselves.</summary>
    private static readonly TimeSpan WithoutRoom = TimeSpan.FromMilliseconds(250);

    private readonly QueueWatermark _watermark = new();
    private readonly FailureSpell _failures = new(time);
    private readonly FailureSpell _notRecovered = new(time);
    private IGrainTimer? _timer;
    private Duration _nextRecovery;
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
            await clockCheck.Compared.WaitAsync(cancellationToken);
            await RecoverAndClaimAsync(cancellationToken);
            if (_failures.Succeeded() is > 0 and var failures)
                LogClaimsAgain(logger, this.GetPrimaryKeyLong(), failures);
        }
        catch (Exception e)
        {
            if (!cancellationToken.IsCancellationRequested && _failures.Failed(e))
                LogFailed(logger, this.GetPrimaryKeyLong(), _failures.Count, e);
        }
    }

    private async Task RecoverAndClaimAsync(CancellationToken cancellationToken)
    {
        while (!permits.IsClosed && !cancellationToken.IsCancellationRequested)
        {
            if (!clockCheck.IsTrusted)
            {
                // A silo with the right time may claim in its place.
                DeactivateOnIdle();
                return;
            }

            await RecoverAsync();
            var hasRoom = _outstanding < MostOutstanding;
            var now = clock.GetCurrentInstant();
            var low = _watermark.At(time.Elapsed);
            var limit = hasRoom ? options.Value.BatchSize : Math.Min(options.Value.BatchSize, (2 * MostOutstanding) - _outstanding);
            var due = await queue.ClaimDueAsync(limit, Duration.FromTimeSpan(options.Value.Lease), now, low, onlyPasswords: !hasRoom);
            SmsMetrics.Claimed(due.Taken);
            foreach (var business in due.GroupBy(d => d.BusinessId))
                HandOver(business.Key, [.. business.Select(d => d.Row)]);
            foreach (var row in due.Unreadable)
                _ = FaultAsync(row);
            if (!hasRoom)
            {
                _waitsForRoom = true;
                _timer!.Change(WithoutRoom, options.Value.PollInterval);
                return;
            }

            var isFull = due.Taken >= options.Value.BatchSize;
            if (_watermark.Claimed(low, isFull, due.NextDue, now, time.Elapsed) || isFull)
                continue;
            // What is due and could not be claimed is locked by somebody else: it is looked for at the next poll.
            if (due.Taken > 0 || due.NextDue > now)
                SleepUntil(due.NextDue, now);
            return;
        }
    }

    /// <summary>Where it cannot be done, claiming goes on all the same.</summary>
    private async Task RecoverAsync()
    {
        if (time.Elapsed < _nextRecovery)
            return;
        _nextRecovery = time.Elapsed + RecoverEvery;
        try
        {
            var recovered = await queue.RecoverAsync(clock.GetCurrentInstant(), Duration.FromTimeSpan(options.Value.Lease));
            _notRecovered.Succeeded();
            if (recovered == 0)
                return;
            _watermark.Sweep();
            SmsMetrics.RecoveredRows(recovered);
            LogRecovered(logger, recovered);
        }
        catch (Exception e)
        {
            if (_notRecovered.Failed(e))
                LogNotRecovered(logger, this.GetPrimaryKeyLong(), _notRecovered.Count, e);
        }
    }

    /// <summary>A row that cannot be read is tried with backoff like one whose handling throws, and becomes a dead letter.</summary>
    private async Task FaultAsync(UnreadableRow row)
    {
        LogUnreadable(logger, row.QueueId, row.BusinessId, row.Why);
        if (row.BusinessId is not { } business)
            return;
        try
        {
            await new ClaimReleases(business, messages, clock)
                .FaultAsync(row.QueueId, row.LeaseToken, $"The row in the queue cannot be read: {row.Why}");
        }
        catch (Exception e)
        {
            // The claim runs out and the row comes back.
            LogNotFaulted(logger, e.LineLevel, row.QueueId, e);
        }
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
                LogNotHandedOver(logger, e.LineLevel, rows.Length, business, e);
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

    /// <summary>A row that falls due before the next poll is not made to wait for it.</summary>
    private void SleepUntil(Instant? nextDue, Instant now)
    {
        var poll = options.Value.PollInterval;
        if (nextDue is { } due && (due - now).ToTimeSpan() is var wait && wait < poll)
            _timer!.Change(wait > Soon ? wait : Soon, poll);
    }

    [LoggerMessage(1, LogLevel.Warning, "Retry shard {Shard} cannot claim ({Failures} times in a row) and tries again")]
    private static partial void LogFailed(ILogger logger, long shard, int failures, Exception e);

    [LoggerMessage(2, LogLevel.Warning, "Recovered {Rows} rows of dead claims")]
    private static partial void LogRecovered(ILogger logger, int rows);

    [LoggerMessage(EventId = 3, Message = "{Rows} rows of business {Business} were not handed over")]
    private static partial void LogNotHandedOver(ILogger logger, LogLevel level, int rows, Guid business, Exception e);

    [LoggerMessage(4, LogLevel.Information, "Retry shard {Shard} claims again after {Failures} failures")]
    private static partial void LogClaimsAgain(ILogger logger, long shard, int failures);

    [LoggerMessage(5, LogLevel.Error, "Retry shard {Shard} cannot recover dead claims ({Failures} times in a row) and tries again")]
    private static partial void LogNotRecovered(ILogger logger, long shard, int failures, Exception e);

    [LoggerMessage(6, LogLevel.Error, "Row {QueueId} of the queue, of business {BusinessId}, cannot be read: {Why}")]
    private static partial void LogUnreadable(ILogger logger, Guid queueId, Guid? businessId, string why);

    [LoggerMessage(EventId = 7, Message = "Row {QueueId} of the queue, which cannot be read, is left to recovery")]
    private static partial void LogNotFaulted(ILogger logger, LogLevel level, Guid queueId, Exception e);
}
