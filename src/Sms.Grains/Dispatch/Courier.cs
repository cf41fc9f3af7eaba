using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>What the courier must know of a message beyond the request.</summary>
/// <param name="BusinessId">Whose it is.</param>
/// <param name="MessageId">The message.</param>
/// <param name="Number">Which request for the message this is, from 1.</param>
/// <param name="AcceptedAt">When the message was accepted.</param>
/// <param name="ValidUntil">After this it must not go.</param>
internal sealed record InFlight(Guid BusinessId, Guid MessageId, int Number, Instant AcceptedAt, Instant? ValidUntil);

/// <param name="Recorded">What the database keeps of it.</param>
/// <param name="LeaveBy">When it must have left.</param>
internal sealed record PreparedAttempt(NewAttempt Recorded, Deadline LeaveBy);

/// <summary>Makes the one request of a recorded attempt and records how it ended.</summary>
internal sealed partial class Courier(
    IMessageProvider provider,
    IMessageStore messages,
    ProviderBreaker breaker,
    Outages outages,
    IClock clock,
    TimeProvider time,
    ProcessIdentity identity,
    IOptions<DispatchOptions> dispatch,
    IOptions<RetryOptions> retry,
    IOptions<ReconcileOptions> reconcile,
    ILogger<Courier> logger)
{
    /// <summary>The waits between tries to record an outcome, or to take an attempt back; the last one repeats.</summary>
    private static readonly TimeSpan[] SettleWaits = [.. new[] { 0.1, 0.3, 1, 2, 4, 8, 15, 30 }.Select(TimeSpan.FromSeconds)];

    /// <summary>The provider keeps a message for a second at least: with less left of the window none may leave.</summary>
    private static readonly Duration ShortestValidity = Duration.FromSeconds(1);

    /// <summary>A message that was accepted so recently has been tried since its acceptance: nobody is asked since when.</summary>
    private static readonly Duration JustAccepted = Duration.FromSeconds(1);

    /// <summary>
    /// How long after it had to leave an attempt is still taken back. Its recording may be at the server's commit when the
    /// connection is cut, and a disk that stands is what cuts connections.
    /// </summary>
    private static readonly TimeSpan WithdrawnAfter = TimeSpan.FromSeconds(15);

    /// <param name="now">When it was decided.</param>
    /// <param name="sender">Who it comes from.</param>
    /// <param name="openUntil">Its window closes then: it must leave before. Null: no window.</param>
    public PreparedAttempt NewAttempt(Instant now, Sender sender, Instant? openUntil)
    {
        var limit = dispatch.Value.LeaveBy;
        if (openUntil is { } close)
        {
            // Counted from now, not from the decision: a pace may have been asked for in between.
            var left = (close - ShortestValidity - clock.GetCurrentInstant()).ToTimeSpan();
            limit = left < TimeSpan.Zero ? TimeSpan.Zero : left < limit ? left : limit;
        }

        return new PreparedAttempt(
            new NewAttempt(Guid.CreateVersion7(now.ToDateTimeOffset()), identity.Name, sender.Key, now + Duration.FromTimeSpan(limit)),
            Deadline.After(limit, time));
    }

    /// <param name="request">What leaves.</param>
    /// <param name="flight">What is known of the message.</param>
    /// <param name="answered">Called once, when the provider has answered or will not.</param>
    public async Task DeliverAsync(ProviderRequest request, InFlight flight, Action answered)
    {
        var started = time.GetTimestamp();
        ProviderOutcome outcome;
        try
        {
            outcome = await provider.CreateAsync(request, CancellationToken.None);
        }
        finally
        {
            answered();
        }

        var took = time.GetElapsedTime(started);
        var now = clock.GetCurrentInstant();
        var triedSince = OutcomeJudge.DependsOnTries(outcome) && now - flight.AcceptedAt > JustAccepted
            ? await FirstTriedAsync(request.AttemptId, flight) ?? now
            : flight.AcceptedAt;
        var judged = OutcomeJudge.Judge(
            outcome, flight.Number, now, triedSince, flight.ValidUntil, retry.Value.Policy, Random.Shared.NextDouble());

        SmsMetrics.CalledProvider(took, judged.Outcome, judged.Class);
        NoteSender(request.Sender.Key, outcome, judged);
        var ended = Describe(judged);
        LogEnded(logger, request.AttemptId, flight.MessageId, flight.BusinessId, request.To.Masked, ended, (long)took.TotalMilliseconds);
        await SettleAsync(new SettledAttempt
        {
            AttemptId = request.AttemptId,
            BusinessId = flight.BusinessId,
            Outcome = judged.Outcome,
            TwilioSid = (outcome as ProviderOutcome.Accepted)?.Sid,
            ErrorCode = judged.Code,
            ErrorClass = judged.Class,
            ErrorMessage = judged.Message,
            At = now,
            ScheduledFor = judged.ScheduledFor,
            Cause = judged.Cause,
            Suppress = judged.Suppress,
            LookupAt = judged.Outcome == Judgement.Unknown ? now + reconcile.Value.First : null,
            CheckAt = judged.Outcome == Judgement.Accepted ? now + reconcile.Value.Last : null,
        });
    }

    /// <summary>What the outcome says of the sender, and of the provider.</summary>
    private void NoteSender(string sender, ProviderOutcome outcome, Judgement judged)
    {
        if (outcome is not (ProviderOutcome.NeverLeft or ProviderOutcome.TooLate))
            breaker.Left();
        switch (outcome)
        {
            case ProviderOutcome.NeverLeft never:
                outages.Provider.Failed(never.Reason);
                if (breaker.CouldNotLeave(sender, never.Reason))
                    LogUnreachable(logger, sender, never.Reason);
                break;
            case ProviderOutcome.Unknown unknown:
                outages.Provider.Failed(unknown.Reason);
                break;
            case ProviderOutcome.Refused when judged.StopsSender:
                outages.Provider.Succeeded();
                if (breaker.Trip(sender, WaitCause.SenderRefused, judged.Code, $"{judged.Class!.Value.ToWire()} {judged.Code}: {judged.Message}"))
                    LogStopped(logger, sender, judged.Code ?? 0, judged.Message ?? "");
                break;
            case ProviderOutcome.Accepted or ProviderOutcome.Refused:
                outages.Provider.Succeeded();
                if (breaker.Reset(sender))
                    LogTakenAgain(logger, sender);
                break;
        }
    }

    private static string Describe(Judgement judged) =>
        judged.Class is { } failure ? $"{judged.Outcome} ({failure.ToWire()}{(judged.Code is { } code ? $" {code}" : "")}: {judged.Message})" : judged.Outcome;

    /// <summary>
    /// Takes back an attempt whose recording got no answer, so that it does not leave. It is there, or not, or not yet: that
    /// is asked until it has been taken back or is surely not there. Then it is known not to have left, and its message waits
    /// again instead of being looked up at the provider.
    /// </summary>
    public void Withdraw(PreparedAttempt attempt, InFlight flight)
    {
        _ = WithdrawAsync();

        async Task WithdrawAsync()
        {
            try
            {
                for (var tries = 0; !await TakeBackAsync(attempt, flight) && attempt.LeaveBy.Left(time) > -WithdrawnAfter; tries++)
                    await PauseAsync(tries);
            }
            catch (Exception e)
            {
                // It is left to reconciliation, as if this process had died.
                LogNotWithdrawn(logger, attempt.Recorded.Id, flight.MessageId, flight.BusinessId, e);
            }
        }
    }

    private Task<bool> TakeBackAsync(PreparedAttempt attempt, InFlight flight)
    {
        var now = clock.GetCurrentInstant();
        var judged = OutcomeJudge.Judge(
            new ProviderOutcome.TooLate(), flight.Number, now, triedSince: now, flight.ValidUntil, retry.Value.Policy, jitter: 0);
        return SettleAsync(new SettledAttempt
        {
            AttemptId = attempt.Recorded.Id,
            BusinessId = flight.BusinessId,
            Outcome = judged.Outcome,
            ErrorClass = judged.Class,
            ErrorMessage = judged.Message,
            At = now,
            ScheduledFor = judged.ScheduledFor,
            Cause = judged.Cause,
        });
    }

    /// <summary>Null: it is not known.</summary>
    private async Task<Instant?> FirstTriedAsync(Guid attempt, InFlight flight)
    {
        try
        {
            return await messages.FirstTriedAsync(flight.BusinessId, attempt);
        }
        catch (StoreUnavailableException)
        {
            return null;
        }
    }

    /// <summary>Until the database has taken it. False: there is no such attempt, or it was settled before.</summary>
    private async Task<bool> SettleAsync(SettledAttempt settled)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await messages.SettleAsync(settled);
            }
            catch (StoreUnavailableException)
            {
                await PauseAsync(tries);
            }
        }
    }

    private async Task PauseAsync(int tries)
    {
        using var timer = new PeriodicTimer(SettleWaits[Math.Min(tries, SettleWaits.Length - 1)], time);
        await timer.WaitForNextTickAsync();
    }

    [LoggerMessage(1, LogLevel.Information, "Attempt {AttemptId} of message {MessageId} of business {BusinessId} to {To} ended: {Outcome} in {Milliseconds} ms")]
    private static partial void LogEnded(ILogger logger, Guid attemptId, Guid messageId, Guid businessId, string to, string outcome, long milliseconds);

    [LoggerMessage(2, LogLevel.Error, "The provider refuses sender {Sender} ({Code}: {Words}): what it would send waits, one probe a minute")]
    private static partial void LogStopped(ILogger logger, string sender, int code, string words);

    [LoggerMessage(4, LogLevel.Error, "The provider cannot be reached ({Reason}): what sender {Sender} would send waits, one probe a minute")]
    private static partial void LogUnreachable(ILogger logger, string sender, string reason);

    [LoggerMessage(5, LogLevel.Information, "The provider takes what sender {Sender} sends again: what waited for it goes")]
    private static partial void LogTakenAgain(ILogger logger, string sender);

    [LoggerMessage(3, LogLevel.Error, "Attempt {AttemptId} of message {MessageId} of business {BusinessId}, whose recording got no answer, could not be taken back")]
    private static partial void LogNotWithdrawn(ILogger logger, Guid attemptId, Guid messageId, Guid businessId, Exception e);
}

/// <summary>The name of this process among all that ever were: silo address and generation.</summary>
/// <param name="Name">Kept with every attempt.</param>
internal sealed record ProcessIdentity(string Name);
