using System.Collections.Concurrent;
using NodaTime;
using Npgsql;
using NpgsqlTypes;

namespace Sms.Integration.Tests.Postgres;

public sealed class ClaimTests : DatabaseTest
{
    private const string Claim = "select id from claim_due_sms_retries($1, interval '20 seconds', $2)";

    private static readonly Instant Due = Now - Duration.FromMinutes(5);

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    public async Task A_claim_never_exceeds_its_limit_on_statistics_of_a_nearly_empty_queue(int completedRows)
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        await Db.ExecuteAsync("alter table sms_retry_queue set (autovacuum_enabled = off)");
        foreach (var burst in new[] { 10, 20, 40, 60, 100, 200 })
        {
            foreach (var limit in new[] { 1, 5, 50 })
            {
                await Db.ExecuteAsync("truncate sms_retry_queue");
                if (completedRows > 0)
                    await Seed.BurstAsync(business, customer, completedRows, Due, "completed");
                await Seed.BurstAsync(business, customer, 1, Due);
                await Db.ExecuteAsync("analyze sms_retry_queue");
                await Seed.BurstAsync(business, customer, burst, Due);

                // One session, so that the calls after the fifth run on the generic plan.
                await using var connection = await ConnectAsync();
                var claimed = new HashSet<Guid>();
                for (var (left, calls) = (burst + 1, 0); left > 0 && calls < 10; calls++)
                {
                    var rows = await ListAsync<Guid>(connection, Claim, limit, Now.ToDateTimeUtc());
                    Assert.Equal(Math.Min(limit, left), rows.Count);
                    Assert.All(rows, row => Assert.True(claimed.Add(row)));
                    left -= rows.Count;
                }
            }
        }
    }

    [Fact]
    public async Task A_claim_takes_other_rows_than_one_that_is_not_committed_yet()
    {
        var business = await Seed.BusinessAsync();
        await Seed.BurstAsync(business, await Seed.CustomerAsync(business), 8, Due);
        await using var first = await ConnectAsync();
        await using var second = await ConnectAsync();
        await using var open = await first.BeginTransactionAsync();

        var mine = await ListAsync<Guid>(first, Claim, 5, Now.ToDateTimeUtc());
        var theirs = await ListAsync<Guid>(second, Claim, 5, Now.ToDateTimeUtc());

        Assert.Equal(5, mine.Count);
        Assert.Equal(3, theirs.Count);
        Assert.Empty(mine.Intersect(theirs));
    }

    [Fact]
    public async Task Racing_claimers_share_the_rows_and_leave_none()
    {
        const int Rows = 1200;
        var business = await Seed.BusinessAsync();
        await Seed.BurstAsync(business, await Seed.CustomerAsync(business), Rows, Due);
        var claimed = new ConcurrentBag<Guid>();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async n =>
        {
            await using var connection = await ConnectAsync();
            while (await ListAsync<Guid>(connection, Claim, n + 1, Now.ToDateTimeUtc()) is { Count: > 0 } rows)
            {
                Assert.InRange(rows.Count, 1, n + 1);
                rows.ForEach(claimed.Add);
            }
        }));

        Assert.Equal(Rows, claimed.Count);
        Assert.Equal(Rows, claimed.Distinct().Count());
    }

    [Fact]
    public async Task One_time_passwords_come_first_then_the_longest_due()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        var late = await Seed.RowAsync(business, customer, Due);
        var later = await Seed.RowAsync(business, customer, Due + Duration.FromSeconds(1));
        var latest = await Seed.RowAsync(business, customer, Due + Duration.FromSeconds(2));
        var code = await Seed.RowAsync(business, customer, Due + Duration.FromSeconds(3), lane: 0);

        Assert.Equal([code, late], (await ClaimAsync(2)).Order(OrderOf(code, late, later, latest)));
        Assert.Equal([later], await ClaimAsync(1));
        Assert.Equal([latest], await ClaimAsync(5));
    }

    [Fact]
    public async Task What_is_not_due_held_or_ended_is_not_claimed()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        await Seed.RowAsync(business, customer, Now + Duration.FromMilliseconds(1));
        await Seed.RowAsync(business, customer, Now + Duration.FromMilliseconds(1), lane: 0);
        await Seed.RowAsync(business, customer, Due, held: "paused");
        foreach (var status in new[] { "completed", "failed", "cancelled", "processing" })
            await Seed.BurstAsync(business, customer, 1, Due, status);
        var due = await Seed.RowAsync(business, customer, Now);

        Assert.Equal([due], await ClaimAsync(50));
        Assert.Empty(await ClaimAsync(50));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, 0)]
    [InlineData(int.MinValue, 0)]
    [InlineData(null, 0)]
    [InlineData(999, 999)]
    [InlineData(1001, 1000)]
    [InlineData(int.MaxValue, 1000)]
    public async Task A_limit_is_between_none_and_a_thousand(int? limit, int claimed)
    {
        var business = await Seed.BusinessAsync();
        await Seed.BurstAsync(business, await Seed.CustomerAsync(business), 1002, Due);

        Assert.Equal(claimed, (await ClaimAsync(limit)).Count);
    }

    [Fact]
    public async Task The_default_limit_is_fifty_and_the_default_present_is_the_servers()
    {
        var business = await Seed.BusinessAsync();
        var past = Instant.FromUtc(2020, 1, 1, 0, 0);
        await Seed.BurstAsync(business, await Seed.CustomerAsync(business), 60, past);

        Assert.Equal(50, await Db.ScalarAsync<long>("select count(*) from claim_due_sms_retries() where lease_until > now()"));
    }

    [Fact]
    public async Task A_watermark_hides_what_was_due_before_it_and_null_hides_nothing()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        var before = await Seed.RowAsync(business, customer, Due);
        var at = await Seed.RowAsync(business, customer, Due + Duration.FromSeconds(1));

        Assert.Equal([at], await ClaimAsync(50, low: Due + Duration.FromSeconds(1)));
        await using var connection = await ConnectAsync();
        Assert.Equal([before], await ListAsync<Guid>(
            connection, "select id from claim_due_sms_retries(50, interval '20 seconds', $1, null)", Now.ToDateTimeUtc()));
    }

    [Fact]
    public async Task A_claim_counts_no_attempt_and_carries_a_lease_and_a_token_of_its_own()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        var row = await Seed.RowAsync(business, customer, Due, attempts: 2);
        var other = await Seed.RowAsync(business, customer, Due + Duration.FromSeconds(1), attempts: 1);

        var claims = await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now);
        var others = await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now);

        Assert.Equal((row, 2), (Assert.Single(claims).Row.QueueId, claims[0].Row.AttemptCount));
        Assert.Equal(other, Assert.Single(others).Row.QueueId);
        Assert.NotEqual(claims[0].Row.LeaseToken, others[0].Row.LeaseToken);
        Assert.Equal(business, claims[0].BusinessId);
        Assert.True(await Db.ScalarAsync<bool>(
            """
            select status = 'processing' and attempt_count = 2 and lease_token = $2 and lease_until = $3 + interval '20 seconds'
              and claimed_at = $3 and last_attempted_at is null
            from sms_retry_queue where id = $1
            """,
            row, claims[0].Row.LeaseToken, Now.ToDateTimeUtc()));
    }

    [Fact]
    public async Task A_claim_reads_the_due_index_and_nothing_of_a_large_backlog()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        await Seed.BurstAsync(business, customer, 20_000, Now + Duration.FromHours(1));
        await Seed.BurstAsync(business, customer, 2_000, Due, "completed");
        await Db.ExecuteAsync("analyze sms_retry_queue");
        await Seed.BurstAsync(business, customer, 40, Due);
        await using var connection = await ConnectAsync();
        // The counters of the transaction at hand, which plpgsql's statements are part of.
        await using var open = await connection.BeginTransactionAsync();

        // Beyond the fifth call the plan is the generic one.
        for (var call = 0; call < 10; call++)
            Assert.Equal(4, (await ListAsync<Guid>(connection, Claim, 4, Now.ToDateTimeUtc())).Count);

        Assert.Equal([0L], await ListAsync<long>(connection, "select pg_stat_get_xact_numscans('sms_retry_queue'::regclass)"));
        Assert.Equal([20L], await ListAsync<long>(connection, "select pg_stat_get_xact_numscans('idx_sms_retry_queue_due'::regclass)"));
        // 10 claims of 4 rows, each past the entries of the ones before at the worst.
        var read = Assert.Single(await ListAsync<long>(
            connection, "select pg_stat_get_xact_tuples_returned('idx_sms_retry_queue_due'::regclass)"));
        Assert.InRange(read, 40, 10 * 45);
    }

    [Fact]
    public async Task The_next_due_instant_is_the_earliest_of_both_lanes_and_passes_over_what_is_held()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        Assert.Null((await Queue.ClaimDueAsync(5, Duration.FromSeconds(20), Now)).NextDue);

        await Seed.RowAsync(business, customer, Due, held: "paused");
        await Seed.RowAsync(business, customer, Due, held: "sender");
        await Seed.RowAsync(business, customer, Now + Duration.FromHours(2));
        Assert.Equal(Now + Duration.FromHours(2), (await Queue.ClaimDueAsync(5, Duration.FromSeconds(20), Now)).NextDue);

        await Seed.RowAsync(business, customer, Now + Duration.FromHours(1), lane: 0);
        Assert.Equal(Now + Duration.FromHours(1), (await Queue.ClaimDueAsync(5, Duration.FromSeconds(20), Now)).NextDue);
    }

    [Fact]
    public async Task What_a_claim_leaves_is_told_as_the_next_due()
    {
        var business = await Seed.BusinessAsync();
        var customer = await Seed.CustomerAsync(business);
        var early = await Seed.RowAsync(business, customer, Due);
        var late = await Seed.RowAsync(business, customer, Due + Duration.FromSeconds(1));

        var claim = await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now, low: null);
        Assert.Equal((early, Due + Duration.FromSeconds(1)), (Assert.Single(claim).Row.QueueId, claim.NextDue));
        claim = await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now, low: Now);
        Assert.Equal((0, null), (claim.Count, claim.NextDue));
        claim = await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now, low: null);
        Assert.Equal((late, null), (Assert.Single(claim).Row.QueueId, claim.NextDue));
    }

    private async Task<List<Guid>> ClaimAsync(int? limit, Instant? low = null)
    {
        await using var connection = await ConnectAsync();
        return await ListAsync<Guid>(
            connection, "select id from claim_due_sms_retries($1, interval '20 seconds', $2, $3)",
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Integer, Value = (object?)limit ?? DBNull.Value },
            Now.ToDateTimeUtc(),
            (low ?? Instant.FromUtc(2000, 1, 1, 0, 0)).ToDateTimeUtc());
    }

    /// <summary>The rows of one statement come in no order; these are compared by their place in the list.</summary>
    private static Comparer<Guid> OrderOf(params Guid[] ids) =>
        Comparer<Guid>.Create((a, b) => Array.IndexOf(ids, a).CompareTo(Array.IndexOf(ids, b)));
}
