using NodaTime;
using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms;

/// <summary>Reads, on whichever silo is asked.</summary>
[StatelessWorker, Reentrant, GrainType("sms.reader")]
internal sealed class ReaderGrain(
    IMessageStore messages, IBusinessStore businesses, IRecordStore records, ProviderBreaker breaker, IClock clock) : Grain, IReaderGrain
{
    public Task<KeyOwner?> FindKeyAsync(byte[] keyHash) => businesses.FindKeyAsync(keyHash);

    public Task<MessageView?> GetMessageAsync(Guid businessId, Guid messageId) => messages.GetAsync(businessId, messageId);

    public Task<MessagePage> ListMessagesAsync(Guid businessId, MessageQuery query) => messages.ListAsync(businessId, query);

    public Task<CustomerView?> GetCustomerAsync(Guid businessId, Guid customerId) => businesses.GetCustomerAsync(businessId, customerId);

    public Task<MessageEvent[]?> GetEventsAsync(Guid businessId, Guid messageId) => records.GetEventsAsync(businessId, messageId);

    public Task<CustomerPage> ListCustomersAsync(Guid businessId, string? phone, PageRequest page) => records.ListCustomersAsync(businessId, phone, page);

    public Task<ConsentEntry[]?> GetConsentAsync(Guid businessId, Guid customerId) => records.GetConsentAsync(businessId, customerId);

    public Task<ApiKeyView[]> ListKeysAsync(Guid businessId) => records.ListKeysAsync(businessId);

    public Task<bool> RemoveKeyAsync(Guid businessId, Guid keyId) => records.RemoveKeyAsync(businessId, keyId, clock.GetCurrentInstant());

    public Task<QueueStats> GetQueueStatsAsync() => records.GetQueueStatsAsync(clock.GetCurrentInstant());

    public async Task<ClusterState> CheckAsync() => new(await businesses.CheckAsync(), breaker.Complaint);
}
