using System.Text.Json;
using NodaTime;
using Npgsql;
using NpgsqlTypes;
using Sms.Contracts;
using Sms.Ports;
using static Sms.Silo.Postgres.Pages;
using static Sms.Silo.Postgres.Parameter;

namespace Sms.Silo.Postgres;

/// <summary>Histories, consent, opt-outs, keys and figures in PostgreSQL.</summary>
internal sealed partial class RecordStore(Database database) : IRecordStore
{
    /// <summary>
    /// Opt-outs from a sender that a page of a business's list looks at: as many for each entry that is asked for, so that a
    /// short page costs no more than its length, and within these bounds.
    /// </summary>
    private const int LookedAtPerEntry = 10, LeastLookedAt = 200, MostLookedAt = 1000;

    /// <summary>Live API keys of a business.</summary>
    private const int MostKeys = 20;

    public async Task<RetryOutcome> RetryMessageAsync(Guid businessId, Guid messageId, Instant at) =>
        await database.AsBusinessAsync(
            businessId, "select sms.retry_message($1, $2, $3)", async r => await r.ReadAsync() ? r.GetString(0) : null,
            businessId, messageId, at.ToDateTimeUtc()) switch
        {
            "requeued" => RetryOutcome.Requeued,
            "not_found" => RetryOutcome.NotFound,
            _ => RetryOutcome.NotRetryable,
        };

