using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Sms.Dispatch;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class LeaseTests : DatabaseTest
{
    private static readonly Duration Lease = Duration.FromSeconds(20);

    private static readonly Instant Later = Now + Duration.FromMinutes(20);

    [Fact]
    public async Task Recovery_takes_rows_of_dead_leases_and_no_live_one_however_long_it_was_claimed()
    {
        var (business, customer) = await NewTenantAsync();
        var dead = await Seed.RowAsync(business, customer, Now);
        var live = await Seed.RowAsync(business, customer, Now);
        var claims = await Queue.ClaimDueAsync(2, Lease, Now);
        Assert.Empty(await Queue.RenewAsync([Claim(claims, live)], Later + Duration.FromMilliseconds(1)));

        Assert.Equal(1, await Queue.RecoverAsync(Later));

        Assert.Equal("pending", await StatusAsync(dead));
        Assert.Equal("processing", await StatusAsync(live));
        Assert.True(await Db.ScalarAsync<bool>("select lease_token is null and lease_until is null and claimed_at is null from sms_retry_queue where id = $1", dead));
    }

    [Fact]
    public async Task A_live_holder_renews_its_claims_every_quarter_of_a_lease()
    {
        var (business, customer) = await NewTenantAsync();
        var (kept, forgotten) = (await Seed.RowAsync(business, customer, Now), await Seed.RowAsync(business, customer, Now));
        var claims = (await Queue.ClaimDueAsync(2, Lease, Now)).ToDictionary(d => d.Row.QueueId, d => d.Row);
        var time = new WatchedTime(Now);
        using var keeper = new LeaseKeeper(
            Queue, time, time, Options.Create(new RetryOptions { Lease = Lease.ToTimeSpan() }), NullLogger<LeaseKeeper>.Instance);
        keeper.Keep(claims[kept]);
        keeper.Keep(claims[forgotten]);
        keeper.Forget(claims[forgotten]);
        await keeper.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Lease.ToTimeSpan() / 4, await time.Period.WaitAsync(TestContext.Current.CancellationToken));

        async Task<Instant> UntilAsync(Guid row) =>
            Instant.FromDateTimeUtc(await Db.ScalarAsync<DateTime>("select lease_until from sms_retry_queue where id = $1", row));
        for (var quarter = 1; quarter <= 3; quarter++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            var until = Now + Duration.FromSeconds(5 * quarter) + Lease;
            await Eventually.TrueAsync(async () => await UntilAsync(kept) == until);
        }

        Assert.Equal(Now + Lease, await UntilAsync(forgotten));
        await keeper.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_claim_that_somebody_has_locked_keeps_no_other_from_being_renewed_and_is_not_lost()
    {
        var (business, customer) = await NewTenantAsync();
        for (var n = 0; n < 5; n++)
            await Seed.RowAsync(business, customer, Now);
        var claims = (await Queue.ClaimDueAsync(5, Lease, Now)).Select(d => (d.Row.QueueId, d.Row.LeaseToken)).ToList();
        await using var connection = await ConnectAsync();
        await using (var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            await Statement.RunAsync(connection, "select 1 from sms_retry_queue where id = $1 for update", claims[2].QueueId);

            Assert.Empty(await Queue.RenewAsync(claims, Later));

            Assert.Equal(4, await Db.ScalarAsync<long>("select count(*) from sms_retry_queue where lease_until = $1", Later.ToDateTimeUtc()));
        }

        await Db.ExecuteAsync("update sms_retry_queue set lease_token = gen_random_uuid() where id = $1", claims[0].QueueId);
        Assert.Equal([claims[0].QueueId], await Queue.RenewAsync(claims, Later));
    }

    [Fact]
    public async Task What_was_claimed_before_the_clock_was_put_back_is_dead_unless_its_holder_renews_it()
    {
        var (business, customer) = await NewTenantAsync();
        var (dead, live) = (await Seed.RowAsync(business, customer, Now - Duration.FromHours(2)), await Seed.RowAsync(business, customer, Now - Duration.FromHours(2)));
        var claims = await Queue.ClaimDueAsync(2, Lease, Now);
        var back = Now - Duration.FromHours(1);
        Assert.Empty(await Queue.RenewAsync([Claim(claims, live)], back + Lease));

        Assert.Equal(1, await Queue.RecoverAsync(back, Lease));

        Assert.Equal("pending", await StatusAsync(dead));
        Assert.Equal("processing", await StatusAsync(live));
    }

    [Fact]
    public async Task Clocks_that_differ_by_some_seconds_recover_nobodys_live_claim()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await Queue.ClaimDueAsync(1, Lease, Now);

        Assert.Equal(0, await Queue.RecoverAsync(Now - Duration.FromSeconds(5), Lease));
        Assert.Equal(0, await Queue.RecoverAsync(Now + Duration.FromSeconds(5), Lease));
    }

    [Fact]
    public async Task A_lease_without_end_holds_nothing_for_ever()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await Queue.ClaimDueAsync(1, Lease, Now);
        await Db.ExecuteAsync("update sms_retry_queue set lease_until = 'infinity', claimed_at = 'infinity'");

        Assert.Equal(1, await Queue.RecoverAsync(Now, Lease));
        Assert.Equal("pending", await StatusAsync(row));
    }

    [Fact]
    public async Task Recovery_spares_what_was_claimed_less_than_the_stale_minutes_ago()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await Queue.ClaimDueAsync(1, Lease, Now);

        Assert.Equal(0, await RecoverAsync(10, Now + Duration.FromMinutes(10) - Duration.FromMilliseconds(1)));
        Assert.Equal(1, await RecoverAsync(10, Now + Duration.FromMinutes(10)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(null)]
    public async Task Without_stale_minutes_recovery_goes_by_the_lease_alone(int? minutes)
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await Queue.ClaimDueAsync(1, Lease, Now);

        Assert.Equal(0, await RecoverAsync(minutes, Now + Lease));
        Assert.Equal(1, await RecoverAsync(minutes, Now + Lease + Duration.FromMilliseconds(1)));
        Assert.Equal(0, await RecoverAsync(minutes, Later));
    }

    [Fact]
    public async Task A_row_processing_without_any_lease_is_stuck_since_its_last_change()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.BurstAsync(business, customer, 1, Now, "processing");

        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from recover_stuck_sms_retries()"));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from recover_stuck_sms_retries(10, now() + interval '11 minutes')"));
    }

    [Theory]
    [InlineData("open")]
    [InlineData("unknown")]
    public async Task A_row_whose_attempt_may_have_left_is_neither_recovered_nor_claimed(string state)
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var begin = Samples.Begin(Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now)), Now);
        Assert.Equal(new BegunAttempt(BeginOutcome.Begun, 1, IsCounted: true), await store.BeginAttemptAsync(begin));
        if (state is "unknown")
            await store.SettleAsync(Samples.Settle(business, begin.Attempt.Id, "unknown", Now));

        Assert.Equal(0, await Queue.RecoverAsync(Later));
        Assert.Empty(await Queue.ClaimDueAsync(50, Lease, Later));

        await store.SettleAsync(Samples.Settle(business, begin.Attempt.Id, "retry", Later));
        Assert.Equal(row, Assert.Single(await Queue.ClaimDueAsync(50, Lease, Later + Duration.FromMinutes(1))).Row.QueueId);
    }

    [Fact]
    public async Task A_recovered_row_that_has_spent_its_attempts_fails_with_its_message()
    {
        var (business, customer) = await NewTenantAsync();
        var spent = await Seed.RowAsync(business, customer, Now, attempts: 3);
        var left = await Seed.RowAsync(business, customer, Now, attempts: 2);
        await Queue.ClaimDueAsync(2, Lease, Now);

        Assert.Equal(2, await Queue.RecoverAsync(Later));

        Assert.Equal("failed", await StatusAsync(spent));
        Assert.Equal("pending", await StatusAsync(left));
        Assert.Equal("failed: attempts are spent", await Db.ScalarAsync<string>("select status || ': ' || error_message from send_logs where id = $1", spent));
        Assert.Equal("pending", await Db.ScalarAsync<string>("select status from send_logs where id = $1", left));
        Assert.Equal("failed", await Db.ScalarAsync<string>("select string_agg(type, ',') from sms.message_events where message_id = $1", spent));
    }

    [Fact]
    public async Task A_late_holder_changes_nothing_after_its_row_was_recovered_and_claimed_again()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        var late = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));
        Assert.Equal(1, await Queue.RecoverAsync(Later));
        Assert.Equal(BeginOutcome.Lost, await BeginAsync(late)); // recovered, not claimed yet
        var holder = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Later));
        var before = await RowAsync(row);
        await using var store = Store();

        Assert.Equal(BeginOutcome.Lost, await BeginAsync(late));
        foreach (var action in new[] { "defer", "unclaim", "fault", "fail" })
            await store.ReleaseAsync(Samples.Release(late, action, Later));
        Assert.Equal([row], await Queue.RenewAsync([(row, late.Row.LeaseToken)], Later + Duration.FromHours(1)));

        Assert.Equal(before, await RowAsync(row));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.attempts"));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.message_events"));
        Assert.Equal(BeginOutcome.Begun, await BeginAsync(holder));
    }

    [Fact]
    public async Task Renewing_reports_exactly_the_rows_that_are_held_no_more()
    {
        var (business, customer) = await NewTenantAsync();
        var kept = await Seed.RowAsync(business, customer, Now);
        var released = await Seed.RowAsync(business, customer, Now);
        var claims = await Queue.ClaimDueAsync(2, Lease, Now);
        await using var store = Store();
        await store.ReleaseAsync(Samples.Release(claims.Single(c => c.Row.QueueId == released), "unclaim", Now));
        var gone = Guid.NewGuid();

        var lost = await Queue.RenewAsync([Claim(claims, kept), Claim(claims, released), (gone, Guid.NewGuid())], Later);

        Assert.Equal(new[] { released, gone }.Order(), lost.Order());
        Assert.Equal(Later.ToDateTimeUtc(), await Db.ScalarAsync<DateTime>("select lease_until from sms_retry_queue where id = $1", kept));
    }

    [Fact]
    public async Task A_row_whose_message_its_business_does_not_see_becomes_a_dead_letter_like_any_other()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await Db.ExecuteAsync("update sms_retry_queue set business_id = $2, fault_count = 9 where id = $1", row, await Seed.BusinessAsync());
        await using var store = Store();

        await store.ReleaseAsync(Samples.Release(Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now)), "fault", Now));

        Assert.Equal("failed", await StatusAsync(row));
    }

    [Theory]
    [InlineData("sent")]
    [InlineData("delivered")]
    [InlineData("cancelled")]
    public async Task A_row_whose_message_waits_no_more_ends_and_its_history_does_not_say_that_it_failed(string status)
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        // As when an earlier attempt turns out to be taken while a later one is under way that is then refused for the moment.
        await Db.ExecuteAsync("update send_logs set status = $2 where id = $1", row, status);
        await using var store = Store();

        await store.ReleaseAsync(Samples.Release(Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now)), "fail", Now));

        Assert.Equal("completed", await StatusAsync(row));
        Assert.Equal(status, await Db.ScalarAsync<string>("select status from send_logs where id = $1", row));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.message_events"));
    }

    [Fact]
    public async Task Every_release_but_a_failure_gives_the_row_back_without_an_attempt()
    {
        var (business, customer) = await NewTenantAsync();
        await using var store = Store();
        foreach (var action in new[] { "defer", "unclaim", "fault", "fail" })
        {
            var row = await Seed.RowAsync(business, customer, Now);
            await store.ReleaseAsync(Samples.Release(Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now)), action, Now));

            var expected = action is "fail" ? "failed" : "pending";
            Assert.Equal(expected, await StatusAsync(row));
            Assert.Equal(expected, await Db.ScalarAsync<string>("select status from send_logs where id = $1", row));
            Assert.Equal(0, await Db.ScalarAsync<int>("select attempt_count from sms_retry_queue where id = $1", row));
        }
    }

    [Fact]
    public async Task A_row_whose_handling_throws_is_a_dead_letter_at_the_tenth_time()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var at = Now;
        for (var fault = 0; fault < 10; fault++)
        {
            Assert.Equal("pending", await StatusAsync(row));
            Assert.Empty(await Queue.ClaimDueAsync(1, Lease, at - Duration.FromMilliseconds(1)));
            var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, at));
            await store.ReleaseAsync(Samples.Release(claim, "fault", at) with { ErrorMessage = "Boom." });
            // Twice as long each time.
            at += Duration.FromSeconds(1 << fault);
        }

        Assert.Equal("failed", await StatusAsync(row));
        Assert.Equal("failed: Boom.", await Db.ScalarAsync<string>("select status || ': ' || error_message from send_logs where id = $1", row));
    }

    private async Task<BeginOutcome> BeginAsync(DueRow claim)
    {
        await using var store = Store();
        return (await store.BeginAttemptAsync(Samples.Begin(claim, Later))).Outcome;
    }

    private async Task<long> RecoverAsync(int? minutes, Instant now) => await Db.ScalarAsync<long>(
        "select count(*) from recover_stuck_sms_retries($1::int, $2)", minutes, now.ToDateTimeUtc());

    private async Task<string?> StatusAsync(Guid row) => await Db.ScalarAsync<string>("select status from sms_retry_queue where id = $1", row);

    private async Task<string?> RowAsync(Guid row) => await Db.ScalarAsync<string>("select to_jsonb(q)::text from sms_retry_queue q where id = $1", row);

    private static (Guid, Guid) Claim(IReadOnlyList<DueRow> claims, Guid row) => (row, claims.Single(c => c.Row.QueueId == row).Row.LeaseToken);

    /// <summary>A clock of the test's that tells when somebody has set a timer.</summary>
    private sealed class WatchedTime(Instant now) : FakeTimeProvider(now.ToDateTimeOffset()), IClock
    {
        private readonly TaskCompletionSource<TimeSpan> _period = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<TimeSpan> Period => _period.Task;

        public Instant GetCurrentInstant() => Instant.FromDateTimeOffset(GetUtcNow());

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _period.TrySetResult(period);
            return timer;
        }
    }
}
