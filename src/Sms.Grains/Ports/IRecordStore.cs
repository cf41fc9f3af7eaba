using NodaTime;
using Sms.Contracts;

namespace Sms.Ports;

/// <summary>What people read and keep beside the sends: histories, consent, opt-outs, keys, figures.</summary>
public interface IRecordStore
{
    /// <summary>The history, oldest first; null: no such message.</summary>
    Task<MessageEvent[]?> GetEventsAsync(Guid businessId, Guid messageId);

    Task<RetryOutcome> RetryMessageAsync(Guid businessId, Guid messageId, Instant at);

    /// <summary>Null customer: there is none. Conflict: the number is another customer's.</summary>
    Task<(CustomerView? Customer, bool Conflict)> ChangeCustomerAsync(Guid businessId, ChangeCustomer command, string? phone, Instant at);

    Task<CustomerPage> ListCustomersAsync(Guid businessId, string? phone, PageRequest page);

    /// <summary>Appends to the ledger and moves the current status; null: no such customer.</summary>
    Task<ConsentEntry?> RecordConsentAsync(Guid businessId, ConsentEntry entry);

    /// <summary>The ledger, oldest first; null: no such customer.</summary>
    Task<ConsentEntry[]?> GetConsentAsync(Guid businessId, Guid customerId);

    Task<OptOutPage> ListOptOutsAsync(Guid businessId, string? sender, PageRequest page);

    /// <summary>Puts a number on the list and ends what waits for it.</summary>
    Task AddOptOutAsync(Guid businessId, string phone, string? reason, Instant at);

    /// <summary>False: it was not on the list.</summary>
    Task<bool> RemoveOptOutAsync(Guid businessId, string phone, string? sender);

    Task AddKeyAsync(Guid businessId, Guid id, byte[] hash, string hint, Instant at);

    Task<ApiKeyView[]> ListKeysAsync(Guid businessId);

    /// <summary>False: no such key.</summary>
    Task<bool> RemoveKeyAsync(Guid businessId, Guid id, Instant at);

    Task<BusinessStats> GetStatsAsync(Guid businessId, LocalDate day, LocalDate month, Instant now);

    Task<QueueStats> GetQueueStatsAsync(Instant now);
}
