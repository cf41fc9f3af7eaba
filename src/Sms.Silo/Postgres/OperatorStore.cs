using NodaTime;
using Sms.Contracts;
using Sms.Ports;
using static Sms.Silo.Postgres.Pages;
using static Sms.Silo.Postgres.Parameter;

namespace Sms.Silo.Postgres;

/// <summary>What is whose, in PostgreSQL.</summary>
internal sealed class OperatorStore(Database database) : IOperatorStore
{
    private static readonly DateTimeOffset NoTime = DateTimeOffset.UnixEpoch;

    public async Task<MessageView?> FindMessageAsync(Guid? id, string? sid, Instant now) =>
        await ReadAsync(await database.ReadAsQueueAsync(
            "select f.business_id, f.id from sms.find_message($1, $2) f", r => AllAsync(r, row => (row.GetGuid(0), row.GetGuid(1))), Id(id), Text(sid)), now)
        is [var message, ..] ? message : null;

    public async Task<MessagePage> FindMessagesToAsync(string phone, PageRequest page, Instant now)
    {
        var found = await database.ReadAsQueueAsync(
            "select f.business_id, f.id from sms.find_messages_to($1, $2, $3, $4) f", r => AllAsync(r, row => (row.GetGuid(0), row.GetGuid(1))),
            phone, Time(page.BeforeCreatedAt ?? DateTimeOffset.MaxValue), page.BeforeId ?? Guid.AllBitsSet, page.Limit + 1);
        var (rows, next) = PageOf(await ReadAsync(found, now), page.Limit, m => (m.CreatedAt, m.Id));
        return new MessagePage(rows, next);
    }

    public async Task<(IReadOnlyList<StoredBusiness> Businesses, string? NextCursor)> ListBusinessesAsync(string? query, PageRequest page)
    {
        var found = await database.ReadAsQueueAsync(
            $"select {BusinessStore.Columns} from sms.list_businesses($1, $2, $3) b", r => AllAsync(r, BusinessStore.Read),
            Text(query), page.BeforeId ?? Guid.AllBitsSet, page.Limit + 1);
        // Adopted ones may lack the time of their making, so the order is that of the ids.
        return PageOf(found, page.Limit, b => (NoTime, b.Id));
    }

    /// <summary>In the order given; one that has gone meanwhile is left out.</summary>
    private async Task<MessageView[]> ReadAsync((Guid Business, Guid Id)[] found, Instant now)
    {
        if (found.Length == 0)
            return [];
        var views = await database.ReadAsBusinessesAsync(
            found.Select(f => f.Business).Distinct(), $"select {MessageRow.Columns} from unnest($1) f (id) cross join lateral (select x.* from {MessageRow.Source(2)} x where x.id = f.id limit 1) m",
            r => AllAsync(r, MessageRow.Read), found.Select(f => f.Id).ToArray(), now.ToDateTimeUtc());
        return [.. views.OrderByDescending(v => (v.CreatedAt, v.Id))];
    }
}
