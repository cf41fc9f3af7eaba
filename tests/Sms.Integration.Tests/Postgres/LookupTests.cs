using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class LookupTests : DatabaseTest
{
    private static readonly Duration Lease = Duration.FromSeconds(20);
    private static readonly Duration FirstDelay = Duration.FromSeconds(30);

    private ReconcileStore Lookups => new(new Database(Db.App));

    private async Task<string> ApplyAsync(ReportedStatus report) =>
        Assert.Single(await new WebhookStore(new Database(Db.App)).ApplyCallbacksAsync([report]));

    [Fact]
    public async Task A_due_look_up_is_given_to_one_caller_and_again_when_that_one_died()
    {
        var (_, attempt) = await UnknownAsync();
        Assert.Empty(await Lookups.ClaimLookupsAsync(10, Now + FirstDelay - Duration.Epsilon, Now + Duration.FromHours(1)));

        var due = Now + FirstDelay;
        var claims = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Lookups.ClaimLookupsAsync(10, due, due + Duration.FromMinutes(1))));

        var taken = Assert.Single(claims.SelectMany(c => c));
        Assert.Equal((attempt.Id, "Hello", "+15005550006", Now, Now), (taken.Id, taken.Body, taken.Sender, taken.StartedAt, taken.UnknownAt));
        Assert.Single(await Lookups.ClaimLookupsAsync(10, due + Duration.FromMinutes(1), due + Duration.FromHours(1)));
    }

    [Fact]
    public async Task Attempts_without_a_message_are_in_nobodys_way()
    {
        var (_, attempt) = await UnknownAsync();
        await Db.ExecuteAsync(
            """
            insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, sender, state, started_at, leave_by, unknown_at, next_lookup_at)
            select gen_random_uuid(), gen_random_uuid(), business_id, customer_id, 1, owner, sender, state, started_at, leave_by, unknown_at, next_lookup_at - interval '1 s'
            from sms.attempts, generate_series(1, 20)
            """);
        Assert.Equal(attempt.Id, Assert.Single(await Lookups.ClaimLookupsAsync(10, Now + FirstDelay, Now + Duration.FromHours(1))).Id);
    }

    [Fact]
    public async Task The_attempts_of_a_message_go_with_it_and_its_history_stays()
    {
        var (row, _) = await UnknownAsync();
        await UnknownAsync();
        var history = await HistoryAsync(row);
        Assert.Contains("attempt_started", history, StringComparison.Ordinal);
        await Db.ExecuteAsync("delete from send_logs where id = $1", row);
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from sms.attempts"));
        Assert.Equal(history, await HistoryAsync(row));
        await Db.ExecuteAsync("truncate send_logs cascade");
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.attempts"));
    }

    [Fact]
    public async Task What_the_provider_has_is_sent()
    {
        var (row, attempt) = await UnknownAsync();

        Assert.Equal(LookupVerdict.Found, await FindAsync(attempt, ["SM1"]));

        Assert.Equal(("sent", "SM1", "completed"), await StateAsync(row));
        Assert.Equal("reconciled,sent", await LastEventsAsync(row, 2));
        Assert.Equal(LookupVerdict.Settled, await FindAsync(attempt, ["SM2"]));
    }

    [Fact]
    public async Task What_is_not_there_is_queued_again_only_after_the_last_delay()
    {
        var (row, attempt) = await UnknownAsync();

        Assert.Equal(LookupVerdict.Absent, await FindAsync(attempt, []));
        Assert.Empty(await Queue.ClaimDueAsync(10, Lease, Now + Duration.FromHours(1)));
        Assert.Equal(LookupVerdict.Requeued, await FindAsync(attempt, [], isFinal: true));

        Assert.Equal(("pending", null, "pending"), await StateAsync(row));
        Assert.Equal((row, 1), (await Queue.ClaimDueAsync(10, Lease, Now)) is [var claim] ? (claim.Row.MessageId, claim.Row.AttemptCount) : default);
    }

    [Fact]
    public async Task The_last_attempt_that_never_got_there_fails_the_message()
    {
        var (row, attempt) = await UnknownAsync();
        await Db.ExecuteAsync("update send_logs set max_attempts = 1");

        Assert.Equal(LookupVerdict.Failed, await FindAsync(attempt, [], isFinal: true));

        Assert.Equal(("failed", null, "failed"), await StateAsync(row));
        Assert.Equal("unknown", await Db.ScalarAsync<string>("select error_class from send_logs where id = $1", row));
    }

    [Fact]
    public async Task Two_unknown_attempts_with_the_same_text_never_share_a_message()
    {
        var (business, customer) = await NewTenantAsync();
        var (first, one) = await UnknownAsync(business, customer);
        var (second, two) = await UnknownAsync(business, customer);

        Assert.Equal(LookupVerdict.Found, await FindAsync(one, ["SM1"]));
        Assert.Equal(LookupVerdict.Requeued, await FindAsync(two, ["SM1"], isFinal: true));

        Assert.Equal("sent", (await StateAsync(first)).Status);
        Assert.Equal("pending", (await StateAsync(second)).Status);
    }

    [Fact]
    public async Task While_an_attempt_with_the_same_text_is_under_way_nothing_is_concluded()
    {
        var (business, customer) = await NewTenantAsync();
        var (_, unknown) = await UnknownAsync(business, customer);
        await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var open = await BeginAsync(store);

        Assert.Equal(LookupVerdict.Waits, await FindAsync(unknown, ["SM1"], isFinal: true));
        await store.SettleAsync(Samples.Settle(business, open.Id, "accepted", Now) with { TwilioSid = "SM1" });

        Assert.Equal(LookupVerdict.Requeued, await FindAsync(unknown, ["SM1"], isFinal: true));
    }

    [Fact]
    public async Task A_callback_settles_it_before_the_look_up_does()
    {
        var (row, attempt) = await UnknownAsync();
        await ApplyAsync(Report(attempt));

        Assert.Empty(await Lookups.ClaimLookupsAsync(10, Now + Duration.FromDays(1), Now + Duration.FromDays(2)));
        Assert.Equal(LookupVerdict.Settled, await FindAsync(attempt, [], isFinal: true));
        Assert.Equal(("sent", "SM1", "completed"), await StateAsync(row));
    }

    [Fact]
    public async Task A_reply_that_comes_after_the_report_changes_nothing()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var open = await BeginAsync(store);
        Assert.Equal("applied", await ApplyAsync(Report(open, "delivered", "delivered")));

        await store.SettleAsync(Samples.Settle(business, open.Id, "retry", Now) with { ScheduledFor = Now, Cause = WaitCause.ProviderError });

        Assert.Equal(("delivered", "SM1", "completed"), await StateAsync(row));
    }

    [Fact]
    public async Task A_report_that_moves_nothing_is_noted_once_and_leaves_its_message_alone()
    {
        var (row, attempt) = await UnknownAsync();
        await ApplyAsync(Report(attempt));
        Task<string?> VersionAsync() => Db.ScalarAsync<string>("select concat_ws(' ', ctid, xmin, xmax, updated_at) from send_logs where id = $1", row);
        var version = await VersionAsync();

        Assert.Equal("applied", await ApplyAsync(Report(attempt, "queued", rank: 1)));
        Assert.Equal("repeated", await ApplyAsync(Report(attempt, "queued", rank: 1)));
        // Those of one message in one statement see each other.
        Assert.Equal(
            ["repeated", "applied", "repeated", "unknown"],
            await new WebhookStore(new Database(Db.App)).ApplyCallbacksAsync(
                [Report(attempt, "queued", rank: 1), Report(attempt, "sending", rank: 2), Report(attempt, "sending", rank: 2), Report(attempt) with { AttemptId = Guid.NewGuid(), Sid = "SM0" }]));

        Assert.Equal(version, await VersionAsync());
        Assert.Equal("sent,status,status,status", await LastEventsAsync(row, 4));
        Assert.Equal("applied", await ApplyAsync(Report(attempt, "delivered", "delivered", rank: 5)));
        Assert.Equal(("delivered", "SM1", "completed"), await StateAsync(row));
    }

    [Theory]
    [InlineData("sent")]
    [InlineData("delivered")]
    public async Task A_report_on_an_attempt_whose_message_is_gone_comes_to_an_end(string status)
    {
        var (row, attempt) = await UnknownAsync();
        // As a restore of some tables leaves it.
        await Db.ExecuteAsync($"set session_replication_role = replica; delete from send_logs where id = '{row}'");

        Assert.Equal("unknown", await ApplyAsync(Report(attempt, status, status)).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_final_report_does_not_go_through_the_open_attempts_of_all_recipients()
    {
        var (_, attempt) = await UnknownAsync();
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "begin");

        Assert.Equal(["applied"], await Statement.ListAsync<string>(connection, $$"""
            select outcome from sms.apply_callbacks('[{"n": 0, "attempt_id": "{{attempt.Id}}", "sid": "SM1", "status": "delivered",
              "moves_to": "delivered", "rank": 5, "at": "{{Now}}", "check_at": "{{Now}}"}]')
            """));

        Assert.Equal([0L], await Statement.ListAsync<long>(connection, "select pg_stat_get_xact_numscans('sms.attempts_open_recipient'::regclass)"));
    }

    [Fact]
    public async Task An_unanswered_look_up_changes_nothing_but_the_time_of_the_next()
    {
        var (row, attempt) = await UnknownAsync();
        var later = Now + Duration.FromMinutes(7);

        await Lookups.PostponeLookupAsync(attempt.Id, later);

        Assert.Empty(await Lookups.ClaimLookupsAsync(10, later - Duration.Epsilon, later));
        Assert.Equal(("pending", null, "processing"), await StateAsync(row));
        Assert.Single(await Lookups.ClaimLookupsAsync(10, later, later));
    }

    [Fact]
    public async Task What_was_sent_without_a_final_report_is_asked_for_ever_later_and_not_for_ever()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        await store.SettleAsync(Samples.Settle(business, attempt.Id, "accepted", Now));

        var asked = new List<double>();
        for (var hour = 0.0; hour < 24 * 7; hour += 0.1)
        {
            var now = Now + Duration.FromHours(hour);
            if (await Lookups.ClaimUnreportedAsync(10, now, now + Duration.FromMinutes(1)) is [var sid])
            {
                Assert.Equal($"SM{attempt.Id:N}", sid);
                await Lookups.PostponeReportAsync(sid, now);
                asked.Add(hour);
            }
        }

        Assert.InRange(asked.Count, 3, 6);
        Assert.True(asked[0] < 0.5 && asked[^1] < 73, string.Join(' ', asked));
    }

    [Fact]
    public async Task A_final_report_that_nobody_brought_back_is_asked_for_again_soon()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        await store.SettleAsync(Samples.Settle(business, (await BeginAsync(store)).Id, "accepted", Now));
        var (due, until) = (Now + Duration.FromHours(1), Now + Duration.FromHours(1) + Duration.FromMinutes(1));

        Assert.Single(await Lookups.ClaimUnreportedAsync(10, due, until));

        Assert.Empty(await Lookups.ClaimUnreportedAsync(10, until - Duration.Epsilon, until));
        Assert.Single(await Lookups.ClaimUnreportedAsync(10, until, until + Duration.FromMinutes(1)));
    }

    private static ReportedStatus Report(NewAttempt attempt, string status = "sent", string movesTo = "sent", int rank = 4) => new()
    {
        AttemptId = attempt.Id,
        Sid = "SM1",
        Status = status,
        MovesTo = movesTo,
        Rank = rank,
        At = Now,
        CheckAt = Now,
    };

    private async Task<string?> HistoryAsync(Guid row) =>
        await Db.ScalarAsync<string>("select jsonb_agg(e order by id)::text from sms.timeline e where message_id = $1", row);

    private async Task<(Guid Message, NewAttempt Attempt)> UnknownAsync()
    {
        var (business, customer) = await NewTenantAsync();
        return await UnknownAsync(business, customer);
    }

    private async Task<(Guid Message, NewAttempt Attempt)> UnknownAsync(Guid business, Guid customer)
    {
        var row = await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var attempt = await BeginAsync(store);
        await store.SettleAsync(Samples.Settle(business, attempt.Id, "unknown", Now));
        return (row, attempt);
    }

    private async Task<NewAttempt> BeginAsync(MessageStore store)
    {
        var begin = Samples.Begin(Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now)), Now);
        Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(begin)).Outcome);
        return begin.Attempt;
    }

    private Task<LookupVerdict> FindAsync(NewAttempt attempt, string[] sids, bool isFinal = false) => Lookups.SettleLookupAsync(new LookupFinding
    {
        AttemptId = attempt.Id,
        Sids = sids,
        IsFinal = isFinal,
        NextLookupAt = Now + Duration.FromHours(2),
        CheckAt = Now,
        At = Now,
    });

    private async Task<(string Status, string? Sid, string Queue)> StateAsync(Guid row)
    {
        var found = await Db.ScalarAsync<string>(
            "select concat_ws('|', l.status, coalesce(l.provider_message_id ->> 'twilio_sid', '-'), q.status) from send_logs l join sms_retry_queue q on q.send_log_id = l.id where l.id = $1", row);
        return found!.Split('|') is [var status, var sid, var queue] ? (status, sid is "-" ? null : sid, queue) : default;
    }

    private Task<string?> LastEventsAsync(Guid row, int count) => Db.ScalarAsync<string>(
        "select string_agg(type, ',' order by id) from (select type, id from sms.timeline where message_id = $1 order by id desc limit $2) e", row, count);
}
