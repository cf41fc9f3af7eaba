using System.Collections.Frozen;
using NodaTime;
using Sms.Domain.Failures;
using Sms.Domain.Retries;
using Sms.Domain.Sending;

namespace Sms.Domain.Attempts;

/// <summary>What follows from how an attempt ended.</summary>
/// <param name="Outcome">accepted, retry, defer, failed or unknown: the words of the database.</param>
/// <param name="ScheduledFor">For retry and defer.</param>
/// <param name="Cause">For retry and defer: what it waits for.</param>
/// <param name="Code">The provider's code.</param>
/// <param name="Class">What kind of failure.</param>
/// <param name="Message">One sentence, without the recipient's number.</param>
/// <param name="Suppress">opt_out or unreachable, when the number is not to be tried again.</param>
/// <param name="StopsSender">The sender's account or registration is refused.</param>
internal sealed record Judgement(
    string Outcome, Instant? ScheduledFor = null, WaitCause? Cause = null, int? Code = null,
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
    /// could not leave at all or in time, is given up after this.
    /// </summary>
    public static readonly Duration LongestDeferral = Duration.FromHours(24);

    /// <summary>The wait between probes of a sender that the provider refuses.</summary>
    public static readonly Duration ProbeEvery = Duration.FromMinutes(1);

    /// <summary>
    /// Deferrals for the rate, and of what left too late, wait as long again as the message has been tried for, so that each
    /// wait is about twice the one before; this is the longest, without its jitter. One text that is refused for a day makes
    /// some 200 requests.
    /// </summary>
    public static readonly Duration LongestBackoff = Duration.FromMinutes(5);

    /// <summary>
    /// What the account lacks for this recipient: its region, its verification or a text of this length (trial accounts), a
    /// number of the service that can reach it. It says nothing of other recipients, so nobody else waits for it.
    /// </summary>
    private static readonly FrozenSet<int> OfOneRecipient = [21408, 21608, 21703, 30044];

    private static readonly Duration LateWait = Duration.FromSeconds(1);
    private static readonly Duration RateWait = Duration.FromSeconds(5);
    private static readonly Duration DayWait = Duration.FromHours(1);
    private static readonly Duration HoursWait = Duration.FromMinutes(30);
    private static readonly Duration RecipientWait = Duration.FromMinutes(10);

    /// <summary>Whether it matters for <see cref="Judge"/> since when the message has been tried.</summary>
    public static bool DependsOnTries(ProviderOutcome outcome) => outcome switch
    {
        ProviderOutcome.NeverLeft or ProviderOutcome.TooLate => true,
        ProviderOutcome.Refused refused => refused.Class is FailureClass.Rate or FailureClass.Day or FailureClass.Hours || IsOfOneRecipient(refused),
        _ => false,
    };

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
        var tried = Duration.Max(now - triedSince, Duration.Zero);
        var isTriedOn = tried < LongestDeferral;
        Instant At(Duration wait) => validUntil is { } end && end > now ? Instant.Min(now + wait, end) : now + wait;
        Instant AtLeast(Duration wait) => At(Duration.Min(Duration.Max(wait, Duration.Min(tried, LongestBackoff) * (1 + jitter)), LongestDeferral));

        switch (outcome)
        {
            case ProviderOutcome.Accepted:
                return new(Judgement.Accepted);
            // Of these two the provider was not asked, so nothing counts; what does not leave for a day is given up.
            case ProviderOutcome.TooLate:
                var late = new Judgement(Judgement.Failed, Class: FailureClass.Transient, Message: "the request could not leave in time");
                return isTriedOn ? late with { Outcome = Judgement.Defer, ScheduledFor = AtLeast(LateWait), Cause = WaitCause.Busy } : late;
            case ProviderOutcome.NeverLeft never:
                var stuck = new Judgement(Judgement.Failed, Class: FailureClass.Transient, Message: never.Reason);
                return isTriedOn ? stuck with { Outcome = Judgement.Defer, ScheduledFor = At(policy.DelayAfter(1, jitter)), Cause = WaitCause.ProviderUnreachable } : stuck;
            case ProviderOutcome.Unknown unknown:
                return new(Judgement.Unknown, Class: FailureClass.Unknown, Message: unknown.Reason);
        }

        var refused = (ProviderOutcome.Refused)outcome;
        var known = new Judgement(Judgement.Failed, Code: refused.Code, Class: refused.Class, Message: refused.Message);
        switch (refused.Class)
        {
            case FailureClass.Transient:
                return known with { Outcome = Judgement.Retry, ScheduledFor = At(policy.DelayAfter(number, jitter)), Cause = WaitCause.ProviderError };
            case FailureClass.Unknown:
                return known with { Outcome = Judgement.Unknown };
            case FailureClass.Rate or FailureClass.Day when isTriedOn:
                // The provider's own word is the least; a provider that keeps saying "in a second" is not asked every second.
                var wait = refused.RetryAfter ?? (refused.Class == FailureClass.Day ? DayWait : RateWait * (1 + jitter));
                return known with { Outcome = Judgement.Defer, ScheduledFor = AtLeast(wait), Cause = WaitCause.ProviderRate };
            case FailureClass.Hours when isTriedOn:
                return known with { Outcome = Judgement.Defer, ScheduledFor = AtLeast(refused.RetryAfter ?? HoursWait), Cause = WaitCause.QuietHours };
            case FailureClass.Configuration when IsOfOneRecipient(refused):
                return isTriedOn ? known with { Outcome = Judgement.Defer, ScheduledFor = At(RecipientWait), Cause = WaitCause.ProviderError } : known;
            case FailureClass.Configuration or FailureClass.A2P:
                return known with
                {
                    Outcome = Judgement.Defer,
                    ScheduledFor = now + ProbeEvery,
                    Cause = WaitCause.SenderRefused,
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

    private static bool IsOfOneRecipient(ProviderOutcome.Refused refused) =>
        refused.Class == FailureClass.Configuration && OfOneRecipient.Contains(refused.Code);
}
