using System.Diagnostics;
using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A withdrawal waits for nobody: it is in force at once, and what somebody else has locked follows.</summary>
public sealed class OptOutUnderLockTests : DatabaseTest
{
    private const string Sender = "+15005550006";

    /// <summary>Far from what a lock of somebody else's would cost, and from a standing machine.</summary>
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(5);

    private WebhookStore Webhooks => new(new Database(Db.App));

    private RecordStore Records => new(new Database(Db.App));

    private BusinessStore Businesses => new(new Database(Db.App));

    public static TheoryData<string, string> Locked()
    {
        string[] locks =
        [
            "select 1 from customers where id = $1 for update",
            "update customers set name = 'Ana' where id = $1",
            "select 1 from sms_retry_queue where customer_id = $1 for update",
            "update sms_retry_queue set last_error = 'theirs' where customer_id = $1",
            "select 1 from send_logs where customer_id = $1 for update",
            "update send_logs set metadata = metadata where customer_id = $1",
        ];
        var data = new TheoryData<string, string>();
        foreach (var held in locks)
        {
            foreach (var way in new[] { "text", "list", "ledger", "customer" })
                data.Add(held, way);
        }

        return data;
    }

    [Theory, MemberData(nameof(Locked))]
    public async Task A_withdrawal_is_in_force_whatever_is_locked_and_the_rest_follows(string held, string way)
    {
        var (business, customer) = await NewTenantAsync();
        var phone = await PhoneAsync(customer);
        await Db.ExecuteAsync("update customers set sms_consent_status = 'opted_in' where id = $1", customer);
        var row = await Seed.RowAsync(business, customer, Now + Duration.FromHours(1), acceptedAt: Now - Duration.FromMinutes(1));
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(connection, held, customer);

        var started = Stopwatch.GetTimestamp();
        await WithdrawAsync(way, business, customer, phone);
        Assert.True(Stopwatch.GetElapsedTime(started) < Promptly, $"It took {Stopwatch.GetElapsedTime(started)}.");
        await using var store = Store();
        Assert.True((await store.LookUpSendAsync(business, new SendCommand { MessageId = Guid.NewGuid(), To = phone, Body = "Hi", Category = "marketing" }, phone, Sender, Now)).Recipient.OptedOut);

        await open.CommitAsync(TestContext.Current.CancellationToken);
        await FinishAllAsync();
        Assert.Equal("cancelled cancelled", await Db.ScalarAsync<string>(
            "select q.status || ' ' || l.status from sms_retry_queue q join send_logs l on l.id = q.send_log_id where q.id = $1", row));
        if (way != "list")
        {
            Assert.Equal("opted_out", await Db.ScalarAsync<string>("select sms_consent_status from customers where id = $1", customer));
            Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from sms.consent_events where customer_id = $1 and status = 'opted_out'", customer));
        }

        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.unfinished_opt_outs"));
    }

    [Fact]
    public async Task What_the_database_refuses_of_one_customer_keeps_nothing_else_of_the_opt_out_back()
    {
        var (business, customer) = await NewTenantAsync();
        var phone = await PhoneAsync(customer);
        var (other, its) = await NewTenantAsync();
        await Db.ExecuteAsync("update customers set phone = $2, phone_e164 = $2 where id = $1", its, phone);
        await Db.ExecuteAsync(
            $"""
            create function public.refuse() returns trigger language plpgsql as $f$ begin raise exception 'not this one'; end $f$;
            create trigger refuse before update on customers for each row when (old.id = '{customer}') execute function public.refuse()
            """);

        await StopAsync(phone);

        Assert.Equal(["opted_out"], await StatusesAsync(its));
        Assert.Equal(2, await Db.ScalarAsync<long>("select count(*) from sms.suppressions where phone = $1 and business_id = any ($2)", phone, new[] { business, other }));
        Assert.Contains("not this one", await Db.ScalarAsync<string>("select string_agg(last_error, ' ') from sms.unfinished_opt_outs"), StringComparison.Ordinal);

        await Db.ExecuteAsync("drop trigger refuse on customers");
        await FinishAllAsync();
        Assert.Equal(["opted_out"], await StatusesAsync(customer));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.unfinished_opt_outs"));
    }

