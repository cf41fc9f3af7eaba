using NodaTime;
using Orleans.Concurrency;

namespace Sms.Contracts;

/// <summary>
/// One business: decides its sends in order and hands them over. The key is the business's id. Every call may
/// be repeated; none waits for the provider, and calls interleave while they wait for a commit.
/// </summary>
[GrainInterfaceType("sms.business")]
public interface IBusinessGrain : IGrainWithGuidKey
{
    /// <summary>Makes the business with this id. Repeating it returns what the first made.</summary>
    [AlwaysInterleave]
    Task<BusinessReply> CreateAsync(CreateBusiness command);

    /// <summary>Changes it and plans anew what waits.</summary>
    [AlwaysInterleave]
    Task<BusinessReply> ChangeAsync(ChangeBusiness command);

    [AlwaysInterleave]
    Task<BusinessReply> GetAsync();

    /// <summary>Accepts or refuses a send. When it returns a message, that message is durable.</summary>
    [AlwaysInterleave]
    Task<SendReply> SendAsync(SendCommand command);

    /// <summary>Accepts or refuses several sends, in the order given; each stands alone.</summary>
    [AlwaysInterleave]
    Task<SendReply[]> SendManyAsync(SendCommand[] commands);

    /// <summary>Sends a failed message back to the queue with a fresh set of attempts.</summary>
    [AlwaysInterleave]
    Task<RetryOutcome> RetryAsync(Guid messageId);

    /// <summary>Answers a customer's HELP, at any hour, under this id; returns why not, or null.</summary>
    /// <param name="messageId">The answer's.</param>
    /// <param name="customerId">Who asked.</param>
    /// <param name="language">In which: en, es or fr.</param>
    [AlwaysInterleave]
    Task<Refusal?> AnswerHelpAsync(Guid messageId, Guid customerId, string language);

    /// <summary>Ends a message that waits and has no attempt under way.</summary>
    [AlwaysInterleave]
    Task<CancelOutcome> CancelAsync(Guid messageId);

    /// <summary>
    /// Takes over claimed rows of the queue; from the call on this grain's silo keeps their leases alive. Returns
    /// when each has begun its attempt, was put off, failed, or waits behind another message to its recipient.
    /// </summary>
    [AlwaysInterleave, ResponseTimeout("00:02:00")]
    Task DispatchAsync(ClaimedRow[] rows);

    /// <summary>Reminds of recipients with rows held because more than enough was claimed for them.</summary>
    [AlwaysInterleave]
    Task FetchCrowdedAsync(Guid[] customers);
}

/// <summary>A row of the queue in the hands of a claimer.</summary>
/// <param name="QueueId">The row.</param>
/// <param name="LeaseToken">The claim: whatever is done to the row names it.</param>
/// <param name="MessageId">The message that waits.</param>
/// <param name="CustomerId">Its recipient.</param>
/// <param name="Lane">0 for one-time passwords, else 1.</param>
/// <param name="AcceptedAt">The order among the messages to one recipient.</param>
/// <param name="ScheduledFor">When it fell due.</param>
/// <param name="Reason">Why it waited.</param>
/// <param name="AttemptCount">Requests made for it so far.</param>
/// <param name="SlotAt">The slot of the pace that it was dealt; null: none.</param>
[GenerateSerializer, Immutable, Alias("sms.claimed-row")]
public readonly record struct ClaimedRow(
    [property: Id(0)] Guid QueueId, [property: Id(1)] Guid LeaseToken, [property: Id(2)] Guid MessageId,
    [property: Id(3)] Guid CustomerId, [property: Id(4)] short Lane, [property: Id(5)] DateTimeOffset AcceptedAt,
    [property: Id(6)] DateTimeOffset ScheduledFor, [property: Id(7)] string? Reason, [property: Id(8)] int AttemptCount,
    [property: Id(9)] DateTimeOffset? SlotAt)
{
    internal Instant? Slot => SlotAt is { } at ? Instant.FromDateTimeOffset(at) : null;
}

/// <summary>
/// One of a few claimers of the queue. It owns no rows: any of them may claim any. The key is its number from 0.
/// </summary>
[GrainInterfaceType("sms.retry")]
public interface IRetryGrain : IGrainWithIntegerKey
{
    /// <summary>Makes sure that it is awake and has its reminder. Cheap when it is.</summary>
    Task WakeAsync();
}

