using System.Diagnostics;
using System.Globalization;
using NodaTime;
using Npgsql;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Opt-outs against sends: once an opt-out is committed no attempt begins.</summary>
public sealed class OptOutRaceTests : DatabaseTest
{
    private const string Sender = "+15005550006";
    private const string Stop = "select (sms.apply_inbound($1, array['+15005550006'], true, $2, 'opt_out', 'STOP', null, now())).kind";

    private static readonly Duration Lease = Duration.FromSeconds(20);

    [Fact]
    public async Task A_begin_waits_for_an_opt_out_under_way_and_then_does_not_begin()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));
        await using var store = Store();
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync();
        await ListAsync<string>(connection, Stop, "SM1", await PhoneAsync(customer));

        var begin = store.BeginAttemptAsync(Samples.Begin(claim, Now));
        await SomebodyWaitsForALockAsync();
        await open.CommitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(BeginOutcome.Changed, (await begin).Outcome);
        await FinishAsync();
        Assert.Equal("cancelled 0", await PictureAsync(row));
    }

    [Fact]
    public async Task An_opt_out_waits_for_a_begin_under_way_and_does_not_call_it_back()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));
        await using var connection = await ConnectAsync(business);
        await using var open = await connection.BeginTransactionAsync();
        await Statement.RunAsync(connection, "select * from sms.begin_attempts($1)", Rows.Json([Rows.Of(Samples.Begin(claim, Now))]));

        var stop = Db.ScalarAsync<string>(Stop, "SM1", await PhoneAsync(customer));
        await SomebodyWaitsForALockAsync();
        await open.CommitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("opt_out", await stop);
        Assert.Equal("processing 1", await PictureAsync(row));
    }

    [Fact]
    public async Task An_opt_out_waits_for_no_change_of_the_customer_and_locks_nothing_that_the_change_needs()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        await Db.ExecuteAsync("update sms_retry_queue set reason = 'quiet_hours', scheduled_for = scheduled_for + interval '1 hour' where id = $1", row);
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync();
        // Without it the server would end a deadlock by ending the opt-out.
        await Statement.RunAsync(connection, "set local lock_timeout = '500ms'");
        // What a change does first.
        await Statement.RunAsync(connection, "select 1 from customers where id = $1 for no key update", customer);

        Assert.Equal("opt_out", await Db.ScalarAsync<string>(Stop, "SM1", await PhoneAsync(customer)));
        await FinishAsync();
        await Statement.RunAsync(
            connection, "select * from sms.change_customer($1, $2, 'Ann', null, 'America/Denver', null, $3)", business, customer, Now.ToDateTimeUtc());
        await open.CommitAsync(TestContext.Current.CancellationToken);

        await FinishAsync();
        Assert.Equal("cancelled 0", await PictureAsync(row));
        Assert.Equal("opted_out", await Db.ScalarAsync<string>("select sms_consent_status from customers where id = $1", customer));
    }

    [Fact]
    public async Task A_message_accepted_after_an_opt_out_waits_for_nothing_but_its_refusal()
    {
        var (business, customer) = await NewTenantAsync();
        var phone = await PhoneAsync(customer);
        await using var store = Store();
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync();
        await ListAsync<string>(connection, Stop, "SM1", phone);

        var now = (Samples.Message(business, customer, Now) with { To = Sms.Domain.Phones.PhoneNumber.FromE164(phone) }).Claimed();
        Assert.Equal(Placement.Stored, (await store.AcceptAsync(now)).Placement);
        var begun = store.BeginAttemptAsync(Samples.Begin(now));
        await SomebodyWaitsForALockAsync();
        await open.CommitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(BeginOutcome.Changed, (await begun).Outcome);
        var later = await store.AcceptAsync(Samples.Message(business, customer, Now) with
        {
            To = Sms.Domain.Phones.PhoneNumber.FromE164(phone),
            Sender = Sender,
            ScheduledFor = Now + Duration.FromDays(1),
            Cause = WaitCause.SendAt,
        });

        Assert.Equal(Placement.Stored, later.Placement);
        Assert.Equal(later.MessageId, Assert.Single(await Queue.ClaimDueAsync(5, Lease, Now)).Row.MessageId);
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.attempts"));
    }

    [Theory]
    [InlineData("update customers set sms_consent_status = 'unknown'")]
    [InlineData("update customers set sms_consent_status = 'under_review'")]
    [InlineData("insert into sms.suppressions (business_id, phone, kind, created_at) select business_id, phone_e164, 'opt_out', now() from customers")]
    [InlineData("insert into sms.suppressions (business_id, phone, kind, created_at) select business_id, phone_e164, 'unreachable', now() from customers")]
    [InlineData("insert into sms.sender_opt_outs (sender, phone, created_at) select '+15005550006', phone_e164, now() from customers")]
    public async Task What_changed_since_the_decision_stops_the_attempt(string change)
    {
        var (business, customer) = await NewTenantAsync();
        await Db.ExecuteAsync("update customers set sms_consent_status = 'opted_in'");
        var consent = await Db.ScalarAsync<Guid>("select sms_consent_id from customers where id = $1", customer);
        await Seed.RowAsync(business, customer, Now);
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));
        await using var store = Store();

        await Db.ExecuteAsync(change);

        Assert.Equal(BeginOutcome.Changed, (await store.BeginAttemptAsync(Samples.Begin(claim, Now) with { ConsentId = consent })).Outcome);
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.attempts"));
    }

    [Fact]
    public async Task Of_stops_racing_with_begins_none_is_followed_by_an_attempt()
    {
        var business = await Seed.BusinessAsync();
        await using var store = Store();
        await using var connection = await ConnectAsync();
        var (first, widest, begunFirst) = (0, TimeSpan.Zero, 0);
        for (var round = 0; round < 60; round++)
        {
            var customer = await Seed.CustomerAsync(business);
            var row = await Seed.RowAsync(business, customer, Now);
            var phone = await PhoneAsync(customer);
            var claim = Assert.Single(await Queue.ClaimDueAsync(1, Lease, Now));

            // What the opt-out sees while nobody can begin for this number, and what there is in the end.
            var stop = Task.Run(async () =>
            {
                await using var transaction = await connection.BeginTransactionAsync();
                await ListAsync<string>(connection, Stop, $"SM{round}", phone);
                var seen = (await ListAsync<long>(connection, "select count(*) from sms.attempts where message_id = $1", row))[0];
                await transaction.CommitAsync();
                return (Seen: seen, At: Stopwatch.GetTimestamp());
            });
            var begin = Task.Run(async () =>
            {
                // The two are near each other, now the one first and now the other.
                for (var n = round % 12; n > 0; n--)
                    await Db.ScalarAsync<int>("select 1");
                return ((await store.BeginAttemptAsync(Samples.Begin(claim, Now))).Outcome, At: Stopwatch.GetTimestamp());
            });
            var (seen, stopped) = await stop;
            var (outcome, handedOff) = await begin;

            Assert.Equal(seen, await Db.ScalarAsync<long>("select count(*) from sms.attempts where message_id = $1", row));
            Assert.Equal(outcome == BeginOutcome.Begun, seen == 1);
            if (outcome == BeginOutcome.Begun)
            {
                begunFirst++;
                if (handedOff > stopped && Stopwatch.GetElapsedTime(stopped, handedOff) is var width && width > widest)
                    widest = width;
            }
            else
            {
                first++;
            }

            await Db.ExecuteAsync("delete from sms_retry_queue where id = $1", row);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{first} opt-outs came first, {begunFirst} attempts; 0 attempts began after a committed opt-out; the longest an attempt that began before was handed over after the commit: {widest.TotalMilliseconds:0.0} ms"));
    }

    private Task<bool> FinishAsync() => Db.ScalarAsync<bool>("select bool_and(sms.finish_opt_out(u.id, now())) from (select id from sms.unfinished_opt_outs order by id) u");

    private async Task<string> PhoneAsync(Guid customer) => (await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer))!;

    private async Task<string?> PictureAsync(Guid row) => await Db.ScalarAsync<string>(
        "select q.status || ' ' || (select count(*) from sms.attempts a where a.message_id = q.send_log_id) from sms_retry_queue q where q.id = $1", row);
}
