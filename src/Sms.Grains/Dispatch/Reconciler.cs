using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Asks the provider what became of attempts of unknown outcome, and how messages ended of which no final report came.
/// Nothing is sent again on a guess: an attempt is queued anew only when the provider answered, after the last delay,
/// that it has no such message. Several silos may do this at once; the database deals out the work.
/// </summary>
internal sealed partial class Reconciler(
    IReconcileStore store,
    IWebhookStore reports,
    IMessageProvider provider,
    IClock clock,
    IOptions<ReconcileOptions> options,
    IOptions<DispatchOptions> dispatch,
    ILogger<Reconciler> logger)
{
    /// <summary>Taken at once, and asked at once; the provider's other calls must have room.</summary>
    private const int Batch = 32, AtOnce = 8;

    private static readonly Duration ShortestPause = Duration.FromSeconds(1);
    private static readonly Duration LongestPause = Duration.FromMinutes(1);

    /// <summary>Works off what is due. It does not throw: what fails stays due.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!provider.IsEnabled)
            return;

        try
        {
            int taken;
            do
            {
                // Long enough for all of them to be answered at the slowest; who asks a second time does no harm.
                var slowest = (Duration.FromTimeSpan(dispatch.Value.Timeout) * (Batch / AtOnce)) + ShortestPause;
                var now = clock.GetCurrentInstant();
                var due = await store.ClaimLookupsAsync(Batch, now, now + slowest);
                await ForEachAsync(due, LookUpAsync, cancellationToken);

                now = clock.GetCurrentInstant();
                var unreported = await store.ClaimUnreportedAsync(Batch, now, now + slowest);
                await ForEachAsync(unreported, AskForReportAsync, cancellationToken);
                taken = Math.Max(due.Count, unreported.Count);
            }
            while (taken == Batch && !cancellationToken.IsCancellationRequested);
        }
        catch (StoreUnavailableException e)
        {
            LogUnavailable(logger, e);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            LogStopped(logger, e);
        }
        catch (Exception e)
        {
            LogFault(logger, e);
        }
    }

    /// <summary>At most <see cref="AtOnce"/> at a time, on the caller's scheduler.</summary>
    private static async Task ForEachAsync<T>(IEnumerable<T> items, Func<T, CancellationToken, Task> act, CancellationToken cancellationToken)
    {
        foreach (var some in items.Chunk(AtOnce))
            await Task.WhenAll(some.Select(item => act(item, cancellationToken)));
    }

    /// <summary>A fault with one is its own: it is asked again later, and the others are not kept waiting.</summary>
    private async Task LookUpAsync(UnknownAttempt attempt, CancellationToken cancellationToken)
    {
        try
        {
            await TryLookUpAsync(attempt, cancellationToken);
        }
        catch (Exception e) when (e is not StoreUnavailableException and not OperationCanceledException)
        {
            LogNotLookedUp(logger, attempt.Id, e);
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
            LogUnanswered(logger, attempt.Id, ((LookupOutcome.Failed)outcome).Reason);
            SmsMetrics.LookedUp("unanswered");
            await store.PostponeLookupAsync(attempt.Id, now + Pause(attempt.UnknownAt, now));
            return;
        }

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
        LogLookedUp(logger, attempt.Id, verdict);
    }

    private async Task AskForReportAsync(string sid, CancellationToken cancellationToken)
    {
        try
        {
            await TryAskForReportAsync(sid, cancellationToken);
        }
        catch (Exception e) when (e is not StoreUnavailableException and not OperationCanceledException)
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
            ? StatusJudge.Judge(new StatusCallback(AttemptId: null, sid, message.Status, message.ErrorCode), now, options.Value.Last)
            : null;
        if (report is { MovesTo: not "sent" })
            await reports.ApplyCallbacksAsync([report]);
        else
            await store.PostponeReportAsync(sid, now);
    }

    /// <summary>The longer it is unknown already, the longer the wait; a look-up that failed is no absence.</summary>
    private static Duration Pause(Instant unknownAt, Instant now) =>
        Duration.Max(ShortestPause, Duration.Min(LongestPause, (now - unknownAt) / 4));

    [LoggerMessage(1, LogLevel.Warning, "What became of attempts is not looked up: the database did not answer")]
    private static partial void LogUnavailable(ILogger logger, Exception e);

    [LoggerMessage(2, LogLevel.Information, "Look-ups stop")]
    private static partial void LogStopped(ILogger logger, Exception e);

    [LoggerMessage(3, LogLevel.Error, "Looking up what became of attempts failed")]
    private static partial void LogFault(ILogger logger, Exception e);

    [LoggerMessage(4, LogLevel.Warning, "The provider did not say what became of attempt {AttemptId}: {Reason}")]
    private static partial void LogUnanswered(ILogger logger, Guid attemptId, string reason);

    [LoggerMessage(5, LogLevel.Information, "Attempt {AttemptId} was looked up at the provider: {Verdict}")]
    private static partial void LogLookedUp(ILogger logger, Guid attemptId, LookupVerdict verdict);

    [LoggerMessage(6, LogLevel.Error, "Looking up what became of attempt {AttemptId} failed")]
    private static partial void LogNotLookedUp(ILogger logger, Guid attemptId, Exception e);

    [LoggerMessage(7, LogLevel.Error, "Asking how {Sid} ended failed")]
    private static partial void LogNotAsked(ILogger logger, string sid, Exception e);
}

/// <summary>What an absence means at the moment of asking.</summary>
/// <param name="IsFinal">The last delay had passed: it never got there.</param>
/// <param name="Next">When to ask again otherwise.</param>
internal readonly record struct LookupPlan(bool IsFinal, Instant Next)
{
    /// <param name="unknownAt">From when the delays count.</param>
    /// <param name="askedAt">When the provider was asked.</param>
    /// <param name="delays">Rising, at least one.</param>
    public static LookupPlan After(Instant unknownAt, Instant askedAt, IReadOnlyList<TimeSpan> delays)
    {
        foreach (var delay in delays)
        {
            if (unknownAt + Duration.FromTimeSpan(delay) is var next && next > askedAt)
                return new LookupPlan(IsFinal: false, next);
        }

        return new LookupPlan(IsFinal: true, askedAt);
    }
}
