using NodaTime;
using Sms.Contracts;
using Sms.Domain.Failures;
using Sms.Domain.Phones;
using Sms.Domain.Sending;

namespace Sms.Ports;

/// <summary>
/// The messages of businesses. Writes return after a durable commit; those of simultaneous callers share one.
/// Every member names the business from the caller's own identity, and touches no other's rows.
/// </summary>
public interface IMessageStore
{
    /// <summary>What the decision about a new send depends on.</summary>
    Task<SendLookup> LookUpSendAsync(Guid businessId, SendCommand command, string? phone, string? sender, Instant now);

    /// <summary>The message and the recipient of a claimed row as they are now; null when the row is gone.</summary>
    Task<ClaimLookup?> LookUpClaimAsync(Guid businessId, Guid queueId, string? sender, Instant now);

    /// <summary>Stores an accepted message with its queue row. Repeating it changes nothing.</summary>
    Task<Accepted> AcceptAsync(AcceptedMessage message);

    /// <summary>Records an attempt for a claimed row, before its request leaves.</summary>
    Task<BegunAttempt> BeginAttemptAsync(BeginAttempt attempt);

    /// <summary>Records how an attempt ended. Repeating it changes nothing. False: there is no such attempt, or it was settled before.</summary>
    Task<bool> SettleAsync(SettledAttempt attempt);

    /// <summary>When the provider was first asked to take the attempt's message, since that was accepted or sent back to the queue by hand.</summary>
    Task<Instant?> FirstTriedAsync(Guid businessId, Guid attemptId);

    /// <summary>Ends a claim without an attempt; without effect when it is no longer held.</summary>
    Task ReleaseAsync(ReleasedClaim claim);

    /// <summary>Ends a message that waits; of one that is cancelled, with the slot of the pace that it leaves.</summary>
    Task<(CancelOutcome Outcome, PaceSlot? Slot)> CancelAsync(Guid businessId, Guid messageId, Instant at);

    /// <summary>Makes what waits for the business's clock, hours, pace or pause fall due, or holds it while paused.</summary>
    /// <param name="isOutdated">Whether another plan takes the place of this one, which ends then.</param>
    /// <param name="deal">Whether slots of the pace that were dealt are void.</param>
    Task ReplanAsync(Guid businessId, bool paused, bool deal, Instant now, Func<bool> isOutdated);

    /// <summary>Holds what is due while the provider refuses the business's sender, until <paramref name="until"/> at least.</summary>
    Task HoldDueAsync(Guid businessId, Instant now, Instant until, WaitCause cause, int? code);

    /// <summary>The sender is taken again: what was held for it falls due.</summary>
    Task ReleaseStoppedAsync(Guid businessId, Instant now);

    /// <summary>Claims the first of the rows that are held because more than enough was claimed for their recipient.</summary>
    Task<IReadOnlyList<ClaimedRow>> ClaimCrowdedAsync(Guid businessId, Guid customerId, int limit, Duration lease, Instant now);

    Task<MessageView?> GetAsync(Guid businessId, Guid messageId, Instant now);

    Task<MessagePage> ListAsync(Guid businessId, MessageQuery query, Instant now);
}

/// <summary>What is known of a recipient at one moment, for the decision about a text to it.</summary>
/// <param name="Timezone">The customer's.</param>
/// <param name="PostalCode">The customer's.</param>
/// <param name="State">The customer's, two letters.</param>
/// <param name="Consent">The customer's, for the number.</param>
/// <param name="ConsentId">The entry of the consent ledger in force; null: there is none.</param>
/// <param name="OptedOut">The number is on the suppression list.</param>
/// <param name="Unreachable">The number is known to be bad.</param>
/// <param name="Recent">When the business's latest marketing to this number was handed over, or is being, ten at most.</param>
public sealed record RecipientFacts(
    string? Timezone, string? PostalCode, string? State, ConsentStatus Consent, Guid? ConsentId, bool OptedOut, bool Unreachable,
    IReadOnlyList<Instant> Recent)
{
    /// <summary>How the consent was given, in the words of the ledger; null: nobody recorded it.</summary>
    public string? ConsentMethod { get; init; }
}

/// <param name="Recipient">Whom it goes to.</param>
/// <param name="CustomerId">Null: no such customer yet.</param>
/// <param name="Phone">E.164 of the customer, or the number asked for; null: the customer has none.</param>
/// <param name="RawPhone">The customer's phone as it was written.</param>
/// <param name="TextedBefore">Marketing went to the number before, or waits for the customer.</param>
/// <param name="TemplateBody">Of the template asked for; null: none, or unknown.</param>
/// <param name="ExistingMessage">What this idempotency key or message id made before.</param>
/// <param name="ExistingHash">The hash of the request that made it, where a key was given.</param>
public sealed record SendLookup(
    RecipientFacts Recipient, Guid? CustomerId, string? Phone, string? RawPhone, bool TextedBefore, string? TemplateBody,
    Guid? ExistingMessage, string? ExistingHash);