/// <summary>What is done again and again for the whole cluster, beside the sends. The key is 0: there is one.</summary>
[GrainInterfaceType("sms.upkeep")]
public interface IUpkeepGrain : IGrainWithIntegerKey
{
    /// <summary>Makes sure that it is awake and has its reminder. Cheap when it is.</summary>
    Task WakeAsync();
}

/// <summary>Reads that need no order and so do not queue up behind a business's sends.</summary>
[GrainInterfaceType("sms.reader")]
public interface IReaderGrain : IGrainWithIntegerKey
{
    /// <summary>Whose live key has this SHA-256; null: nobody's.</summary>
    Task<KeyOwner?> FindKeyAsync(byte[] keyHash);

    Task<MessageView?> GetMessageAsync(Guid businessId, Guid messageId);

    Task<MessagePage> ListMessagesAsync(Guid businessId, MessageQuery query);

    Task<CustomerView?> GetCustomerAsync(Guid businessId, Guid customerId);

    /// <summary>A page of a message's history, oldest first; null: no such message.</summary>
    Task<EventPage?> GetEventsAsync(Guid businessId, Guid messageId, PageRequest page);

    /// <summary>The customers, newest first; with a number (E.164) at most the one that has it.</summary>
    Task<CustomerPage> ListCustomersAsync(Guid businessId, string? phone, PageRequest page);

    /// <summary>A page of a customer's consent ledger, oldest first; null: no such customer.</summary>
    Task<ConsentPage?> GetConsentAsync(Guid businessId, Guid customerId, PageRequest page);

    /// <summary>The live keys, newest first.</summary>
    Task<ApiKeyView[]> ListKeysAsync(Guid businessId);

    /// <summary>Revokes a key; false: no such live key.</summary>
    Task<bool> RemoveKeyAsync(Guid businessId, Guid keyId);

    /// <summary>A message of whichever business, by its id or the provider's; null: there is none.</summary>
    Task<MessageView?> FindMessageAsync(Guid? id, string? sid);

    /// <summary>The messages of all businesses to a number (E.164), newest first.</summary>
    Task<MessagePage> FindMessagesToAsync(string phone, PageRequest page);

    /// <summary>The businesses; with a query those whose name has it, or whose id it is.</summary>
    Task<BusinessPage> ListBusinessesAsync(string? query, PageRequest page);

    /// <summary>The queue over all businesses.</summary>
    Task<QueueStats> GetQueueStatsAsync();

    /// <summary>The days that are closed by hand.</summary>
    Task<BlackoutList> ListBlackoutsAsync();

    /// <summary>The same as they were at a revision; null: there has been no such revision.</summary>
    Task<BlackoutList?> ListBlackoutsAtAsync(long revision);

    /// <summary>Changes of the calendar, newest first.</summary>
    Task<BlackoutHistory> GetBlackoutHistoryAsync(PageRequest page);

    /// <summary>Makes or changes a blackout; every silo knows it within a second.</summary>
    Task PutBlackoutAsync(BlackoutView blackout, string actor);

    /// <summary>Ends a blackout; false: there is none.</summary>
    Task<bool> RemoveBlackoutAsync(Guid id, string actor);

    /// <summary>A business as it was, newest first, or one version of it; null: there has been no such business.</summary>
    Task<BusinessVersionPage?> GetBusinessHistoryAsync(Guid businessId, long? version, PageRequest page);

    /// <summary>Whether the database and its schema are usable, and the provider takes what is sent.</summary>
    Task<ClusterState> CheckAsync();
}

/// <param name="Fault">Why nothing can be accepted, in one sentence; null: it can.</param>
/// <param name="Notice">What is accepted but waits, and why; null: nothing.</param>
[GenerateSerializer, Immutable, Alias("sms.cluster-state")]
public sealed record ClusterState([property: Id(0)] string? Fault, [property: Id(1)] string? Notice);

/// <summary>One sender of ours, which may serve many businesses. The key is its number or messaging service SID.</summary>
[GrainInterfaceType("sms.sender")]
public interface ISenderGrain : IGrainWithStringKey
{
    /// <summary>Takes the sender's next slot: at <paramref name="notBefore"/> or later.</summary>
    Task<DateTimeOffset> ReserveAsync(DateTimeOffset notBefore, int segments);

    /// <summary>Gives back a slot that was not used. Without effect when another was dealt after it.</summary>
    /// <param name="slot">As it was dealt.</param>
    /// <param name="segments">As they were asked for.</param>
    Task ReleaseAsync(DateTimeOffset slot, int segments);
}
