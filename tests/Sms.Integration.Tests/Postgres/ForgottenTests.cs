using NodaTime;
using Sms.Contracts;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Messages whose rows somebody changed by hand, and passwords that a pause holds: nothing waits for ever.</summary>
public sealed class ForgottenTests : DatabaseTest
{
    private static readonly Instant Later = Now + Duration.FromMinutes(5);

    private RecordStore Records => new(new Database(Db.App));

    [Fact]
    public async Task A_message_that_lost_its_row_is_found_and_goes()
    {
        var (business, customer) = await NewTenantAsync();
        var lost = await WaitingAsync(business, customer);
        var waiting = await WaitingAsync(business, customer);
        await Db.ExecuteAsync("delete from sms_retry_queue where send_log_id = $1", lost);

        Assert.Equal(1, await FindAsync(Queue));
        Assert.Equal(0, await FindAsync(Queue));

        var claimed = await Queue.ClaimDueAsync(10, Duration.FromSeconds(20), Now + Duration.FromHours(2));
        Assert.Equal([lost, waiting], claimed.Select(c => c.Row.MessageId));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from sms.message_events where message_id = $1 and type = 'requeued'", lost));
    }

    [Fact]
    public async Task A_failed_message_that_somebody_made_pending_goes_with_the_attempts_that_are_left()
    {
        var (business, customer) = await NewTenantAsync();
        var message = await WaitingAsync(business, customer);
        await AttemptAsync(business, message, "failed");
        await Db.ExecuteAsync("update send_logs set status = 'pending' where id = $1", message);

        Assert.Equal(1, await FindAsync(Queue));
        Assert.Equal(1, await Db.ScalarAsync<int>("select attempt_count from sms_retry_queue where send_log_id = $1 and status = 'pending'", message));
    }

