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
    IMessageStore messages, IBusinessStore businesses, IRecordStore records, IRuleStore rules, IRetryQueue queue, IOperatorStore all, IMessageProvider provider, ProviderBreaker breaker,
    OptOutWatch optOuts, UnreadableBusinesses unreadable, ClockCheck clockCheck, RuleWatch watch, IClock clock) : Grain, IReaderGrain
{
    public Task<KeyOwner?> FindKeyAsync(byte[] keyHash) => businesses.FindKeyAsync(keyHash);

    public Task<MessageView?> GetMessageAsync(Guid businessId, Guid messageId) => messages.GetAsync(businessId, messageId, clock.GetCurrentInstant());

    public Task<MessagePage> ListMessagesAsync(Guid businessId, MessageQuery query) => messages.ListAsync(businessId, query, clock.GetCurrentInstant());

    public Task<CustomerView?> GetCustomerAsync(Guid businessId, Guid customerId) => businesses.GetCustomerAsync(businessId, customerId);

    public Task<EventPage?> GetEventsAsync(Guid businessId, Guid messageId, PageRequest page) => records.GetEventsAsync(businessId, messageId, page);

    public Task<CustomerPage> ListCustomersAsync(Guid businessId, string? phone, PageRequest page) => records.ListCustomersAsync(businessId, phone, page);

    public Task<ConsentPage?> GetConsentAsync(Guid businessId, Guid customerId, PageRequest page) => records.GetConsentAsync(businessId, customerId, page);

    public Task<ApiKeyView[]> ListKeysAsync(Guid businessId) => records.ListKeysAsync(businessId);

    public Task<bool> RemoveKeyAsync(Guid businessId, Guid keyId) => records.RemoveKeyAsync(businessId, keyId, clock.GetCurrentInstant());

    public Task<MessageView?> FindMessageAsync(Guid? id, string? sid) => all.FindMessageAsync(id, sid, clock.GetCurrentInstant());

    public Task<MessagePage> FindMessagesToAsync(string phone, PageRequest page) => all.FindMessagesToAsync(phone, page, clock.GetCurrentInstant());

    public async Task<BusinessPage> ListBusinessesAsync(string? query, PageRequest page)
    {
        var (found, next) = await all.ListBusinessesAsync(query, page);
        return new BusinessPage([.. found.Select(b => KnownBusiness.Of(b).View(provider.DefaultSender))], next);
    }

    public Task<QueueStats> GetQueueStatsAsync() => records.GetQueueStatsAsync(clock.GetCurrentInstant());

    public async Task<BlackoutList> ListBlackoutsAsync() => View(await rules.LoadBlackoutsAsync(known: null) ?? BlackoutCalendar.Empty);

    public async Task<BlackoutList?> ListBlackoutsAtAsync(long revision) => await rules.LoadBlackoutsAtAsync(revision) is { } calendar ? View(calendar) : null;

    public Task<BlackoutHistory> GetBlackoutHistoryAsync(PageRequest page) => rules.GetHistoryAsync(page);

    public Task PutBlackoutAsync(BlackoutView blackout, string actor) => rules.PutBlackoutAsync(
        new Blackout(blackout.Id, blackout.State, LocalDate.FromDateOnly(blackout.From), LocalDate.FromDateOnly(blackout.Until), blackout.Reason),
        actor, clock.GetCurrentInstant());

    public Task<bool> RemoveBlackoutAsync(Guid id, string actor) => rules.RemoveBlackoutAsync(id, actor, clock.GetCurrentInstant());

    public Task<BusinessVersionPage?> GetBusinessHistoryAsync(Guid businessId, long? version, PageRequest page) => records.GetBusinessHistoryAsync(businessId, version, page);

    public async Task<ClusterState> CheckAsync()
    {
        if (await businesses.CheckAsync() is { } fault)
            return new ClusterState(fault, Notice: null);
        var now = clock.GetCurrentInstant();
        var notices = new[] { clockCheck.Complaint, breaker.Complaint, unreadable.Complaint, await FindClaimedInVainAsync(now), TzdbAge.Warning(now), RuleBook.Current.Warning(now), watch.Complaint }.OfType<string>().ToList();
        return new ClusterState(optOuts.Complaint, notices.Count == 0 ? null : string.Join("; ", notices));
    }

    private async Task<string?> FindClaimedInVainAsync(Instant now)
    {
        try
        {
            return await queue.CountClaimedInVainAsync(now) is > 0 and var rows
                ? $"{rows} waiting message(s) are claimed again and again and come to nothing: the silos' logs say why."
                : null;
        }
        catch (Exception)
        {
            return "It cannot be told whether messages are claimed in vain.";
        }
    }

    private static BlackoutList View(BlackoutCalendar calendar) => new(
        calendar.Revision, [.. calendar.Blackouts.Select(b => new BlackoutView(b.Id, b.State, b.From.ToDateOnly(), b.Until.ToDateOnly(), b.Reason))]);
}
