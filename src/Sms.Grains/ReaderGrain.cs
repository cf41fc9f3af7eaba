using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms;

/// <summary>Reads, on whichever silo is asked.</summary>
[StatelessWorker, Reentrant, GrainType("sms.reader")]
internal sealed class ReaderGrain(IMessageStore messages, IBusinessStore businesses, ProviderBreaker breaker) : Grain, IReaderGrain
{
    public Task<Guid?> FindKeyAsync(byte[] keyHash) => businesses.FindKeyAsync(keyHash);

    public Task<MessageView?> GetMessageAsync(Guid businessId, Guid messageId) => messages.GetAsync(businessId, messageId);

    public Task<MessagePage> ListMessagesAsync(Guid businessId, MessageQuery query) => messages.ListAsync(businessId, query);

    public Task<CustomerView?> GetCustomerAsync(Guid businessId, Guid customerId) => businesses.GetCustomerAsync(businessId, customerId);

    public async Task<ClusterState> CheckAsync() => new(await businesses.CheckAsync(), breaker.Complaint);
}
