using System.Collections.Frozen;
using NodaTime;
using Sms.Domain.Failures;
using Sms.Domain.Retries;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>What follows from how an attempt ended. Pure.</summary>
/// <param name="Outcome">accepted, retry, defer, failed or unknown: the words of the database.</param>
/// <param name="ScheduledFor">For retry and defer.</param>
/// <param name="Reason">For retry and defer: twilio_error or rate_limit.</param>
/// <param name="Code">The provider's code.</param>
/// <param name="Class">What kind of failure.</param>
/// <param name="Message">One sentence, without the recipient's number.</param>
/// <param name="Suppress">opt_out or unreachable, when the number is not to be tried again.</param>
/// <param name="StopsSender">The sender's account or registration is refused.</param>
internal sealed record Judgement(
    string Outcome, Instant? ScheduledFor = null, string? Reason = null, int? Code = null,
    FailureClass? Class = null, string? Message = null, string? Suppress = null, bool StopsSender = false)
{
    public const string Accepted = "accepted";
    public const string Retry = "retry";
    public const string Defer = "defer";
    public const string Failed = "failed";
    public const string Unknown = "unknown";
}

/// <summary>Judges the outcomes of attempts.</summary>
internal static class OutcomeJudge
{
    /// <summary>
    /// A message that the provider kept refusing for its rate, or for what the account lacks to reach its recipient, or that
    /// could not leave at all, is given up after this.
    /// </summary>
    public static readonly Duration LongestDeferral = Duration.FromHours(24);

    /// <summary>
    /// What the account lacks for this recipient: its region, its verification (trial accounts), a number of the service
    /// that can reach it. It says nothing of other recipients, so nobody else waits for it.
    /// </summary>
    private static readonly FrozenSet<int> OfOneRecipient = [21408, 21608, 21703];

    private static readonly Duration RateWait = Duration.FromSeconds(5);
    private static readonly Duration DayWait = Duration.FromHours(1);
    private static readonly Duration RecipientWait = Duration.FromMinutes(10);

    /// <param name="outcome">How it ended.</param>
    /// <param name="number">Which request for the message it was, from 1.</param>
    /// <param name="now">The present.</param>
    /// <param name="triedSince">Since when the provider has been asked to take the message: its acceptance, or its first attempt since it was queued.</param>
    /// <param name="validUntil">After this the message must not go.</param>
    /// <param name="policy">Waits between attempts.</param>
    /// <param name="jitter">0 up to 1.</param>
    public static Judgement Judge(
        ProviderOutcome outcome, int number, Instant now, Instant triedSince, Instant? validUntil, RetryPolicy policy, double jitter)
    {
        // A message that expires while it waits is looked at when it does: late is failed, and known as such at once.
        bool IsTriedOn() => now - triedSince < LongestDeferral;
        Instant At(Duration wait) => validUntil is { } end && end > now ? Instant.Min(now + wait, end) : now + wait;

        switch (outcome)
        {
            case ProviderOutcome.Accepted:
                return new(Judgement.Accepted);
            case ProviderOutcome.TooLate:
                return new(Judgement.Defer, now, "rate_limit", Message: "the request could not leave in time");
            case ProviderOutcome.NeverLeft never:
                // The provider was not asked, so nothing counts; what cannot leave for a day is given up.
                return new(
                    IsTriedOn() ? Judgement.Defer : Judgement.Failed, At(policy.DelayAfter(1, jitter)), "twilio_error",
                    Class: FailureClass.Transient, Message: never.Reason);
            case ProviderOutcome.Unknown unknown:
                return new(Judgement.Unknown, Class: FailureClass.Unknown, Message: unknown.Reason);
        }

        var refused = (ProviderOutcome.Refused)outcome;
        var known = new Judgement(Judgement.Failed, Code: refused.Code, Class: refused.Class, Message: refused.Message);
        switch (refused.Class)
        {
            case FailureClass.Transient:
                return known with { Outcome = Judgement.Retry, ScheduledFor = At(policy.DelayAfter(number, jitter)), Reason = "twilio_error" };
            case FailureClass.Unknown:
                return known with { Outcome = Judgement.Unknown };
            case FailureClass.Rate or FailureClass.Day when IsTriedOn():
                var wait = refused.RetryAfter ?? (refused.Class == FailureClass.Day ? DayWait : RateWait + (RateWait * jitter));
                return known with { Outcome = Judgement.Defer, ScheduledFor = At(Duration.Min(wait, LongestDeferral)), Reason = "rate_limit" };
            case FailureClass.Configuration when OfOneRecipient.Contains(refused.Code):
                return IsTriedOn() ? known with { Outcome = Judgement.Defer, ScheduledFor = At(RecipientWait), Reason = "twilio_error" } : known;
            case FailureClass.Configuration or FailureClass.A2P:
                return known with
                {
                    Outcome = Judgement.Defer,
                    ScheduledFor = now + ProviderBreaker.ProbeEvery,
                    Reason = "twilio_error",
                    StopsSender = true,
                };
            case FailureClass.OptOut:
                return known with { Suppress = "opt_out" };
            case FailureClass.BadNumber:
                return known with { Suppress = "unreachable" };
            default:
                return known;
        }
    }
}