/// <summary>A claimed row's message as it is now.</summary>
/// <param name="Recipient">Whom it goes to.</param>
/// <param name="MessageId">The message.</param>
/// <param name="To">Where it goes.</param>
/// <param name="Body">The text.</param>
/// <param name="Footer">What is sent after it.</param>
/// <param name="Category">What kind of text.</param>
/// <param name="Segments">What it costs.</param>
/// <param name="NotBefore">The client's wish to send later.</param>
/// <param name="ValidUntil">After this it must not go.</param>
/// <param name="IsPending">It still waits.</param>
/// <param name="IsErased">The customer was erased since.</param>
/// <param name="RawPhone">Of a message for the customer: the phone that others wrote since and nobody has read yet; null: there is none.</param>
/// <param name="IsCounted">An earlier attempt used its segments of the day.</param>
public sealed record ClaimLookup(
    RecipientFacts Recipient, Guid MessageId, PhoneNumber To, string Body, string? Footer, Category Category, int Segments,
    Instant? NotBefore, Instant? ValidUntil, bool IsPending, bool IsErased, string? RawPhone, bool IsCounted);

/// <summary>A message to be stored.</summary>
public sealed record AcceptedMessage
{
    public required Guid Id { get; init; }
    public required Guid BusinessId { get; init; }

    /// <summary>The customer's, or the id that a new one gets.</summary>
    public required Guid CustomerId { get; init; }
    public required bool IsNewCustomer { get; init; }
    public required PhoneNumber To { get; init; }

    /// <summary>Whether it is for the customer, whatever number that has when it goes, and not for the number.</summary>
    public bool IsByCustomer { get; init; }
    public Guid? TemplateId { get; init; }
    public required string Body { get; init; }

    /// <summary>What is sent after the body.</summary>
    public string? Footer { get; init; }
    public required Category Category { get; init; }
    public required string Encoding { get; init; }
    public required int Segments { get; init; }
    public required int MaxAttempts { get; init; }
    public required string Metadata { get; init; }
    public required DecisionRecord Decision { get; init; }
    /// <summary>The client's wish to send later.</summary>
    public Instant? NotBefore { get; init; }
    public Instant? ValidUntil { get; init; }
    public required Instant AcceptedAt { get; init; }
    public string? IdempotencyKey { get; init; }
    public string? RequestHash { get; init; }

    /// <summary>When it is looked at next; null: it is due now.</summary>
    public Instant? ScheduledFor { get; init; }

    /// <summary>What it waits for; null: it is due now.</summary>
    public WaitCause? Cause { get; init; }

    /// <summary>The provider's code, where it refuses the sender that it waits for.</summary>
    public int? CauseCode { get; init; }

    /// <summary>Due now, it waits for an earlier text to its recipient.</summary>
    public bool IsBehind { get; init; }

    /// <summary>The slot of the pace that it was dealt; null: none, or it needs none.</summary>
    public Instant? SlotAt { get; init; }

    /// <summary>Set where the silo that stores it handles its queue row at once; null: any may claim it.</summary>
    public NewClaim? Claim { get; init; }

    /// <summary>The number or messaging service that it will be sent from. A recipient who opted out of it is not waited for.</summary>
    public string? Sender { get; init; }

    /// <summary>Messages of <see cref="Month"/> beyond which it is not stored; null: no limit.</summary>
    public int? MonthlyMessageLimit { get; init; }

    /// <summary>Of the business that was decided by; null: it is not compared.</summary>
    public long? SettingsVersion { get; init; }

    /// <summary>The business's month, for its limit; null: it is counted in none.</summary>
    public required LocalDate? Month { get; init; }

    /// <summary>The lane of the queue.</summary>
    public short Lane => IsAnswer ? SendingWords.FirstLane : Category.Lane();

    /// <summary>It answers a call for help.</summary>
    public bool IsAnswer { get; init; }
}

/// <param name="LeaseToken">Whatever is done to the row names it.</param>
/// <param name="LeaseUntil">The claim is dead after it unless it is renewed.</param>
public sealed record NewClaim(Guid LeaseToken, Instant LeaseUntil);

/// <param name="Id">Minted by the sender.</param>
/// <param name="Owner">The process that makes the request.</param>
/// <param name="Sender">The number or messaging service that it is sent from.</param>
/// <param name="LeaveBy">The request must not leave after it.</param>
public sealed record NewAttempt(Guid Id, string Owner, string Sender, Instant LeaveBy);

