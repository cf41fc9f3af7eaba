using System.Text.Json;
using NodaTime;
using Sms.Contracts;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>What reads look at, among many messages of one business.</summary>
public sealed class ReadCostTests : DatabaseTest
{
    private const int Messages = 12_000, Waiting = 4_000;
    private const string RareNumber = "+15125550199";

    public static TheoryData<string, int> Filters => new()
    {
        { "none", 51 }, { "status failed", 3 }, { "status delivered", 51 }, { "reason quiet_hours", 51 }, { "reason twilio_error", 2 },
        { "customer", 2 }, { "to", 2 }, { "since", 51 }, { "until", 2 }, { "status failed, next page", 2 }, { "customer, status delivered", 2 }, { "to, status delivered", 2 }, { "reason quiet_hours, next page", 51 },
    };

    [Theory]
    [MemberData(nameof(Filters))]
    public async Task A_page_looks_at_few_rows_whatever_is_asked(string filter, int rows)
    {
        var (business, rare) = await SeedAsync();
        var first = new MessageQuery { Limit = 50 };
        var query = filter.Split(", ")[0] switch
        {
            "none" => first,
            "customer" => first with { CustomerId = rare },
            "to" => first with { To = RareNumber },
            "since" => first with { Since = At(Messages - 100) },
            "until" => first with { Until = At(2) },
            ['s', ..] and var f => first with { Statuses = [f.Split(' ')[1]] },
            var f => first with { Reasons = [f.Split(' ')[1]] },
        };
        if (filter.EndsWith(", status delivered", StringComparison.Ordinal))
            query = query with { Statuses = ["delivered"] };
        await using var store = Store();
        if (filter.EndsWith("next page", StringComparison.Ordinal))
        {
            var page = await store.ListAsync(business, query with { Limit = 1 }, Now);
            Assert.True(PageCursor.TryParse(page.NextCursor!, out var at, out var id));
            query = query with { BeforeCreatedAt = at, BeforeId = id };
        }

        var looked = await LookedAtAsync(business, MessageList.Of(business, query, Now));

        Assert.Equal(rows, looked.Result);
        // The message, its waiting row and its open attempt, for each row of the page; and the policies' settings.
        Assert.InRange(looked.Rows, rows, (rows * 6) + 20);
        Assert.DoesNotContain("Seq Scan send_logs", looked.Nodes);
        Assert.DoesNotContain("Seq Scan sms_retry_queue", looked.Nodes);
        Assert.DoesNotContain("Seq Scan message_states", looked.Nodes);
    }

    [Fact]
    public async Task Figures_of_a_business_are_what_a_count_says_and_count_no_messages()
    {
        var (business, rare) = await SeedAsync();
        var records = new RecordStore(new Database(Db.App));
        await AssertCountsAsync(records, business);

        // Folded in parts, and more changes on top of the sums.
        await Queue.FoldCountsAsync();
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.count_changes"));
        await AssertCountsAsync(records, business);
        await Db.ExecuteAsync("update send_logs set status = 'cancelled' where customer_id = $1", rare);
        await Db.ExecuteAsync("delete from send_logs where business_id = $1 and status = 'failed'", business);
        await Db.ExecuteAsync("update send_logs set updated_at = now() where business_id = $1", business);
        await AssertCountsAsync(records, business);
        await Queue.FoldCountsAsync();
        await AssertCountsAsync(records, business);

        // And whatever else may happen to them.
        foreach (var change in new[]
        {
            "update send_logs set status = 'sent', check_at = now() where customer_id = $1",
            "update send_logs set check_at = check_at + interval '1 hour' where customer_id = $1",
            "update send_logs set created_at = created_at - interval '1 hour', status = 'pending' where customer_id = $1",
            "update send_logs set channel = 'email' where customer_id = $1",
            "update send_logs set channel = 'sms' where customer_id = $1",
        })
        {
            await Db.ExecuteAsync(change, rare);
            await AssertCountsAsync(records, business);
        }

        Assert.Equal(0, (await records.GetStatsAsync(await Seed.BusinessAsync(), Today, Today, Now)).ByStatus["sent"]);
        await Db.ExecuteAsync("truncate send_logs cascade");
        await AssertCountsAsync(records, business);
    }

