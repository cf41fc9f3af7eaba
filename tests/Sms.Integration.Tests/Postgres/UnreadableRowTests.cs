using NodaTime;
using Npgsql;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>
/// No tenant and no operator can stop the queue by what they write into a row of it: it is refused, or, where somebody
/// dropped the check, the row goes alone. And what is claimed again and again is counted.
/// </summary>
public sealed class UnreadableRowTests : DatabaseTest
{
    private static readonly Duration Lease = Duration.FromSeconds(20);

    [Theory]
    [InlineData("scheduled_for = 'infinity'")]
    [InlineData("scheduled_for = '-infinity'")]
    [InlineData("scheduled_for = '20000-01-01'")]
    [InlineData("scheduled_for = '0044-03-15 BC'")]
    [InlineData("accepted_at = 'infinity'")]
    [InlineData("accepted_at = '20000-01-01'")]
    [InlineData("accepted_at = '1999-12-31'")]
    [InlineData("attempt_count = -5")]
    [InlineData("attempt_count = 2000000000")]
    [InlineData("max_attempts = -1")]
    [InlineData("fault_count = -1")]
    [InlineData("lost_claims = -1")]
    public async Task What_nobody_can_read_is_refused(string change)
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var connection = await ConnectAsync();
        Assert.Equal(PostgresErrorCodes.CheckViolation, await Statement.FailureAsync(connection, $"update sms_retry_queue set {change} where id = $1", row));
    }

    [Fact]
    public async Task A_tenant_that_parks_its_row_at_infinity_is_refused()
    {
        var user = Guid.NewGuid();
        var business = await Seed.BusinessAsync(user);
        var row = await Seed.RowAsync(business, await Seed.CustomerAsync(business), Now);
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role authenticated");
        await Statement.RunAsync(connection, "select set_config('request.jwt.claims', $1, false)", $$"""{"sub": "{{user}}"}""");
        Assert.Equal(PostgresErrorCodes.CheckViolation, await Statement.FailureAsync(connection, "update sms_retry_queue set scheduled_for = 'infinity' where id = $1", row));
    }

    [Fact]
    public async Task Rows_that_were_adopted_may_have_anything_in_them_until_they_are_to_be_claimed()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "update sms_retry_queue set held = 'adopted', fault_count = -1, scheduled_for = 'infinity', attempt_count = -5 where id = $1", row);
        Assert.Empty(await Queue.ClaimDueAsync(10, Lease, Now));
        Assert.Equal(PostgresErrorCodes.CheckViolation, await Statement.FailureAsync(connection, "update sms_retry_queue set held = null where id = $1", row));
    }

    [Theory]
    [InlineData("accepted_at = '20000-01-01'")]
    [InlineData("accepted_at = '0044-03-15 BC'")]
    [InlineData("customer_id = null")]
    public async Task Where_the_check_is_gone_a_row_that_cannot_be_read_takes_no_other_with_it(string change)
    {
        var (business, customer) = await NewTenantAsync();
        var rows = new List<Guid>();
        for (var n = 0; n < 5; n++)
            rows.Add(await Seed.RowAsync(business, customer, Now - Duration.FromSeconds(n)));
        await Db.ExecuteAsync("alter table sms_retry_queue drop constraint sms_retry_queue_readable, alter column customer_id drop not null");
        await Db.ExecuteAsync($"update sms_retry_queue set {change} where id = $1", rows[2]);

        var due = await Queue.ClaimDueAsync(10, Lease, Now);

        Assert.Equal(rows.Where(r => r != rows[2]).Order(), due.Select(d => d.Row.QueueId).Order());
        var bad = Assert.Single(due.Unreadable);
        Assert.Equal((rows[2], business), (bad.QueueId, bad.BusinessId));
        Assert.Equal(5, due.Taken);
        await using var store = Store();
        await store.ReleaseAsync(new ReleasedClaim
        {
            BusinessId = business,
            QueueId = bad.QueueId,
            LeaseToken = bad.LeaseToken,
            Action = "fault",
            At = Now,
            ErrorClass = "fault",
            ErrorMessage = bad.Why,
        });
        Assert.Equal("pending 1", await Db.ScalarAsync<string>("select status || ' ' || fault_count from sms_retry_queue where id = $1", rows[2]));
    }

    [Theory]
    [InlineData("infinity")]
    [InlineData("-infinity")]
    [InlineData("20000-01-01")]
    [InlineData("0044-03-15 BC")]
    public async Task Where_the_check_is_gone_a_time_that_cannot_be_read_is_no_next_due_time(string time)
    {
        var (business, customer) = await NewTenantAsync();
        await Db.ExecuteAsync("alter table sms_retry_queue drop constraint sms_retry_queue_readable");
        var parked = await Seed.RowAsync(business, customer, Now + Duration.FromHours(1));
        await using var connection = await ConnectAsync();
        await using (var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            // The only one that waits, and locked by whoever wrote it: what is next is asked for beside each claim.
            await Db.ExecuteAsync($"update sms_retry_queue set scheduled_for = '{time}' where id = $1", parked);
            await Statement.RunAsync(connection, "select 1 from sms_retry_queue where id = $1 for update", parked);
            var none = await Queue.ClaimDueAsync(10, Lease, Now);
            Assert.Empty(none);
            Assert.True(none.NextDue is null || none.NextDue < Now);
        }

        var good = await Seed.RowAsync(business, customer, Now);
        Assert.Contains(good, (await Queue.ClaimDueAsync(10, Lease, Now)).Select(d => d.Row.QueueId));
    }

    [Fact]
    public async Task What_is_claimed_again_and_again_is_counted_while_it_lasts()
    {
        var (business, customer) = await NewTenantAsync();
        var lost = await Seed.RowAsync(business, customer, Now);
        var at = Now;
        for (var n = 0; n < 3; n++)
        {
            Assert.Equal(0, await CountAsync(at));
            Assert.Single(await Queue.ClaimDueAsync(1, Lease, at));
            at += Duration.FromSeconds(25);
            Assert.Equal(1, await Queue.RecoverAsync(at, Lease));
        }

        Assert.Equal(1, await CountAsync(at));
        Assert.Equal(1, (await new RecordStore(new Database(Db.App)).GetQueueStatsAsync(at)).ClaimedInVain);
        Assert.Equal(0, await CountAsync(at + Duration.FromMinutes(10)));

        await Db.ExecuteAsync("update sms_retry_queue set status = 'completed' where id = $1", lost);
        Assert.Equal(0, await CountAsync(at));
        // Three silos that died on three days are no row that is claimed in vain.
        await Db.ExecuteAsync("update sms_retry_queue set status = 'pending' where id = $1", lost);
        at += Duration.FromDays(1);
        await Queue.ClaimDueAsync(1, Lease, at);
        Assert.Equal(1, await Queue.RecoverAsync(at + Duration.FromSeconds(25), Lease));
        Assert.Equal(0, await CountAsync(at + Duration.FromSeconds(25)));
    }

    [Fact]
    public async Task What_throws_again_and_again_is_counted_too()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.RowAsync(business, customer, Now);
        await using var store = Store();
        var at = Now;
        for (var fault = 0; fault < 3; fault++)
        {
            Assert.Equal(0, await CountAsync(at));
            await store.ReleaseAsync(Samples.Release(Assert.Single(await Queue.ClaimDueAsync(1, Lease, at)), "fault", at));
            at += Duration.FromSeconds(1 << fault);
        }

        Assert.Equal(1, await CountAsync(at));
    }

    private Task<long> CountAsync(Instant at) => Queue.CountClaimedInVainAsync(at);
}
