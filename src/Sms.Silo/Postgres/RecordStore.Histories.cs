using Npgsql;
using Sms.Contracts;
using static Sms.Silo.Postgres.Pages;

namespace Sms.Silo.Postgres;

/// <summary>What grows by being appended to, a page at a time: a message's history and a customer's consent ledger, oldest first, and a business's versions.</summary>
internal sealed partial class RecordStore
{
    /// <summary>Numbers of one ledger that are asked for.</summary>
    private const int MostPhones = 100;

    private const string ConsentColumns = "e.id, e.customer_id, e.status, e.method, e.source, e.at, e.notes, e.ip, e.wording, e.recorded_at, "
        + "encode(e.wording_hash, 'hex'), e.actor, e.phone";

    public async Task<EventPage?> GetEventsAsync(Guid businessId, Guid messageId, PageRequest page)
    {
        var after = page.BeforeId is { } place ? PlaceOf(place) : 0;
        var events = await ReadEventsAsync(businessId, messageId, after, page.Limit + 1);
        // Every message was accepted: without that there is none, and beyond the end there is still one before.
        if (events.Length == 0 && (after == 0 || (await ReadEventsAsync(businessId, messageId, after: 0, limit: 1)).Length == 0))
            return null;
        return events.Length <= page.Limit
            ? new EventPage(events, NextCursor: null)
            : new EventPage(events[..page.Limit], PageCursor.After(events[page.Limit - 1].At, IdOf(after + page.Limit)));
    }

    public Task<ILookup<Guid, MessageEvent>> GetEventsAsync(Guid businessId, IReadOnlyCollection<Guid> messageIds) => database.ReadAsBusinessAsync(
        businessId,
        """
        select m.id, e.at, e.type, e.data::text
        from unnest($1) with ordinality m (id, n)
        cross join lateral (
          select t.id, t.at, t.type, t.data from sms.timeline t
          where t.message_id = m.id and t.business_id is not distinct from $2 order by t.id limit $3) e
        order by m.n, e.id
        """,
        async r => (await AllAsync(r, row => (Message: row.GetGuid(0), Event: new MessageEvent(row.Time(1), row.GetString(2), row.GetString(3)))))
            .ToLookup(e => e.Message, e => e.Event),
        messageIds.ToArray(), businessId, PageRequest.MaxLimit);

    public async Task<BusinessVersionPage?> GetBusinessHistoryAsync(Guid businessId, long? version, PageRequest page)
    {
        var versions = await database.ReadAsBusinessAsync(
            businessId,
            """
            select h.version, h.at, h.actor, h.name, h.timezone, h.settings::text from sms.business_history h
            where h.business_id = $1 and h.version >= $2 and h.version <= $3 and h.version < $4 order by h.version desc limit $5
            """,
            r => AllAsync(r, row => new BusinessVersion(row.GetInt64(0), row.Time(1), row.GetString(2), row.Text(3), row.Text(4), row.Text(5))),
            businessId, version ?? 0, version ?? long.MaxValue, page.BeforeId is { } last ? PlaceOf(last) : long.MaxValue, page.Limit + 1);
        if (versions.Length == 0 && version is null && page.BeforeId is null)
            return null;
        var (data, next) = PageOf(versions, page.Limit, v => (v.At, IdOf(v.Version)));
        return new BusinessVersionPage(data, next);
    }

    public async Task<ConsentPage?> GetConsentAsync(Guid businessId, Guid customerId, PageRequest page)
    {
        // The place of the entry that the page begins after is looked up first, so that the ledger's index is searched by it.
        var entries = await database.ReadAsBusinessAsync(
            businessId,
            page.BeforeId is null
                ? $"select {ConsentColumns} from sms.consent_events e where e.business_id is not distinct from $1 and e.customer_id = $2 order by e.n limit $3"
                : $"""
                select {ConsentColumns}
                from (select x.n from sms.consent_events x where x.id = $4 and x.customer_id is not distinct from $2 limit 1) p
                cross join lateral (
                  select x.* from sms.consent_events x
                  where x.business_id is not distinct from $1 and x.customer_id = $2 and x.n > p.n order by x.n limit $3) e
                order by e.n
                """,
            r => AllAsync(r, ReadConsent),
            page.BeforeId is { } last ? [businessId, customerId, page.Limit + 1, last] : [businessId, customerId, page.Limit + 1]);
        if (entries.Length == 0 && !await IsKnownAsync(businessId, customerId))
            return null;
        var (data, next) = PageOf(entries, page.Limit, e => (e.RecordedAt, e.Id));
        return new ConsentPage(data, next);
    }

    public Task<string[]> FindConsentPhonesAsync(Guid businessId, Guid customerId) => database.ReadAsBusinessAsync(
        businessId,
        "select distinct e.phone from sms.consent_events e where e.business_id is not distinct from $1 and e.customer_id = $2 and e.phone is not null limit $3",
        r => AllAsync(r, row => row.GetString(0)), businessId, customerId, MostPhones);

    /// <summary>Whether there is such a customer, or its ledger: that outlives it.</summary>
    private Task<bool> IsKnownAsync(Guid businessId, Guid customerId) => database.ReadAsBusinessAsync(
        businessId,
        """
        select 1 from public.customers c where c.business_id is not distinct from $1 and c.id = $2
        union all
        (select 1 from sms.consent_events e where e.business_id is not distinct from $1 and e.customer_id = $2 limit 1)
        """,
        r => r.ReadAsync(), businessId, customerId);

    /// <summary>From this place on, counted from 0. A history is short, and is only appended to.</summary>
    private Task<MessageEvent[]> ReadEventsAsync(Guid businessId, Guid messageId, long after, int limit) => database.ReadAsBusinessAsync(
        businessId,
        "select e.at, e.type, e.data::text from sms.timeline e where e.message_id = $1 and e.business_id is not distinct from $2 order by e.id offset $3 limit $4",
        r => AllAsync(r, row => new MessageEvent(row.Time(0), row.GetString(1), row.GetString(2))),
        messageId, businessId, after, limit);

    private static ConsentEntry ReadConsent(NpgsqlDataReader r) => new()
    {
        Id = r.GetGuid(0),
        CustomerId = r.GetGuid(1),
        Status = r.GetString(2),
        Method = r.Text(3),
        Source = r.Text(4),
        At = r.Time(5),
        Notes = r.Text(6),
        Ip = r.Text(7),
        Text = r.Text(8),
        RecordedAt = r.Time(9),
        TextHash = r.Text(10),
        Actor = r.Text(11),
        Phone = r.Text(12),
    };
}
