using NodaTime;
using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Places;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms;

/// <summary>Reads, on whichever silo is asked.</summary>
[StatelessWorker, Reentrant, GrainType("sms.reader")]
internal sealed class ReaderGrain(
    IMessageStore messages, IBusinessStore businesses, IRecordStore records, IRuleStore rules, ProviderBreaker breaker, OptOutWatch optOuts,
    IClock clock) : Grain, IReaderGrain
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

    public async Task<BlackoutList> ListBlackoutsAsync()
    {
        var calendar = await rules.LoadBlackoutsAsync(known: null) ?? BlackoutCalendar.Empty;
        return new BlackoutList(calendar.Revision, [.. calendar.Blackouts.Select(b => new BlackoutView(b.Id, b.State, b.From.ToDateOnly(), b.Until.ToDateOnly(), b.Reason))]);
    }

    public Task PutBlackoutAsync(BlackoutView blackout) => rules.PutBlackoutAsync(
        new Blackout(blackout.Id, blackout.State, LocalDate.FromDateOnly(blackout.From), LocalDate.FromDateOnly(blackout.Until), blackout.Reason),
        clock.GetCurrentInstant());

    public Task<bool> RemoveBlackoutAsync(Guid id) => rules.RemoveBlackoutAsync(id);

    public async Task<ClusterState> CheckAsync()
    {
        var notices = new[] { breaker.Complaint, TzdbAge.Warning(clock.GetCurrentInstant()) }.OfType<string>().ToList();
        return new ClusterState(await businesses.CheckAsync() ?? optOuts.Complaint, notices.Count == 0 ? null : string.Join("; ", notices));
    }
}
