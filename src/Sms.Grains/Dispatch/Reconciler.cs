using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Asks the provider what became of attempts of unknown outcome, and how messages ended of which no final report came.
/// Nothing is sent again on a guess: an attempt is queued anew only when the provider answered, after the last delay,
/// that it has no such message. Several may do this at once; the database deals out the work.
/// </summary>
internal sealed partial class Reconciler(
    IReconcileStore store,
    IWebhookStore reports,
    IMessageProvider provider,
    Outages outages,
    IClock clock,
    IOptions<ReconcileOptions> options,
    IOptions<DispatchOptions> dispatch,
    ILogger<Reconciler> logger) : IDisposable
{
    /// <summary>What a silo asks at once, at most; the provider's client has as many connections for it.</summary>
    public const int MostAtOnce = 16;

    private static readonly Duration ShortestPause = Duration.FromSeconds(1);
    private static readonly Duration LongestPause = Duration.FromMinutes(1);

    private readonly SemaphoreSlim _room = new(MostAtOnce);

    /// <summary>
    /// Begins to ask for all that is due, and waits for room meanwhile, not for the last answers: one that hangs keeps no
    /// other waiting. What fails stays due.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!provider.IsEnabled)
            return;

        while (await FillAsync(cancellationToken) == 0)
        {
            // All the room was taken: more may be due.
        }
    }

    public void Dispose() => _room.Dispose();

    /// <summary>Takes as much of what is due as there is room for; waits until there is some. Returns what room was left.</summary>
    private async Task<int> FillAsync(CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        var room = 1 + TakeFree();
        try
        {
            var now = clock.GetCurrentInstant();
            // Long enough to be answered at the slowest; who asks a second time does no harm.
            var slowest = now + Duration.FromTimeSpan(dispatch.Value.Timeout) + ShortestPause;
            foreach (var attempt in await store.ClaimLookupsAsync(room, now, slowest))
            {
                room--;
                _ = AskAsync(() => LookUpAsync(attempt, cancellationToken));
            }

            if (room == 0)
                return 0;
            foreach (var sid in await store.ClaimUnreportedAsync(room, now, slowest))
            {
                room--;
                _ = AskAsync(() => AskForReportAsync(sid, cancellationToken));
            }

            return room;
        }
        finally
        {
            if (room > 0)
                _room.Release(room);
        }
    }

    /// <summary>All the room that is free at this moment.</summary>
    private int TakeFree()
    {
        var taken = 0;
        while (_room.Wait(0))
            taken++;
        return taken;
    }

    private async Task AskAsync(Func<Task> ask)
    {
        try
        {
            await ask();
        }
        catch (StoreUnavailableException e)
        {
            // It stays due.
            LogUnavailable(logger, e.LineLevel, e);
        }
        catch (OperationCanceledException e)
        {
            LogStopped(logger, e);
        }
        finally
        {
            _room.Release();
        }
    }

    /// <summary>A fault with one, or a lock on it, is its own; while the database is away nothing can be done for any.</summary>
    private static bool IsItsOwn(Exception e) => e is not OperationCanceledException and not StoreUnavailableException { MayConcernOne: false };

    /// <summary>A fault with one is its own: it is asked again later, and the others are not kept waiting.</summary>
    private async Task LookUpAsync(UnknownAttempt attempt, CancellationToken cancellationToken)
    {
        try
        {
            await TryLookUpAsync(attempt, cancellationToken);
        }
        catch (Exception e) when (IsItsOwn(e))
        {
            LogNotLookedUp(logger, attempt.Id, attempt.MessageId, attempt.BusinessId, e);
            SmsMetrics.LookedUp("fault");
        }
    }

    private async Task TryLookUpAsync(UnknownAttempt attempt, CancellationToken cancellationToken)
    {
        var askedAt = clock.GetCurrentInstant();
        var outcome = await provider.ListAsync(PhoneNumber.FromE164(attempt.To), SentMatch.Since(attempt), cancellationToken);
        var now = clock.GetCurrentInstant();
        var plan = LookupPlan.After(attempt.UnknownAt, askedAt, options.Value.Effective);
        if (outcome is not LookupOutcome.Answered answered)
        {
            var reason = ((LookupOutcome.Failed)outcome).Reason;
            outages.Provider.Failed(reason);
            LogUnanswered(logger, attempt.Id, attempt.MessageId, attempt.BusinessId, reason);
            SmsMetrics.LookedUp("unanswered");
            await store.PostponeLookupAsync(attempt.Id, now + Pause(attempt.UnknownAt, now));
            return;
        }

        outages.Provider.Succeeded();
        var verdict = await store.SettleLookupAsync(new LookupFinding
        {
            AttemptId = attempt.Id,
            Sids = SentMatch.Of(attempt, answered.Messages),
            IsFinal = plan.IsFinal,
            NextLookupAt = plan.Next,
            CheckAt = now + options.Value.Last,
            At = now,
        });
        SmsMetrics.LookedUp(verdict.ToString().ToLowerInvariant());
        LogLookedUp(logger, attempt.Id, attempt.MessageId, attempt.BusinessId, verdict);
    }

    private async Task AskForReportAsync(string sid, CancellationToken cancellationToken)
    {
        try
        {
            await TryAskForReportAsync(sid, cancellationToken);
        }
        catch (Exception e) when (IsItsOwn(e))
        {
            LogNotAsked(logger, sid, e);
        }
    }

    private async Task TryAskForReportAsync(string sid, CancellationToken cancellationToken)
    {
        if (await provider.FetchAsync(sid, cancellationToken) is not LookupOutcome.Answered answered)
            return;
        var now = clock.GetCurrentInstant();
        var report = answered.Messages is [var message]
            ? StatusJudge.Judge(attemptId: null, sid, message.Status, message.ErrorCode, now, options.Value.Last)
            : null;
        if (report is { MovesTo: not "sent" })
            await reports.ApplyCallbacksAsync([report]);
        else
            await store.PostponeReportAsync(sid, now);
    }

    /// <summary>The longer it is unknown already, the longer the wait; a look-up that failed is no absence.</summary>
    private static Duration Pause(Instant unknownAt, Instant now) =>
        Duration.Max(ShortestPause, Duration.Min(LongestPause, (now - unknownAt) / 4));

    [LoggerMessage(EventId = 1, Message = "What became of an attempt is not recorded: the database did not answer")]
    private static partial void LogUnavailable(ILogger logger, LogLevel level, Exception e);

    [LoggerMessage(2, LogLevel.Information, "Look-ups stop")]
    private static partial void LogStopped(ILogger logger, Exception e);

    [LoggerMessage(4, LogLevel.Debug, "The provider did not say what became of attempt {AttemptId} of message {MessageId} of business {BusinessId}: {Reason}")]
    private static partial void LogUnanswered(ILogger logger, Guid attemptId, Guid messageId, Guid businessId, string reason);

    [LoggerMessage(5, LogLevel.Information, "Attempt {AttemptId} of message {MessageId} of business {BusinessId} was looked up at the provider: {Verdict}")]
    private static partial void LogLookedUp(ILogger logger, Guid attemptId, Guid messageId, Guid businessId, LookupVerdict verdict);

    [LoggerMessage(6, LogLevel.Error, "Looking up what became of attempt {AttemptId} of message {MessageId} of business {BusinessId} failed")]
    private static partial void LogNotLookedUp(ILogger logger, Guid attemptId, Guid messageId, Guid businessId, Exception e);

    [LoggerMessage(7, LogLevel.Error, "Asking how {Sid} ended failed")]
    private static partial void LogNotAsked(ILogger logger, string sid, Exception e);
}
