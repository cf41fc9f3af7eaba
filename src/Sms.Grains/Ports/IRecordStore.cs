using NodaTime;
using Sms.Contracts;

namespace Sms.Ports;

/// <summary>What people read and keep beside the sends: histories, consent, opt-outs, keys, figures.</summary>
public interface IRecordStore
{
    /// <summary>A page of the history, oldest first; null: no such message.</summary>
    Task<EventPage?> GetEventsAsync(Guid businessId, Guid messageId, PageRequest page);

    /// <summary>The histories of several messages, oldest first, of each as many entries as there are on a page at most.</summary>
    Task<ILookup<Guid, MessageEvent>> GetEventsAsync(Guid businessId, IReadOnlyCollection<Guid> messageIds);

    /// <summary>
    /// The business as it was, newest first: all versions, or (should it be given) one alone; null: there has been no such business.
    /// </summary>
    Task<BusinessVersionPage?> GetBusinessHistoryAsync(Guid businessId, long? version, PageRequest page);

    Task<RetryOutcome> RetryMessageAsync(Guid businessId, Guid messageId, Instant at);

    /// <summary>Null customer: there is none. Conflict: the number is another customer's.</summary>
    Task<(CustomerView? Customer, bool Conflict)> ChangeCustomerAsync(Guid businessId, ChangeCustomer command, string? phone, Instant at);

    Task<CustomerPage> ListCustomersAsync(Guid businessId, string? phone, PageRequest page);

    /// <summary>The customer's phone as others wrote it, while nobody has read it as a number; null: it is read, or there is none.</summary>
    Task<string?> FindUnreadPhoneAsync(Guid businessId, Guid customerId);

    /// <summary>
    /// Appends to the ledger and moves the current status; null: no such customer. The entry's number counts only where the
    /// customer's is unread.
    /// </summary>
    Task<ConsentEntry?> RecordConsentAsync(Guid businessId, ConsentEntry entry);

    /// <summary>A page of the ledger, oldest first; null: no such customer.</summary>
    Task<ConsentPage?> GetConsentAsync(Guid businessId, Guid customerId, PageRequest page);

    /// <summary>The numbers that the customer's ledger is about, 100 at most.</summary>
    Task<string[]> FindConsentPhonesAsync(Guid businessId, Guid customerId);

    /// <summary>Erases the person and keeps the evidence; repeating it changes nothing. False: no such customer.</summary>
    Task<bool> EraseCustomerAsync(Guid businessId, Guid customerId, string actor, Instant at);

    /// <summary>Null: the customer was not erased.</summary>
    Task<Erasure?> GetErasureAsync(Guid businessId, Guid customerId);

    /// <summary>Goes on with an erasure that left something to do: whether it is complete now; null: none is due.</summary>
    Task<bool?> FinishErasureAsync(Instant at);

    /// <summary>Blanks bodies of messages that ended and are older; how many.</summary>
    Task<int> BlankBodiesAsync(Instant before, int limit);

    /// <summary>What stands on the suppression list about these numbers, oldest first.</summary>
    Task<OptOut[]> FindOptOutsAsync(Guid businessId, string? sender, IReadOnlyCollection<string> phones);

    Task<OptOutPage> ListOptOutsAsync(Guid businessId, string? sender, PageRequest page);

    /// <summary>Puts a number on the list and ends what waits for it.</summary>
    Task AddOptOutAsync(Guid businessId, string phone, string? reason, string actor, Instant at);

    /// <summary>The numbers to which texts are refused, of one kind or (null) of all.</summary>
    Task<SuppressionPage> ListSuppressionsAsync(Guid businessId, string? sender, string? kind, PageRequest page);

    /// <summary>
    /// Ends a suppression of this kind; of an opt-out also what the recipient told the business's sender. Other businesses'
    /// lists stay as they are. False: there was none.
    /// </summary>
    Task<bool> RemoveSuppressionAsync(Guid businessId, string phone, string? sender, string kind);

    /// <summary>Adds a key; repeating it changes nothing. False: the business has as many live keys as it may have.</summary>
    Task<bool> AddKeyAsync(Guid businessId, Guid id, byte[] hash, string hint, Instant at);

    /// <summary>The live keys, newest first.</summary>
    Task<ApiKeyView[]> ListKeysAsync(Guid businessId);

    /// <summary>False: no such key.</summary>
    Task<bool> RemoveKeyAsync(Guid businessId, Guid id, Instant at);

    Task<BusinessStats> GetStatsAsync(Guid businessId, LocalDate day, LocalDate month, Instant now);

    Task<QueueStats> GetQueueStatsAsync(Instant now);
}