    [Fact]
    public async Task One_whose_row_somebody_cancelled_is_cancelled()
    {
        var (business, customer) = await NewTenantAsync();
        var message = await WaitingAsync(business, customer);
        await Db.ExecuteAsync("update sms_retry_queue set status = 'cancelled' where send_log_id = $1", message);

        Assert.Equal(1, await FindAsync(Queue));
        Assert.Equal("cancelled", await Db.ScalarAsync<string>("select status from send_logs where id = $1", message));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'pending'"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("unknown")]
    [InlineData("accepted")]
    public async Task One_with_an_attempt_that_may_have_been_taken_is_not_sent_again(string? outcome)
    {
        var (business, customer) = await NewTenantAsync();
        var message = await WaitingAsync(business, customer);
        await AttemptAsync(business, message, outcome);
        await Db.ExecuteAsync("update send_logs set status = 'pending' where id = $1", message);
        await Db.ExecuteAsync("delete from sms_retry_queue where send_log_id = $1", message);

        Assert.Equal(0, await FindAsync(Queue));
        Assert.Equal(RetryOutcome.NotRetryable, await Records.RetryMessageAsync(business, message, Later));
    }

    [Fact]
    public async Task A_text_that_this_program_did_not_accept_is_left_to_whoever_sends_it()
    {
        var (business, customer) = await NewTenantAsync();
        var theirs = await Seed.RowAsync(business, customer, Now);
        await Db.ExecuteAsync("delete from sms_retry_queue where send_log_id = $1", theirs);

        Assert.Equal(0, await FindAsync(Queue));
        Assert.Equal(RetryOutcome.NotRetryable, await Records.RetryMessageAsync(business, theirs, Later));
    }

    [Fact]
    public async Task One_that_got_lost_can_be_retried_by_hand_and_one_that_waits_cannot()
    {
        var (business, customer) = await NewTenantAsync();
        var lost = await WaitingAsync(business, customer);
        var waiting = await WaitingAsync(business, customer);
        await Db.ExecuteAsync("update sms_retry_queue set status = 'completed' where send_log_id = $1", lost);

        Assert.Equal(RetryOutcome.Requeued, await Records.RetryMessageAsync(business, lost, Later));
        Assert.Equal(RetryOutcome.NotRetryable, await Records.RetryMessageAsync(business, lost, Later));
        Assert.Equal(RetryOutcome.NotRetryable, await Records.RetryMessageAsync(business, waiting, Later));
        Assert.Equal(0, await FindAsync(Queue));
    }

    [Fact]
    public async Task All_are_found_however_many_wait_beside_them()
    {
        var lost = new HashSet<Guid>();
        for (var n = 0; n < 5; n++)
        {
            var (business, customer) = await NewTenantAsync();
            for (var m = 0; m < 4; m++)
            {
                var message = await WaitingAsync(business, customer);
                if (m % 2 == 0)
                    lost.Add(message);
            }
        }

        await Db.ExecuteAsync("delete from sms_retry_queue where send_log_id = any ($1)", lost.ToArray());
        await using var connection = await ConnectAsync();
        // A few at a time: each call goes on where the one before it ended.
        var (place, found) = ("$1::timestamptz, 3", 0);
        for (var n = 0; n < 100 && place.Length > 0; n++)
        {
            var next = (await ListAsync<string?[]>(connection, $"select array[next_business::text, next_before::text, next_before_id::text, found_lost::text] from sms.requeue_lost({place})", Later.ToDateTimeUtc()))[0];
            found += int.Parse(next[3]!, System.Globalization.CultureInfo.InvariantCulture);
            place = next[0] is null ? "" : $"$1::timestamptz, 3, '{next[0]}', '{next[1]}', '{next[2]}'";
        }

        Assert.Equal((lost.Count, ""), (found, place));
    }

    [Fact]
    public async Task A_one_time_password_ends_when_it_expires_while_its_business_is_paused_and_nothing_else_does()
    {
        var (business, customer) = await NewTenantAsync();
        var message = await WaitingAsync(business, customer, lane: 1, validUntil: Now + Duration.FromMinutes(10));
        var password = await WaitingAsync(business, customer, lane: 0, validUntil: Now + Duration.FromMinutes(10));
        var longer = await WaitingAsync(business, customer, lane: 0, validUntil: Now + Duration.FromHours(1));
        await Store().ReplanAsync(business, paused: true, deal: false, Now, () => false);

        Assert.Equal(0, await Queue.EndExpiredAsync(Now + Duration.FromMinutes(9)));
        Assert.Equal(1, await Queue.EndExpiredAsync(Now + Duration.FromMinutes(10)));
        Assert.Equal(0, await Queue.EndExpiredAsync(Now + Duration.FromMinutes(10)));

        var ended = (await Store().GetAsync(business, password, Now))!;
        Assert.Equal(("failed", "expired", null), (ended.Status, ended.Error?.Class, ended.Retry));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from sms.message_events where message_id = $1 and type = 'failed'", password));
        foreach (var left in new[] { message, longer })
            Assert.Equal("paused", await Db.ScalarAsync<string>("select held from sms_retry_queue where send_log_id = $1 and status = 'pending'", left));
    }

    [Fact]
    public async Task A_row_that_somebody_has_locked_keeps_no_plan_waiting()
    {
        var (business, _) = await NewTenantAsync();
        var messages = new List<Guid>();
        foreach (var customer in await Seed.CustomersAsync(business, 10))
            messages.Add(await WaitingAsync(business, customer));
        await using var other = await ConnectAsync();
        await Statement.RunAsync(other, "begin");
        await Statement.RunAsync(other, "select from sms_retry_queue where send_log_id = $1 for update", messages[3]);

        await Store().ReplanAsync(business, paused: true, deal: false, Now, () => false);
        Assert.Equal(9, await Db.ScalarAsync<long>("select count(*) from sms_retry_queue where held = 'paused'"));
        await Statement.RunAsync(other, "rollback");
    }

    /// <summary>One round over all.</summary>
    private static Task<int> FindAsync(RetryQueue queue) => queue.RequeueLostAsync(Later);

    private async Task<Guid> WaitingAsync(Guid business, Guid customer, short lane = 1, Instant? validUntil = null)
    {
        await using var store = Store();
        var message = Samples.Message(business, customer, Now) with
        {
            ScheduledFor = Now + Duration.FromHours(1),
            Cause = WaitCause.SendAt,
            ValidUntil = validUntil,
            Category = lane == 0 ? Domain.Sending.Category.Otp : Domain.Sending.Category.Marketing,
        };
        Assert.Equal(Placement.Stored, (await store.AcceptAsync(message)).Placement);
        return message.Id;
    }

    /// <summary>An attempt that ended so; null: it is under way.</summary>
    private async Task AttemptAsync(Guid business, Guid message, string? outcome)
    {
        await using var store = Store();
        await Db.ExecuteAsync("update sms_retry_queue set scheduled_for = $2 where send_log_id = $1", message, Now.ToDateTimeUtc());
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now));
        var begin = Samples.Begin(claim, Now);
        Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(begin)).Outcome);
        if (outcome is not null)
            await store.SettleAsync(Samples.Settle(business, begin.Attempt.Id, outcome, Now));
    }
}