    public async Task<(CustomerView? Customer, bool Conflict)> ChangeCustomerAsync(Guid businessId, ChangeCustomer command, string? phone, Instant at)
    {
        try
        {
            var customer = await database.AsBusinessAsync(
                businessId, $"select {CustomerRow.Columns} from sms.change_customer($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) c",
                async r => await r.ReadAsync() ? CustomerRow.Read(r) : null,
                businessId, command.Id, Text(command.Name), Text(phone), Text(command.Timezone), Text(command.PostalCode), at.ToDateTimeUtc(),
                Text(command.State?.Trim().ToUpperInvariant()), command.Actor,
                Text(command.Consent?.Status), Text(command.Consent?.Method), Text(command.Consent?.Source), Time(command.Consent?.At),
                Text(command.Consent?.Notes), Text(command.Consent?.Ip), command.ConsentId, Text(command.ConsentText));
            return (customer, Conflict: false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return (null, Conflict: true);
        }
    }

    public Task<CustomerPage> ListCustomersAsync(Guid businessId, string? phone, PageRequest page)
    {
        // Each form of the list has an index of its own, so what is not asked for is not in the statement.
        var parameters = new List<object?> { businessId, page.Limit + 1 };
        var where = "c.business_id = $1 and c.erased_at is null";
        if (phone is not null)
            parameters.Add(phone);
        where += phone is null ? " and c.id >= '00000000-0000-0000-0000-000000000000'" : " and c.phone_e164 = $3";
        if (page is { BeforeCreatedAt: { } beforeAt, BeforeId: { } beforeId })
        {
            parameters.AddRange([beforeAt.UtcDateTime, beforeId]);
            where += $" and (c.created_at, c.id) < (${parameters.Count - 1}, ${parameters.Count})";
        }

        return database.ReadAsBusinessAsync(
            businessId,
            $"select {CustomerRow.Columns} from public.customers c where {where} order by c.created_at desc, c.id desc limit $2",
            async r => PageOf(await AllAsync(r, CustomerRow.Read), page.Limit, c => (c.CreatedAt, c.Id)) is var (rows, next) ? new CustomerPage(rows, next) : null!,
            [.. parameters]);
    }

    public Task<ConsentEntry?> RecordConsentAsync(Guid businessId, ConsentEntry entry) => Replay.OnConflictAsync(() => database.AsBusinessAsync(
        businessId, $"select {ConsentColumns} from sms.record_consent($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) e",
        async r => await r.ReadAsync() ? ReadConsent(r) : null,
        businessId, entry.CustomerId, entry.Id, entry.Status, Text(entry.Method), Text(entry.Source), entry.At.UtcDateTime,
        Text(entry.Notes), Text(entry.Ip), Text(entry.Text), entry.Actor!, entry.RecordedAt.UtcDateTime, Text(entry.Phone)));

    public Task<string?> FindUnreadPhoneAsync(Guid businessId, Guid customerId) => database.AsBusinessAsync(
        businessId,
        "select c.phone::text from public.customers c where c.business_id is not distinct from $1 and c.id = $2 and c.phone_e164 is null and c.phone_shared is null",
        async r => await r.ReadAsync() ? r.Text(0) : null, businessId, customerId);

    public async Task<bool> EraseCustomerAsync(Guid businessId, Guid customerId, string actor, Instant at) => await Replay.OnConflictAsync(() => database.AsBusinessAsync(
        businessId, "select sms.erase_customer($1, $2, $3, $4)", async r => await r.ReadAsync() ? r.GetString(0) : null,
        businessId, customerId, actor, at.ToDateTimeUtc())) is "erased";

    public Task<Erasure?> GetErasureAsync(Guid businessId, Guid customerId) => database.ReadAsBusinessAsync(
        businessId, "select e.erased_at, e.actor, e.is_complete from sms.erasures e where e.business_id = $1 and e.customer_id = $2",
        async r => await r.ReadAsync() ? new Erasure(r.Time(0), r.GetString(1), r.GetBoolean(2)) : null, businessId, customerId);

    public Task<bool?> FinishErasureAsync(Instant at) => database.AsQueueAsync<bool?>(
        "select sms.finish_erasure($1)", async r => await r.ReadAsync() && !r.IsDBNull(0) ? r.GetBoolean(0) : null, at.ToDateTimeUtc());

    public Task<int> BlankBodiesAsync(Instant before, int limit) => database.AsQueueAsync(
        "select sms.blank_bodies($1, $2)", async r => await r.ReadAsync() ? r.GetInt32(0) : 0, before.ToDateTimeUtc(), limit);

    public Task<OptOut[]> FindOptOutsAsync(Guid businessId, string? sender, IReadOnlyCollection<string> phones) => database.ReadAsBusinessAsync(
        businessId,
        """
        select s.phone, s.reason, s.source, s.created_at
        from unnest($3) p (phone)
        cross join lateral (select x.* from sms.suppressions x where x.business_id = $1 and x.phone = p.phone and x.kind = 'opt_out' limit 1) s
        union all
        select o.phone, o.keyword, 'keyword', o.created_at
        from unnest($3) p (phone)
        cross join lateral (select x.* from sms.sender_opt_outs x where x.sender = $2 and x.phone = p.phone and $1 <> all (x.lifted_for) limit 1) o
        where not exists (select 1 from sms.suppressions s where s.business_id = $1 and s.phone = o.phone and s.kind = 'opt_out' offset 0)
        order by 4
        """,
        r => AllAsync(r, row => new OptOut(row.GetString(0), row.Text(1), row.GetString(2), row.Time(3))),
        businessId, Text(sender), phones.ToArray());

    public async Task<OptOutPage> ListOptOutsAsync(Guid businessId, string? sender, PageRequest page)
    {
        var (rows, next) = await ListSuppressionsAsync(businessId, sender, "opt_out", page);
        return new OptOutPage([.. rows.Select(s => new OptOut(s.Phone, s.Reason, s.Source, s.CreatedAt))], next);
    }

    public Task AddOptOutAsync(Guid businessId, string phone, string? reason, string actor, Instant at) => Replay.OnConflictAsync(() => database.AsBusinessAsync(
        businessId, "select sms.add_opt_out($1, $2, $3, $4, $5)", Database.Ignore, businessId, phone, Text(reason), actor, at.ToDateTimeUtc()));

    public Task<SuppressionPage> ListSuppressionsAsync(Guid businessId, string? sender, string? kind, PageRequest page) => database.ReadAsBusinessAsync(
        businessId,
        """
        with own as materialized (
          select s.*
          from unnest(case when $3::text is null then array['opt_out', 'unreachable', 'under_review'] else array[$3] end) k (kind)
          cross join lateral (
            select x.phone, x.kind, x.reason, x.source, x.error_code, x.created_at, md5(x.kind || x.phone)::uuid as id
            from sms.suppressions x
            -- The first bound is the index's, the second says exactly where the page begins.
            where x.business_id = $1 and x.kind = k.kind and x.created_at >= '-infinity' and x.created_at <= $4
              and (x.created_at, md5(x.kind || x.phone)::uuid) < ($4, $5)
            order by x.created_at desc, md5(x.kind || x.phone)::uuid desc
            limit $6) s
          order by s.created_at desc, s.id desc
          limit $6),
        -- Nearly all whom a sender was told to stop by are in the list already, or never were this business's customers: of
        -- them no more are looked at than a page needs, and a bounded number. Then the page ends with the last that was looked at.
        looked as materialized (
          select o.phone, o.keyword, o.created_at, md5(o.phone)::uuid as id, o.lifted_for
          from sms.sender_opt_outs o
          where o.sender = $2 and ($3 is null or $3 = 'opt_out') and o.created_at <= $4 and (o.created_at, md5(o.phone)::uuid) < ($4, $5)
            and o.created_at >= coalesce((select w.created_at from own w order by w.created_at desc, w.id desc offset $6 - 1 limit 1), '-infinity')
          order by o.created_at desc, md5(o.phone)::uuid desc
          limit $7),
        last as (select k.created_at, k.id from looked k order by k.created_at desc, k.id desc offset $7 - 1 limit 1)
        select l.phone, l.kind, l.reason, l.source, l.error_code, l.created_at, l.id, t.created_at, t.id
        from (select 1) o
        left join last t on true
        left join lateral (
          select l.*
          from (
            select w.* from own w
            union all
            select k.phone, 'opt_out', k.keyword, 'keyword', null, k.created_at, k.id
            from looked k
            where $1 <> all (k.lifted_for)
              and exists (select 1 from public.customers c where c.business_id = $1 and c.phone_e164 = k.phone offset 0)
              and not exists (select 1 from sms.suppressions s where s.business_id = $1 and s.phone = k.phone and s.kind = 'opt_out' offset 0)) l
          where t.id is null or (l.created_at, l.id) >= (t.created_at, t.id)
          order by l.created_at desc, l.id desc
          limit $6) l on true
        order by l.created_at desc, l.id desc
        """,
        async r =>
        {
            var rows = new List<(Suppression Suppression, Guid Id)>();
            string? end = null;
            while (await r.ReadAsync())
            {
                end = r.IsDBNull(8) ? null : PageCursor.After(r.Time(7), r.GetGuid(8));
                if (!r.IsDBNull(0))
                    rows.Add((new Suppression(r.GetString(0), r.GetString(1), r.Text(2), r.GetString(3), r.Optional<int?>(4), r.Time(5)), r.GetGuid(6)));
            }

            var (data, next) = PageOf([.. rows], page.Limit, s => (s.Suppression.CreatedAt, s.Id));
            return new SuppressionPage([.. data.Select(d => d.Suppression)], next ?? end);
        },
        businessId, Text(sender), Text(kind), Time(page.BeforeCreatedAt ?? DateTimeOffset.MaxValue), Id(page.BeforeId ?? Guid.AllBitsSet), page.Limit + 1,
        Math.Clamp(LookedAtPerEntry * page.Limit, LeastLookedAt, MostLookedAt));

    public Task<bool> RemoveSuppressionAsync(Guid businessId, string phone, string? sender, string kind) => database.AsBusinessAsync(
        businessId, "select sms.remove_suppression($1, $2, $3, $4)", async r => await r.ReadAsync() && r.GetBoolean(0),
        businessId, phone, Text(sender), kind);

    public Task<bool> AddKeyAsync(Guid businessId, Guid id, byte[] hash, string hint, Instant at) => Replay.OnConflictAsync(() => database.AsBusinessAsync(
        businessId, "select sms.add_api_key($1, $2, $3, $4, $5, $6)", async r => await r.ReadAsync() && r.GetBoolean(0),
        businessId, id, hash, hint, at.ToDateTimeUtc(), MostKeys));

    public Task<ApiKeyView[]> ListKeysAsync(Guid businessId) => database.ReadAsBusinessAsync(
        businessId,
        "select k.id, k.hint, k.created_at from sms.api_keys k where k.business_id = $1 and k.revoked_at is null order by k.created_at desc, k.id desc",
        r => AllAsync(r, row => new ApiKeyView(row.GetGuid(0), row.GetString(1), row.Time(2))), businessId);

    public Task<bool> RemoveKeyAsync(Guid businessId, Guid id, Instant at) => database.AsBusinessAsync(
        businessId,
        "update sms.api_keys k set revoked_at = $3 where k.business_id is not distinct from $1 and k.id = $2 and k.revoked_at is null returning true",
        r => r.ReadAsync(), businessId, id, at.ToDateTimeUtc());

    public Task<BusinessStats> GetStatsAsync(Guid businessId, LocalDate day, LocalDate month, Instant now) => database.ReadAsBusinessAsync(
        businessId,
        """
        select
          (select coalesce(jsonb_object_agg(s.status, s.n), '{}') from (
            select c.status, sum(c.n) as n
            from (
              select m.status, m.n from sms.message_counts m where m.business_id = $1
              union all
              select m.status, m.n from sms.count_changes m where m.business_id = $1) c
            group by c.status
            having sum(c.n) <> 0) s)::text,
          (select coalesce(jsonb_object_agg(q.reason, q.n), '{}') from (
            select c.reason, sum(c.n) as n
            from (
              select m.reason, m.n from sms.queue_counts m where m.business_id = $1
              union all
              select m.reason, m.n from sms.queue_changes m where m.business_id = $1) c
            group by c.reason
            having sum(c.n) <> 0) q)::text,
          (select coalesce(sum(u.segments), 0) from sms.usage u where u.business_id = $1 and u.period = 'day' and u.starts_on = $2)::int,
          (select coalesce(sum(u.segments), 0) from sms.usage u where u.business_id = $1 and u.period = 'month' and u.starts_on = $3)::int,
          (select coalesce(sum(u.messages), 0) from sms.usage u where u.business_id = $1 and u.period = 'month' and u.starts_on = $3)::int,
          (select min(d.at) from unnest(array[0, 1]::smallint[]) l (lane)
            cross join lateral (
              select w.scheduled_for::timestamptz as at from public.sms_retry_queue w
              where w.lane = l.lane and w.business_id = $1 and w.status = 'pending' and w.held is null and w.scheduled_for <= $4
              order by w.scheduled_for limit 1) d)
        """,
        async r =>
        {
            await r.ReadAsync();
            return new BusinessStats
            {
                ByStatus = Counts(r.GetString(0), "pending", "sent", "delivered", "failed", "cancelled"),
                ByRetryReason = Counts(r.GetString(1), "quiet_hours", "twilio_error", "rate_limit", "scheduled"),
                SegmentsToday = r.GetInt32(2),
                SegmentsThisMonth = r.GetInt32(3),
                MessagesThisMonth = r.GetInt32(4),
                OldestDue = r.OptionalTime(5),
            };
        },
        businessId, day.ToDateOnly(), month.ToDateOnly(), now.ToDateTimeUtc());

    public Task<QueueStats> GetQueueStatsAsync(Instant now) => database.ReadAsQueueAsync(
        "select f.pending, f.due, f.processing, f.held, f.oldest_due, f.by_reason::text, f.unknown, f.oldest_unknown, f.claimed_in_vain, f.paused_businesses from sms.queue_figures($1) f",
        async r =>
        {
            await r.ReadAsync();
            return new QueueStats
            {
                Pending = r.GetInt64(0),
                Due = r.GetInt64(1),
                Processing = r.GetInt64(2),
                Held = r.GetInt64(3),
                OldestDueAgeSeconds = r.Instant(4) is { } oldest ? (now - oldest).TotalSeconds : null,
                ByReason = Counts(r.GetString(5), "quiet_hours", "twilio_error", "rate_limit", "scheduled"),
                Unknown = r.GetInt64(6),
                OldestUnknownAgeSeconds = r.Instant(7) is { } unknown ? (now - unknown).TotalSeconds : null,
                ClaimedInVain = r.GetInt64(8),
                PausedBusinesses = r.GetInt64(9),
            };
        },
        now.ToDateTimeUtc());

    /// <summary>Words that count nothing are shown as nothing, not left out.</summary>
    private static Dictionary<string, long> Counts(string json, params string[] words)
    {
        var found = JsonSerializer.Deserialize<Dictionary<string, long>>(json)!;
        foreach (var word in words)
            found.TryAdd(word, 0);
        return found;
    }
}
