using System.Text.Json.Nodes;
using NodaTime;
using Sms.Contracts;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class AttemptTests : DatabaseTest
{
    private static readonly Duration Lease = Duration.FromSeconds(20);

    [Fact]
    public async Task Of_racing_begins_on_one_claim_one_is_recorded()
    {
        var business = await Seed.BusinessAsync();
        await using var one = Store();
        await using var two = Store();
        for (var round = 0; round < 10; round++)
        {
            var row = await Seed.RowAsync(business, await Seed.CustomerAsync(business), Now);
            var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));

            var outcomes = await Task.WhenAll(
                one.BeginAttemptAsync(Samples.Begin(claim, Now)), two.BeginAttemptAsync(Samples.Begin(claim, Now)));

            Assert.Equal([BeginOutcome.Begun, BeginOutcome.Blocked], outcomes.Select(o => o.Outcome).Order());
            Assert.Equal(1, await Db.ScalarAsync<int>("select attempt_count from sms.messages where id = $1", row));
        }
    }

    [Fact]
    public async Task Of_racing_begins_for_one_recipient_one_is_recorded()
    {
        var business = await Seed.BusinessAsync();
        await using var one = Store();
        await using var two = Store();
        for (var round = 0; round < 10; round++)
        {
            var customer = await Seed.CustomerAsync(business);
            // Rows that nothing orders: each sees the other's accepted at the same instant, so the id decides.
            await Seed.RowAsync(business, customer, Now);
            await Seed.RowAsync(business, customer, Now);
            var claims = await Queue.ClaimDueAsync(2, Lease, Now);

            var outcomes = await Task.WhenAll(
                one.BeginAttemptAsync(Samples.Begin(claims[0], Now)), two.BeginAttemptAsync(Samples.Begin(claims[1], Now)));

            Assert.Equal([BeginOutcome.Begun, BeginOutcome.Blocked], outcomes.Select(o => o.Outcome).Order());
        }
    }

    [Fact]
    public async Task One_time_passwords_overtake_and_the_rest_goes_in_the_order_of_acceptance()
    {
        var (business, customer) = await NewTenantAsync();
        var second = await Seed.RowAsync(business, customer, Now, acceptedAt: Now - Duration.FromMinutes(1));
        var first = await Seed.RowAsync(business, customer, Now, acceptedAt: Now - Duration.FromMinutes(2));
        var code = await Seed.RowAsync(business, customer, Now, lane: 0);
        var claims = (await Queue.ClaimDueAsync(3, Lease, Now)).ToDictionary(c => c.Row.QueueId);
        await using var store = Store();

        foreach (var turn in new[] { code, first, second })
        {
            foreach (var other in claims.Keys.Where(k => k != turn))
                Assert.Equal(BeginOutcome.Blocked, (await store.BeginAttemptAsync(Samples.Begin(claims[other], Now))).Outcome);
            var begin = Samples.Begin(claims[turn], Now);
            Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(begin)).Outcome);
            await store.SettleAsync(Samples.Settle(business, begin.Attempt.Id, "accepted", Now));
            claims.Remove(turn);
        }
    }

    [Fact]
    public async Task Of_a_begin_and_a_cancel_at_once_exactly_one_wins()
    {
        var business = await Seed.BusinessAsync();
        await using var one = Store();
        await using var two = Store();
        for (var round = 0; round < 15; round++)
        {
            var row = await Seed.RowAsync(business, await Seed.CustomerAsync(business), Now);
            var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));

            var begin = one.BeginAttemptAsync(Samples.Begin(claim, Now));
            var cancel = two.CancelAsync(business, row, Now);
            var (begun, cancelled) = ((await begin).Outcome == BeginOutcome.Begun, (await cancel).Outcome == CancelOutcome.Cancelled);

            Assert.NotEqual(begun, cancelled);
            Assert.Equal(
                begun ? "pending/processing/1" : "cancelled/cancelled/0",
                await Db.ScalarAsync<string>(
                    """
                    select l.status || '/' || q.status || '/' || (select count(*) from sms.attempts a where a.message_id = l.id)
                    from send_logs l join sms_retry_queue q on q.send_log_id = l.id where l.id = $1
                    """,
                    row));
        }
    }

    [Fact]
    public async Task A_settlement_beside_a_cancel_keeps_nothing_that_the_cancel_needs_and_is_made_after_it()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync();
        // Without it the server would end a deadlock by ending the settlement, which is replayed: late, but unseen.
        await Statement.RunAsync(connection, "set local lock_timeout = '500ms'");
        // What a cancel does first.
        await Statement.RunAsync(connection, "select 1 from sms_retry_queue where send_log_id = $1 for no key update", row);

        var settled = store.SettleAsync(Samples.Settle(business, attempt, "accepted", Now));
        Assert.Equal(["not_cancellable"], await ListAsync<string>(connection, "select outcome from sms.cancel_message($1, $2, $3)", business, row, Now.ToDateTimeUtc()));
        await open.CommitAsync(TestContext.Current.CancellationToken);
        await settled;

        Assert.Equal("sent", await MessageAsync(row));
    }

    [Fact]
    public async Task Settling_twice_is_settling_once()
    {
        foreach (var outcome in new[] { "accepted", "retry", "defer", "failed", "unknown" })
        {
            var (business, customer) = await NewTenantAsync();
            var row = await Seed.RowAsync(business, customer, Now);
            await using var store = Store();
            var attempt = await BeginAsync(store);
            await store.SettleAsync(Samples.Settle(business, attempt, outcome, Now));
            var once = await PictureAsync(row);

            await store.SettleAsync(Samples.Settle(business, attempt, outcome, Now + Duration.FromHours(1)));
            // Nor does another verdict count once there is one; only an unknown outcome may still become known.
            if (outcome is not "unknown")
                await store.SettleAsync(Samples.Settle(business, attempt, "failed", Now + Duration.FromHours(1)));

            Assert.Equal(once, await PictureAsync(row));
            await Db.ExecuteAsync("delete from sms_retry_queue");
        }
    }

    [Theory]
    [InlineData("accepted", "sent", "completed", 1)]
    [InlineData("retry", "pending", "pending", 1)]
    [InlineData("defer", "pending", "pending", 0)]
    [InlineData("failed", "failed", "failed", 1)]
    [InlineData("unknown", "pending", "processing", 1)]
    public async Task An_outcome_moves_the_message_its_row_and_the_count(string outcome, string message, string row, int attempts)
    {
        var (business, customer) = await NewTenantAsync();
        var id = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();

        await store.SettleAsync(Samples.Settle(business, await BeginAsync(store), outcome, Now));

        Assert.Equal(
            $"{message} {row} {attempts} {attempts}",
            await Db.ScalarAsync<string>(
                """
                select concat_ws(' ', l.status, q.status, l.attempt_count, q.attempt_count)
                from send_logs l join sms_retry_queue q on q.send_log_id = l.id where l.id = $1
                """,
                id));
    }

    [Fact]
    public async Task No_attempt_begins_while_its_message_is_being_deleted()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));
        await using var other = await ConnectAsync();
        await using var deleting = await other.BeginTransactionAsync();
        // As far as a deletion of many is before it comes to their queue rows.
        await Statement.RunAsync(other, $"select 1 from send_logs where id = '{row}' for update");

        Assert.Equal(BeginOutcome.Blocked, (await store.BeginAttemptAsync(Samples.Begin(claim, Now))).Outcome);
        await deleting.RollbackAsync();

        Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(Samples.Begin(claim, Now))).Outcome);
    }

    [Fact]
    public async Task The_third_refusal_of_three_fails_the_message_whatever_the_caller_would_have_liked()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var at = Now;
        for (var number = 1; number <= 3; number++)
        {
            Assert.Equal("pending", await MessageAsync(row));
            await store.SettleAsync(Samples.Settle(business, await BeginAsync(store, at, number), "retry", at));
            at += Duration.FromMinutes(1);
        }

        Assert.Equal("failed", await MessageAsync(row));
        Assert.Empty(await Queue.ClaimDueAsync(50, Lease, at + Duration.FromDays(1)));
    }

    [Fact]
    public async Task A_deferral_gives_the_attempt_back_any_number_of_times_and_its_segments_count_once()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var at = Now;
        for (var round = 0; round < 5; round++)
        {
            await store.SettleAsync(Samples.Settle(business, await BeginAsync(store, at), "defer", at));
            at += Duration.FromMinutes(1);
        }

        // Also when it failed in between and was sent back by hand.
        await store.ReleaseAsync(Samples.Release(Assert.Single(await Queue.ClaimDueAsync(1, Lease, at)), "fail", at));
        Assert.Equal(RetryOutcome.Requeued, await new RecordStore(new Database(Db.App)).RetryMessageAsync(business, row, at));
        await store.SettleAsync(Samples.Settle(business, await BeginAsync(store, at), "accepted", at));

        Assert.Equal("sent", await MessageAsync(row));
        Assert.Equal(1, await Db.ScalarAsync<int>("select attempt_count from send_logs"));
        Assert.Equal("1/2", await Db.ScalarAsync<string>("select messages || '/' || segments from sms.usage where period = 'day'"));
    }

    [Fact]
    public async Task An_unknown_outcome_that_becomes_known_settles_the_message()
    {
        foreach (var (outcome, status) in new[] { ("accepted", "sent"), ("retry", "pending"), ("failed", "failed") })
        {
            var (business, customer) = await NewTenantAsync();
            var row = await Seed.RowAsync(business, customer, Now);
            await using var store = Store();
            var attempt = await BeginAsync(store);
            await store.SettleAsync(Samples.Settle(business, attempt, "unknown", Now));
            await store.SettleAsync(Samples.Settle(business, attempt, outcome, Now));

            Assert.Equal(status, await MessageAsync(row));
            await Db.ExecuteAsync("delete from sms_retry_queue");
        }
    }

    [Theory]
    [InlineData("retry", "pending", 1)]
    [InlineData("defer", "pending", 0)]
    [InlineData("accepted", "sent", 1)]
    public async Task A_message_that_was_stored_claimed_waits_in_its_row_when_it_must(string outcome, string status, int attempts)
    {
        var (business, customer) = await NewTenantAsync();
        await using var store = Store();
        var message = Samples.Message(business, customer, Now).Claimed();
        var (begun, attempt) = await store.StoreAndBeginAsync(message);
        Assert.Equal(BeginOutcome.Begun, begun);

        await store.SettleAsync(Samples.Settle(business, attempt, outcome, Now));

        Assert.Equal(status, await MessageAsync(message.Id));
        var due = await Queue.ClaimDueAsync(50, Lease, Now + Duration.FromMinutes(1));
        if (status is "pending")
            Assert.Equal((message.Id, attempts), (Assert.Single(due).Row.MessageId, due[0].Row.AttemptCount));
        else
            Assert.Empty(due);
    }

    [Fact]
    public async Task An_attempt_whose_process_is_gone_becomes_unknown_and_its_late_verdict_still_counts()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        var leaveBy = Now + Duration.FromSeconds(10);

        Assert.Equal(0, await ExpireAsync(leaveBy));
        Assert.Equal(1, await ExpireAsync(leaveBy + Duration.FromMilliseconds(1)));
        Assert.Equal(0, await ExpireAsync(leaveBy + Duration.FromHours(1)));

        Assert.Equal("unknown", await Db.ScalarAsync<string>("select state from sms.attempts where id = $1", attempt));
        Assert.Equal(0, await Queue.RecoverAsync(Now + Duration.FromHours(1)));
        await store.SettleAsync(Samples.Settle(business, attempt, "accepted", Now + Duration.FromHours(1)));
        Assert.Equal("sent", await MessageAsync(row));
    }

    [Fact]
    public async Task An_attempt_of_a_process_that_is_known_to_be_gone_becomes_unknown_once_it_cannot_leave_any_more()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        var owner = (await Db.ScalarAsync<string>("select owner from sms.attempts where id = $1", attempt))!;
        var leaveBy = Now + Duration.FromSeconds(10);

        Assert.Equal(0, await ExpireAsync(Now, goneBefore: leaveBy, alive: "another"));
        Assert.Equal(0, await ExpireAsync(Now, goneBefore: leaveBy + Duration.FromMilliseconds(1), alive: owner));
        Assert.Equal(1, await ExpireAsync(Now, goneBefore: leaveBy + Duration.FromMilliseconds(1), alive: "another"));

        Assert.Equal("unknown", await Db.ScalarAsync<string>("select state from sms.attempts where id = $1", attempt));
    }

    [Fact]
    public async Task A_message_of_unknown_outcome_holds_up_nobody_else_and_cannot_be_cancelled()
    {
        var (business, customer) = await NewTenantAsync();
        var unknown = await Seed.RowAsync(business, customer, Now - Duration.FromMinutes(1));
        await using var store = Store();
        await store.SettleAsync(Samples.Settle(business, await BeginAsync(store), "unknown", Now));
        await Seed.RowAsync(business, customer, Now);

        await BeginAsync(store);

        Assert.Equal(CancelOutcome.NotCancellable, (await store.CancelAsync(business, unknown, Now)).Outcome);
        Assert.Equal(CancelOutcome.NotFound, (await store.CancelAsync(await Seed.BusinessAsync(), unknown, Now)).Outcome);
    }

    [Fact]
    public async Task A_business_settles_no_attempt_of_another()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);

        await store.SettleAsync(Samples.Settle(await Seed.BusinessAsync(), attempt, "failed", Now));

        Assert.Equal("pending", await MessageAsync(row));
        Assert.Equal("open", await Db.ScalarAsync<string>("select state from sms.attempts where id = $1", attempt));
    }

    [Fact]
    public async Task The_decision_shown_is_the_last_one_and_the_history_tells_each_step_in_order()
    {
        var (business, customer) = await NewTenantAsync();
        await using var store = Store();
        var message = Samples.Message(business, customer, Now) with { ScheduledFor = Now, Decision = Samples.Decision with { Tzdb = "2001a" } };
        await store.AcceptAsync(message);
        async Task<string?> ShownAsync() => (await store.GetAsync(business, message.Id, Now))!.Decision!.Tzdb;
        async Task<Guid> BeginAsync(Instant at, string tzdb)
        {
            var begin = Samples.Begin(Assert.Single(await Queue.ClaimDueAsync(1, Lease, at)), at);
            Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(begin with { Decision = Samples.Decision with { Tzdb = tzdb } })).Outcome);
            return begin.Attempt.Id;
        }

        Assert.Equal("2001a", await ShownAsync());
        var first = await BeginAsync(Now, "2002a");
        Assert.Equal("2002a", await ShownAsync());
        await store.SettleAsync(Samples.Settle(business, first, "retry", Now));
        Assert.Equal("2002a", await ShownAsync());

        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now + Duration.FromMinutes(1)));
        await store.ReleaseAsync(Samples.Release(claim, "defer", Now + Duration.FromMinutes(1)) with { Decision = Samples.Decision with { Tzdb = "2003a" } });
        Assert.Equal("2003a", await ShownAsync());

        var last = await BeginAsync(Now + Duration.FromMinutes(2), "2004a");
        Assert.Equal("2004a", await ShownAsync());
        await store.SettleAsync(Samples.Settle(business, last, "accepted", Now + Duration.FromMinutes(2)));
        Assert.Equal("2004a", await ShownAsync());

        var records = new RecordStore(new Database(Db.App));
        var events = (await records.GetEventsAsync(business, message.Id, PageRequest.First))!.Data;
        Assert.Equal(
            ["accepted", "deferred", "claimed", "attempt_started", "attempt_failed", "deferred", "deferred", "claimed", "attempt_started", "sent"],
            events.Select(e => e.Type));
        Assert.Equal("2001a", JsonNode.Parse(events[0].Data)!["decision"]!["tzdb"]!.GetValue<string>());
        Assert.Equal("2004a", JsonNode.Parse(events[8].Data)!["decision"]!["tzdb"]!.GetValue<string>());
        Assert.Equal(
            (last, 2, $"SM{last:N}"),
            (JsonNode.Parse(events[8].Data)!["attempt"]!.GetValue<Guid>(), JsonNode.Parse(events[8].Data)!["number"]!.GetValue<int>(),
                JsonNode.Parse(events[9].Data)!["twilioSid"]!.GetValue<string>()));
        Assert.Equal(Now + Duration.FromMinutes(1), Instant.FromDateTimeOffset(JsonNode.Parse(events[7].Data)!["scheduledFor"]!.GetValue<DateTimeOffset>()) - Duration.FromMinutes(1));

        // Whoever decides about the queue reads the message: after a retry by hand it says the last decision too.
        await Db.ExecuteAsync("update send_logs set status = 'failed' where id = $1", message.Id);
        await Db.ExecuteAsync("update sms.attempts set error_class = 'transient' where id = $1", last);
        Assert.Equal(RetryOutcome.Requeued, await records.RetryMessageAsync(business, message.Id, Now));
        Assert.Equal("2004a", await Db.ScalarAsync<string>("select later_decision ->> 'tzdb' from send_logs where id = $1", message.Id));
    }

    private Task<int> ExpireAsync(Instant leftBefore, Instant? goneBefore = null, params string[] alive) =>
        Queue.ExpireAttemptsAsync(leftBefore, Now, Now + Duration.FromSeconds(30), goneBefore ?? leftBefore, alive);

    private async Task<Guid> BeginAsync(MessageStore store, Instant? at = null, int number = 0)
    {
        var begin = Samples.Begin(Assert.Single(await Queue.ClaimDueAsync(1, Lease, at ?? Now)), at ?? Now);
        var begun = await store.BeginAttemptAsync(begin);
        Assert.Equal(BeginOutcome.Begun, begun.Outcome);
        if (number > 0)
            Assert.Equal(number, begun.Number);
        return begin.Attempt.Id;
    }

    private async Task<string?> MessageAsync(Guid id) => await Db.ScalarAsync<string>("select status from send_logs where id = $1", id);

    /// <summary>All that is stored of a message.</summary>
    private async Task<string?> PictureAsync(Guid id) => await Db.ScalarAsync<string>(
        """
        select jsonb_build_array(to_jsonb(l), (select jsonb_agg(q) from sms_retry_queue q where q.send_log_id = l.id),
          (select jsonb_agg(a) from sms.attempts a where a.message_id = l.id),
          (select jsonb_agg(e order by e.id) from sms.timeline e where e.message_id = l.id))::text
        from send_logs l where l.id = $1
        """,
        id);
}
