using System.Collections.Concurrent;
using NodaTime;

namespace Sms.Integration.Tests.Postgres;

public sealed class FairnessTests : DatabaseTest
{
    private const string Claim = "select business_id from claim_due_sms_retries($1, interval '20 seconds', $2, $3)";
    private const int Others = 199;

    private static readonly Instant Due = Now - Duration.FromMinutes(5);

    public static TheoryData<int, short> Backlogs => new()
    {
        // The others' rows fall due: at the same instant, a minute later.
        { 0, 1 }, { 60, 1 }, { 0, 0 }, { 60, 0 },
    };

    [Theory]
    [MemberData(nameof(Backlogs))]
    public async Task Every_business_has_its_turn_within_a_few_claims_whatever_one_of_them_has_due(int secondsLater, short lane)
    {
        var large = await SeedAsync(secondsLater, lane, large: 9_000, each: 5);
        await using var connection = await ConnectAsync();

        // Four claims of fifty would do if nothing but turns were dealt.
        var seen = new Dictionary<Guid, int>();
        for (var claim = 0; claim < 5; claim++)
        {
            var claimed = await ListAsync<Guid>(connection, Claim, 50, Now.ToDateTimeUtc(), Due.ToDateTimeUtc());
            Assert.Equal(50, claimed.Count);
            foreach (var business in claimed)
                seen[business] = seen.GetValueOrDefault(business) + 1;
        }

        Assert.Equal(Others + 1, seen.Count);
        Assert.InRange(seen[large], 1, 3);
    }

    [Fact]
    public async Task Businesses_without_anything_due_cost_a_claim_no_more_than_a_bounded_look()
    {
        await SeedAsync(0, lane: 1, large: 2_000, each: 1);
        await Db.ExecuteAsync("insert into businesses (name) select 'Idle ' || n from generate_series(1, 3000) n");
        // The plans are made for a queue that is nearly empty.
        await Db.ExecuteAsync("delete from pg_statistic where starelid = 'sms_retry_queue'::regclass");
        await using var connection = await ConnectAsync();
        // The counters of the transaction at hand.
        await using var open = await connection.BeginTransactionAsync();

        for (var claim = 0; claim < 10; claim++)
            Assert.Equal(50, (await ListAsync<Guid>(connection, Claim, 50, Now.ToDateTimeUtc(), Due.ToDateTimeUtc())).Count);

        Assert.Equal([0L], await ListAsync<long>(connection, "select pg_stat_get_xact_numscans('sms_retry_queue'::regclass)"));
        // At the most 50 + 1 entries to see that there is more, one of each business near, 50 to claim; and what the
        // claims before have left behind, since nothing of this transaction is cleared away.
        var read = Assert.Single(await ListAsync<long>(connection,
            """
            select sum(pg_stat_get_xact_tuples_returned(i))::bigint
            from unnest(array['idx_sms_retry_queue_due', 'idx_sms_retry_queue_turn']::regclass[]) i
            """));
        Assert.InRange(read, 10 * 50, 10 * (51 + 128 + 50) + 3 * 45 * 50);
        var looked = Assert.Single(await ListAsync<long>(connection, "select pg_stat_get_xact_tuples_returned('idx_businesses_turn'::regclass)"));
        Assert.InRange(looked, 10, 10 * 128);
    }

    [Fact]
    public async Task Racing_claimers_that_deal_turns_share_the_rows_and_leave_none()
    {
        await SeedAsync(1, lane: 1, large: 1_500, each: 3);
        var claimed = new ConcurrentBag<Guid>();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async n =>
        {
            await using var connection = await ConnectAsync();
            var limit = 8 + n;
            while (await ListAsync<Guid>(
                connection, "select id from claim_due_sms_retries($1, interval '20 seconds', $2)", limit, Now.ToDateTimeUtc()) is { Count: > 0 } rows)
            {
                Assert.InRange(rows.Count, 1, limit);
                rows.ForEach(claimed.Add);
            }
        }));

        Assert.Equal(1_500 + (Others * 3), claimed.Count);
        Assert.Equal(claimed.Count, claimed.Distinct().Count());
    }

    [Fact]
    public async Task Behind_an_open_transaction_a_claim_with_its_watermark_passes_no_finished_rows()
    {
        var business = await Seed.BusinessAsync();
        await Seed.BurstAsync(business, await Seed.CustomerAsync(business), 6_000, Due);
        await using var pinned = await ConnectAsync();
        await using var open = await pinned.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await ListAsync<long>(pinned, "select count(*) from sms_retry_queue");

        Instant? low = null;
        for (var claim = 0; claim < 50; claim++)
        {
            var due = await Queue.ClaimDueAsync(100, Duration.FromSeconds(20), Now, low);
            Assert.Equal(100, due.Count);
            low = due.NextDue;
        }

        Assert.InRange(await ReadByClaimAsync(low!.Value), 100, 1_000);
        // Without the mark all 5,000 entries of what was claimed are gone past.
        Assert.InRange(await ReadByClaimAsync(Due), 5_000, long.MaxValue);
    }

    private async Task<long> ReadByClaimAsync(Instant low)
    {
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync();
        await ListAsync<Guid>(connection, Claim, 50, Now.ToDateTimeUtc(), low.ToDateTimeUtc());
        return Assert.Single(await ListAsync<long>(connection,
            """
            select sum(pg_stat_get_xact_tuples_returned(i))::bigint
            from unnest(array['idx_sms_retry_queue_due', 'idx_sms_retry_queue_turn']::regclass[]) i
            """));
    }

    /// <summary>One business with many rows due, then 199 with a few; returns the first.</summary>
    private async Task<Guid> SeedAsync(int secondsLater, short lane, int large, int each)
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        await Db.ExecuteAsync(
            """
            with b as (insert into businesses (name) select 'B' || n from generate_series(1, $1) n returning id),
            c as (
              insert into customers (business_id, phone, phone_e164)
              select b.id, '+15125550100', '+15125550100' from b returning id, business_id),
            due as (
              select $2::uuid as business_id, $3::uuid as customer_id, $4::timestamptz as due, n from generate_series(1, $5) n
              union all
              select c.business_id, c.id, $4::timestamptz + make_interval(secs => $6), n from c, generate_series(1, $7) n),
            l as (
              insert into send_logs (id, business_id, customer_id, channel, to_phone, body, category, encoding, segments, created_at)
              select gen_random_uuid(), d.business_id, d.customer_id, 'sms', '+15125550100', 'Hello', 'marketing', 'gsm7', 1, d.due from due d
              returning id, business_id, customer_id, created_at)
            insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for, lane)
            select l.business_id, l.id, l.customer_id, l.created_at, $8 from l
            """,
            Others, business, customer, Due.ToDateTimeUtc(), large, (double)secondsLater, each, lane);
        return business;
    }
}