    /// <summary>Else each state of a message would cost a new entry in every index.</summary>
    [Fact]
    public async Task No_index_of_the_messages_holds_what_a_dispatch_or_a_report_changes() => Assert.Equal(
        "body business_id channel created_at customer_id id to_phone",
        await Db.ScalarAsync<string>(
            """
            select string_agg(distinct a.attname, ' ' order by a.attname)
            from pg_index i
            join pg_attribute a on a.attrelid = i.indrelid and (a.attnum = any (i.indkey)
              or exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                and d.refobjid = i.indrelid and d.refobjsubid = a.attnum))
            where i.indrelid = 'send_logs'::regclass
            """));

    [Fact]
    public async Task Folding_at_the_same_time_counts_nothing_twice()
    {
        var (business, _) = await NewTenantAsync();
        await Db.ExecuteAsync("insert into sms.count_changes select $1, 'sent', 1 from generate_series(1, 20000)", business);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Queue.FoldCountsAsync()));
        await Queue.FoldCountsAsync();
        Assert.Equal(20_000, (await new RecordStore(new Database(Db.App)).GetStatsAsync(business, Today, Today, Now)).ByStatus["sent"]);
    }

    [Fact]
    public async Task The_oldest_due_is_the_first_that_time_alone_holds_up()
    {
        var (business, customer) = await NewTenantAsync();
        var records = new RecordStore(new Database(Db.App));
        await Seed.RowAsync(business, customer, Now - Duration.FromHours(2), held: "paused");
        await Seed.RowAsync(business, customer, Now + Duration.FromSeconds(1));
        Assert.Null((await records.GetStatsAsync(business, Today, Today, Now)).OldestDue);
        foreach (var minutes in new[] { 1, 3, 2 })
            await Seed.RowAsync(business, customer, Now - Duration.FromMinutes(minutes));
        Assert.Equal((Now - Duration.FromMinutes(3)).ToDateTimeOffset(), (await records.GetStatsAsync(business, Today, Today, Now)).OldestDue);
        var all = await records.GetQueueStatsAsync(Now);
        Assert.Equal((5, 3, 0, 180), (all.Pending, all.Due, all.Processing, all.OldestDueAgeSeconds));
    }

    [Fact]
    public async Task The_queues_figures_are_what_a_count_says_whatever_happens_to_its_rows()
    {
        var (business, customer) = await NewTenantAsync();
        var (gone, theirs) = await NewTenantAsync();
        var records = new RecordStore(new Database(Db.App));
        foreach (var (of, who) in new[] { (business, customer), (gone, theirs) })
        {
            await Db.ExecuteAsync(
                """
                with l as (
                  insert into send_logs (id, business_id, customer_id, channel, to_phone, body, category, encoding, segments)
                  select gen_random_uuid(), $1, $2, 'sms', '+15125550100', 'Hello', 'marketing', 'gsm7', 1 from generate_series(1, 300)
                  returning id)
                insert into sms_retry_queue (business_id, send_log_id, customer_id, status, reason, held, scheduled_for)
                select $1, l.id, $2, (array['pending', 'pending', 'pending', 'completed'])[1 + n % 4],
                  (array['quiet_hours', 'twilio_error', null, 'rate_limit', 'scheduled'])[1 + n % 5],
                  case when n % 7 = 0 then 'paused' when n % 11 = 0 then 'sender' end, $3::timestamptz + (n - 150) * interval '1.7 s'
                from (select l.id, row_number() over () as n from l) l
                """,
                of, who, Now.ToDateTimeUtc());
        }

        await AssertSameAsync();
        foreach (var happens in new[]
        {
            "select sms.fold_counts(1000)",
            "select claim_due_sms_retries(40, p_now => $1)",
            "update sms_retry_queue set status = 'completed' where id in (select id from sms_retry_queue where status = 'processing' limit 15)",
            "update sms_retry_queue set held = null where held = 'paused'",
            "select sms.fold_counts(7)",
            "update sms_retry_queue set reason = 'quiet_hours', scheduled_for = scheduled_for + interval '10 min' where reason = 'twilio_error' and status = 'pending'",
            "update sms_retry_queue set held = 'paused' where reason is null and status = 'pending'",
            "delete from sms_retry_queue where reason = 'scheduled'",
            "select sms.fold_counts(1000)",
            "update sms_retry_queue set status = 'pending', lease_token = null where status = 'processing'",
            "update sms_retry_queue set status = 'cancelled' where held is not null",
            "insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for) select business_id, send_log_id, customer_id, $1 from sms_retry_queue where status = 'cancelled'",
        })
        {
            await (happens.Contains("$1", StringComparison.Ordinal) ? Db.ExecuteAsync(happens, Now.ToDateTimeUtc()) : Db.ExecuteAsync(happens));
            await AssertSameAsync();
        }

        await Db.ExecuteAsync("delete from businesses where id = $1", gone);
        await AssertSameAsync();
        await Db.ExecuteAsync("truncate sms_retry_queue");
        await AssertSameAsync();
        await Db.ExecuteAsync("insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for) select business_id, id, customer_id, now() from send_logs");
        await AssertSameAsync();
        await Db.ExecuteAsync("delete from send_logs");
        await AssertSameAsync();
        await Queue.FoldCountsAsync();
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.queue_counts"));

        async Task AssertSameAsync()
        {
            foreach (var at in new[] { Now, Now + Duration.FromSeconds(37), Now + Duration.FromMinutes(3) })
            {
                var figures = await records.GetQueueStatsAsync(at);
                var counted = await Db.ScalarAsync<string>(
                    """
                    select concat_ws(' ', count(*) filter (where status = 'pending'),
                      count(*) filter (where status = 'pending' and held is null and scheduled_for <= $1),
                      count(*) filter (where status = 'processing'), count(*) filter (where status = 'pending' and held is not null),
                      extract(epoch from $1 - min(scheduled_for) filter (where status = 'pending' and held is null and scheduled_for <= $1))::float8)
                    from sms_retry_queue where status in ('pending', 'processing')
                    """,
                    at.ToDateTimeUtc());
                Assert.Equal(counted, string.Join(' ', new object?[] { figures.Pending, figures.Due, figures.Processing, figures.Held, figures.OldestDueAgeSeconds }.OfType<object>()));
                await AssertReasonsAsync(figures.ByReason, "true");
            }

            await AssertReasonsAsync((await records.GetStatsAsync(business, Today, Today, Now)).ByRetryReason, $"business_id = '{business}'");
        }

        async Task AssertReasonsAsync(Dictionary<string, long> reasons, string where)
        {
            foreach (var (reason, n) in reasons)
                Assert.Equal(await Db.ScalarAsync<long>($"select count(*) from sms_retry_queue where status in ('pending', 'processing') and coalesce(reason, 'scheduled') = $1 and {where}", reason), n);
        }
    }

    [Fact]
    public async Task Of_more_than_ten_thousand_that_fell_due_in_this_minute_all_of_the_minute_are_due()
    {
        var (business, customer) = await NewTenantAsync();
        var records = new RecordStore(new Database(Db.App));
        var minute = Instant.FromUnixTimeSeconds(Now.ToUnixTimeSeconds() / 60 * 60);
        await Seed.BurstAsync(business, customer, 10_000, minute);
        await Seed.RowAsync(business, customer, minute - Duration.FromSeconds(1));
        await Seed.RowAsync(business, customer, minute + Duration.FromSeconds(59));
        await Seed.RowAsync(business, customer, minute + Duration.FromSeconds(60));
        Assert.Equal(10_001, (await records.GetQueueStatsAsync(minute + Duration.FromSeconds(20))).Due);

        await Seed.RowAsync(business, customer, minute + Duration.FromSeconds(20));
        Assert.Equal(10_003, (await records.GetQueueStatsAsync(minute + Duration.FromSeconds(20))).Due);
    }

    private static LocalDate Today => Now.InUtc().Date;

    private static DateTimeOffset At(int n) => (Now - Duration.FromMinutes(Messages - n)).ToDateTimeOffset();

    private async Task AssertCountsAsync(RecordStore records, Guid business)
    {
        var stats = await records.GetStatsAsync(business, Today, Today, Now);
        foreach (var (status, n) in stats.ByStatus)
            Assert.Equal(await Db.ScalarAsync<long>("select count(*) from send_logs where business_id = $1 and channel = 'sms' and status = $2", business, status), n);
        Assert.Equal(await Db.ScalarAsync<long>("select count(*) from send_logs where business_id = $1 and channel = 'sms'", business), stats.ByStatus.Values.Sum());
        Assert.Null(await Db.ScalarAsync<string>(
            """
            with messages as (
              select id, business_id, status, created_at, case when status = 'sent' then check_at end from send_logs where channel = 'sms'),
            states as (
              select message_id, business_id, status, created_at, check_at from sms.message_states)
            select string_agg(d::text, '; ') from ((table messages except all table states) union all (table states except all table messages)) d
            """));
    }

    /// <summary>Most were delivered; a few of each other kind are the oldest. E-mails are in the same table.</summary>
    private async Task<(Guid Business, Guid Rare)> SeedAsync()
    {
        var business = await Seed.BusinessAsync();
        var often = await Seed.CustomerAsync(business);
        var rare = await Seed.CustomerAsync(business);
        await Db.ExecuteAsync(
            """
            with l as (
              insert into send_logs (id, business_id, customer_id, channel, to_phone, body, category, encoding, segments, status, created_at)
              select gen_random_uuid(), $1, case when n in (1, 2) then $3 else $2 end::uuid, 'sms',
                case when n in (1, 2) then $4 else '+15125550100' end, 'Hello', 'marketing', 'gsm7', 1,
                case when n in (3, 4, 5) then 'failed' when n <= $6 + 5 and n > 5 then 'pending' else 'delivered' end,
                $7::timestamptz - make_interval(mins => $5 - n)
              from generate_series(0, $5) n
              returning id, customer_id, created_at, status)
            insert into sms_retry_queue (id, business_id, send_log_id, customer_id, status, reason, scheduled_for, accepted_at)
            select l.id, $1, l.id, l.customer_id, case when l.status = 'pending' then 'pending' else 'completed' end,
              case when row_number() over (partition by l.status order by l.created_at) in (1, 2) then 'twilio_error' else 'quiet_hours' end,
              $7, l.created_at
            from l
            """,
            business, often, rare, RareNumber, Messages, Waiting, Now.ToDateTimeUtc());
        await Db.ExecuteAsync(
            "insert into send_logs (business_id, customer_id, status) select $1, $2, 'sent' from generate_series(1, 50)", business, often);
        await Db.ExecuteAsync("analyze");
        return (business, rare);
    }

    private async Task<(int Result, long Rows, string Nodes)> LookedAtAsync(Guid business, Sms.Silo.Postgres.Statement statement)
    {
        var json = await new Database(Db.App).AsBusinessAsync(
            business, "explain (analyze, timing off, format json) " + statement.Sql,
            async r => await r.ReadAsync() ? r.GetString(0) : "", statement.Parameters);
        using var plan = JsonDocument.Parse(json);
        var root = plan.RootElement[0].GetProperty("Plan");
        var looked = 0L;
        var nodes = new List<string>();
        Walk(root);
        return ((int)root.GetProperty("Actual Rows").GetDouble(), looked, string.Join(", ", nodes));

        void Walk(JsonElement node)
        {
            var type = node.GetProperty("Node Type").GetString()!;
            nodes.Add(node.TryGetProperty("Relation Name", out var relation) ? $"{type} {relation.GetString()}" : type);
            if (type.EndsWith("Scan", StringComparison.Ordinal))
            {
                var removed = node.TryGetProperty("Rows Removed by Filter", out var filtered) ? filtered.GetDouble() : 0;
                looked += (long)((node.GetProperty("Actual Rows").GetDouble() + removed) * node.GetProperty("Actual Loops").GetDouble());
            }

            if (node.TryGetProperty("Plans", out var parts))
            {
                foreach (var part in parts.EnumerateArray())
                    Walk(part);
            }
        }
    }
}