/// <summary>What became of a message that was to be stored.</summary>
public enum Placement
{
    /// <summary>Stored with its queue row.</summary>
    Stored,

    /// <summary>Its id or idempotency key was stored before.</summary>
    Duplicate,

    /// <summary>Not stored: the month's messages are used up.</summary>
    OverLimit,

    /// <summary>Not stored: the business is not as it was decided by. Decide again.</summary>
    Outdated,
}

/// <param name="Placement">What happened.</param>
/// <param name="MessageId">The message stored, or the one stored before.</param>
/// <param name="RequestHash">The hash of the request that made the latter.</param>
/// <param name="CustomerId">Whose it is: a new customer may have been stored by another request a moment ago.</param>
public sealed record Accepted(Placement Placement, Guid MessageId, string? RequestHash, Guid CustomerId);

/// <summary>An attempt for a claimed row. Its segments are those of <c>Day</c>; null: they are counted in none.</summary>
public sealed record BeginAttempt(
    Guid BusinessId, Guid QueueId, Guid LeaseToken, NewAttempt Attempt, Instant StartedAt, DecisionRecord Decision,
    int Segments, LocalDate? Day)
{
    /// <summary>The decision is that of the acceptance, which the message keeps.</summary>
    public bool IsDecisionStored { get; init; }

    /// <summary>Of the business that was decided by; null: it is not compared.</summary>
    public long? SettingsVersion { get; init; }

    /// <summary>The number that was decided on, and that the request would go to: for another one it does not begin.</summary>
    public PhoneNumber? To { get; init; }

    /// <summary>The entry of the consent ledger that was decided on.</summary>
    public Guid? ConsentId { get; init; }

    /// <summary>Segments of <see cref="Day"/> beyond which it does not begin; null: it is not held to any.</summary>
    public int? DailySegmentLimit { get; init; }
}

/// <summary>Whether the attempt may leave.</summary>
public enum BeginOutcome
{
    /// <summary>Recorded.</summary>
    Begun,

    /// <summary>The claim is no longer held: drop the work.</summary>
    Lost,

    /// <summary>Another message to the same recipient has its turn first, or somebody else has locked the row or its message.</summary>
    Blocked,

    /// <summary>The business, number, opt-out, consent or the day's segments are not as they were decided on: decide again.</summary>
    Changed,
}

/// <param name="Outcome">Whether it may leave.</param>
/// <param name="Number">Which request for the message this is, from 1; 0 when not begun.</param>
/// <param name="IsCounted">Its segments were added to the day's by this attempt.</param>
public sealed record BegunAttempt(BeginOutcome Outcome, int Number, bool IsCounted);

/// <summary>How an attempt ended.</summary>
public sealed record SettledAttempt
{
    public required Guid AttemptId { get; init; }
    public required Guid BusinessId { get; init; }

    /// <summary>accepted, retry, defer, failed or unknown.</summary>
    public required string Outcome { get; init; }
    public string? TwilioSid { get; init; }
    public int? ErrorCode { get; init; }
    public FailureClass? ErrorClass { get; init; }
    public string? ErrorMessage { get; init; }
    public required Instant At { get; init; }

    /// <summary>For retry and defer: when it is looked at again.</summary>
    public Instant? ScheduledFor { get; init; }

    /// <summary>For retry and defer: what it waits for.</summary>
    public WaitCause? Cause { get; init; }

    /// <summary>opt_out or unreachable: the number is put on the suppression list.</summary>
    public string? Suppress { get; init; }

    /// <summary>For unknown: when the provider is asked what became of it.</summary>
    public Instant? LookupAt { get; init; }

    /// <summary>For accepted: when the provider is asked how it ended, should it not have said.</summary>
    public Instant? CheckAt { get; init; }
}

/// <summary>A claim that ends without an attempt.</summary>
public sealed record ReleasedClaim
{
    public required Guid BusinessId { get; init; }
    public required Guid QueueId { get; init; }
    public required Guid LeaseToken { get; init; }

    /// <summary>defer, unclaim, fault, fail or cancel.</summary>
    public required string Action { get; init; }
    public required Instant At { get; init; }
    public Instant? ScheduledFor { get; init; }

    /// <summary>What it waits for; null: it stays what it was, and is due behind others.</summary>
    public WaitCause? Cause { get; init; }

    /// <summary>The slot of the pace that the row has; null: none.</summary>
    public Instant? SlotAt { get; init; }

    /// <summary>Set when it waits for something that is not time: paused, sender or recipient.</summary>
    public string? Held { get; init; }
    public DecisionRecord? Decision { get; init; }

    /// <summary>The provider's, where it refuses the sender that it waits for.</summary>
    public int? ErrorCode { get; init; }
    public string? ErrorClass { get; init; }
    public string? ErrorMessage { get; init; }
}