    [Fact]
    public async Task An_import_of_withdrawals_that_stays_open_holds_up_nobody_and_is_entered_at_its_commit()
    {
        var business = await Seed.BusinessAsync();
        await Seed.CustomersAsync(business, 300);
        var (other, its) = await NewTenantAsync();
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(connection, "update customers set sms_consent_status = 'opted_out' where business_id = $1", business);

        await using var store = Store();
        var started = Stopwatch.GetTimestamp();
        var accepted = await store.AcceptAsync(Samples.Message(other, its, Now) with { To = Sms.Domain.Phones.PhoneNumber.FromE164(await PhoneAsync(its)) });
        Assert.Equal(Placement.Stored, accepted.Placement);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2), $"It took {Stopwatch.GetElapsedTime(started)}.");

        await open.CommitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(300, await Db.ScalarAsync<long>("select count(*) from sms.consent_events where business_id = $1 and status = 'opted_out'", business));
        Assert.Equal(300, await Db.ScalarAsync<long>("select count(*) from sms.suppressions where business_id = $1 and kind = 'opt_out'", business));
    }

    [Fact]
    public async Task An_import_of_withdrawals_waits_half_a_second_in_all_for_numbers_that_are_locked()
    {
        var business = await Seed.BusinessAsync();
        var customers = await Seed.CustomersAsync(business, 40);
        await using var holder = await ConnectAsync();
        await using var open = await holder.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(holder, "select sms.lock_numbers(array_agg(hashtext(phone_e164) & 63), 'row share') from customers");

        var started = Stopwatch.GetTimestamp();
        await Db.ExecuteAsync("update customers set sms_consent_status = 'opted_out' where business_id = $1", business);

        Assert.True(Stopwatch.GetElapsedTime(started) < Promptly, $"It took {Stopwatch.GetElapsedTime(started)}.");
        Assert.Equal(40, await Db.ScalarAsync<long>("select count(*) from sms.suppressions where business_id = $1 and kind = 'opt_out'", business));
        Assert.Equal(["opted_out"], await StatusesAsync(customers[0]));
    }

    [Fact]
    public async Task A_writer_of_consent_who_is_not_this_program_dies_of_no_deadlock_with_it()
    {
        var business = await Seed.BusinessAsync();
        var customers = await Seed.CustomersAsync(business, 5);
        var phones = await Task.WhenAll(customers.Select(PhoneAsync));
        var theirs = Task.Run(async () =>
        {
            await using var connection = await ConnectAsync();
            var failures = new List<string?>();
            for (var round = 0; round < 40; round++)
                failures.Add(await Statement.FailureAsync(connection, "update customers set sms_consent_status = $2 where business_id = $1", business, round % 2 == 0 ? "opted_out" : "opted_in"));
            return failures;
        });
        var ours = Task.Run(async () =>
        {
            for (var round = 0; !theirs.IsCompleted; round++)
            {
                await StopAsync(phones[round % 5]);
                await WithdrawAsync("ledger", business, customers[(round + 2) % 5], phones[(round + 2) % 5]);
            }
        });

        Assert.All(await theirs, Assert.Null);
        await ours;
    }

    [Fact]
    public async Task A_stop_binds_whoever_texted_the_number_from_that_sender_whatever_it_sends_from_now()
    {
        var (business, customer) = await NewTenantAsync();
        var phone = await PhoneAsync(customer);
        await Db.ExecuteAsync("""update businesses set sms_settings = '{"sender": {"from": "+15005550007"}}' where id = $1""", business);
        await using var store = Store();
        await store.StoreAndBeginAsync(Samples.Message(business, customer, Now) with { To = Sms.Domain.Phones.PhoneNumber.FromE164(phone) });
        await Db.ExecuteAsync("update sms.attempts set sender = '+15005550007'");
        await Db.ExecuteAsync("""update businesses set sms_settings = '{"sender": {"from": "+15005550008"}}' where id = $1""", business);
        var (stranger, its) = await NewTenantAsync();
        await Db.ExecuteAsync("update customers set phone = $2, phone_e164 = $2 where id = $1", its, phone);
        await Db.ExecuteAsync("""update businesses set sms_settings = '{"sender": {"from": "+15005550009"}}' where id = $1""", stranger);

        await StopAsync(phone, "+15005550007");

        Assert.Equal(["opted_out"], await StatusesAsync(customer));
        Assert.True((await LookUpAsync(business, phone, "+15005550008")).Recipient.OptedOut);
        // Who never used that sender heard nothing.
        Assert.Empty(await StatusesAsync(its));
        Assert.False((await LookUpAsync(stranger, phone, "+15005550009")).Recipient.OptedOut);

        var start = await Webhooks.ApplyInboundAsync("SMSTART", ["+15005550007"], isDefault: false, phone, "opt_in", "START", null, Now);
        Assert.Equal("opt_in", start.Kind);
        Assert.Equal(["opted_out", "opted_in"], await StatusesAsync(customer));
        Assert.False((await LookUpAsync(business, phone, "+15005550008")).Recipient.OptedOut);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_text_that_is_in_hand_while_the_number_changes_does_not_go_to_the_old_one(bool isChangeSeen)
    {
        var (business, customer) = await NewTenantAsync();
        var old = await PhoneAsync(customer);
        var row = await Seed.RowAsync(business, customer, Now);
        await Db.ExecuteAsync("update send_logs set by_customer = true, category = 'transactional' where id = $1", row);
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now));
        await using var store = Store();
        var found = await store.LookUpClaimAsync(business, claim.Row.QueueId, Sender, Now);
        var next = Seed.Phone();
        await using var connection = await ConnectAsync();
        await using (var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            // What the change meets locked it leaves to the turn of the text.
            if (!isChangeSeen)
                await Statement.RunAsync(connection, "select 1 from sms_retry_queue where id = $1 for update", row);
            await Records.ChangeCustomerAsync(business, new ChangeCustomer { Id = customer, Phone = next }, next, Now);
            await open.CommitAsync(TestContext.Current.CancellationToken);
        }

        var begun = await store.BeginAttemptAsync(Samples.Begin(claim, Now) with { To = found!.To });

        Assert.Equal(BeginOutcome.Changed, begun.Outcome);
        var again = (await store.LookUpClaimAsync(business, claim.Row.QueueId, Sender, Now))!;
        Assert.Equal((old, next), (found.To.E164, again.To.E164));
        Assert.Equal(BeginOutcome.Begun, (await store.BeginAttemptAsync(Samples.Begin(claim, Now) with { To = again.To })).Outcome);
    }

    private async Task<SendLookup> LookUpAsync(Guid business, string phone, string sender)
    {
        await using var store = Store();
        return await store.LookUpSendAsync(business, new SendCommand { MessageId = Guid.NewGuid(), To = phone, Body = "Hi", Category = "marketing" }, phone, sender, Now);
    }

    private Task WithdrawAsync(string way, Guid business, Guid customer, string phone) => way switch
    {
        "text" => StopAsync(phone),
        "list" => Records.AddOptOutAsync(business, phone, "asked", "test", Now),
        "ledger" => Records.RecordConsentAsync(business, new ConsentEntry
        {
            Id = Guid.CreateVersion7(),
            CustomerId = customer,
            Status = "opted_out",
            Method = "phone_call",
            Source = "desk",
            At = Now.ToDateTimeOffset(),
            RecordedAt = Now.ToDateTimeOffset(),
            Actor = "test",
        }),
        _ => Businesses.AddCustomerAsync(business, new CreateCustomer
        {
            Id = Guid.NewGuid(),
            Phone = phone,
            Name = "Ana",
            Actor = "test",
            Consent = new ConsentView { Status = "opted_out", Method = "other" },
        }, phone, Now),
    };

    /// <summary>As the webhook does: the opt-out, then what it left.</summary>
    private async Task StopAsync(string phone, string sender = Sender)
    {
        var applied = await Webhooks.ApplyInboundAsync($"SM{Guid.NewGuid():N}", [sender], sender == Sender, phone, "opt_out", "STOP", null, Now);
        await Webhooks.FinishOptOutAsync(applied.Unfinished!.Value, Now);
    }

    private async Task FinishAllAsync()
    {
        // Far in the future: whatever was put off is due.
        var later = Now + Duration.FromDays(1);
        await Eventually.TrueAsync(async () =>
        {
            foreach (var left in await Webhooks.FindUnfinishedOptOutsAsync(later, 100))
                await Webhooks.FinishOptOutAsync(left.Id, Now);
            return (await Webhooks.FindUnfinishedOptOutsAsync(later, 1)).Count == 0;
        });
    }

    private async Task<List<string>> StatusesAsync(Guid customer)
    {
        await using var connection = await ConnectAsync();
        return await ListAsync<string>(connection, "select status from sms.consent_events where customer_id = $1 order by n", customer);
    }

    private async Task<string> PhoneAsync(Guid customer) => (await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer))!;
}
