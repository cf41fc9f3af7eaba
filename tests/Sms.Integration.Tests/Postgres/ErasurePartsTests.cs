using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Dispatch;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A customer with very many texts is erased at once, and the texts end in parts, so that nothing is locked for long.</summary>
public sealed class ErasurePartsTests : DatabaseTest, IClock
{
    private const int Part = 500, Many = 2600;

    private Instant _now = Now;

    private RecordStore Records => new(new Database(Db.App));

    public Instant GetCurrentInstant() => _now;

    [Fact]
    public async Task Very_many_texts_that_wait_end_in_parts_while_none_of_them_goes()
    {
        var (business, customer) = await NewTenantAsync();
        var phone = await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer);
        var (other, its) = await NewTenantAsync();
        await Db.ExecuteAsync("update customers set phone = $2, phone_e164 = $2 where id = $1", its, phone);
        await Seed.BurstAsync(business, customer, Many, Now - Duration.FromHours(1));
        await Seed.RowAsync(other, its, Now + Duration.FromDays(1));
        await Db.ExecuteAsync("update send_logs set created_at = $1", (Now - Duration.FromDays(1)).ToDateTimeUtc());

        Assert.True(await Records.EraseCustomerAsync(business, customer, "admin", Now));

        var ended = await EndedAsync();
        Assert.InRange(ended, 1, 2 * Part);
        Assert.False((await Records.GetErasureAsync(business, customer))!.IsComplete);
        // What still waits is claimed, and does not go.
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now));
        await using var store = Store();
        Assert.Equal(BeginOutcome.Changed, (await store.BeginAttemptAsync(Samples.Begin(claim, Now))).Outcome);
        // The number may come back, as somebody else's.
        var newcomer = await Seed.CustomerAsync(business);
        await Db.ExecuteAsync("update customers set phone = $2, phone_e164 = $2 where id = $1", newcomer, phone);
        var kept = await Seed.RowAsync(business, newcomer, Now + Duration.FromDays(2), acceptedAt: Now + Duration.FromSeconds(1));

        Assert.False(await Records.FinishErasureAsync(Now));
        Assert.InRange(await EndedAsync(), ended + 1, ended + 2 * Part);
        await SweepAsync();

        Assert.Equal(Many, await EndedAsync());
        Assert.True((await Records.GetErasureAsync(business, customer))!.IsComplete);
        Assert.Null(await Records.FinishErasureAsync(Now));
        Assert.Equal("pending", await Db.ScalarAsync<string>("select status from send_logs where id = $1", kept));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from send_logs where business_id = $1 and status = 'pending'", other));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id = $1 and (to_phone not like '+*%' or body <> '')", customer));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.erasures where phone is not null"));
    }

    [Fact]
    public async Task What_has_an_attempt_of_unknown_outcome_is_looked_at_again_in_a_minute_and_keeps_no_other_back()
    {
        var (business, customer) = await NewTenantAsync();
        await using var store = Store();
        var begun = await store.StoreAndBeginAsync(Samples.Message(business, customer, Now));
        var (other, its) = await NewTenantAsync();
        await Seed.BurstAsync(other, its, Part + 1, Now + Duration.FromDays(1));

        Assert.True(await Records.EraseCustomerAsync(business, customer, "admin", Now));
        Assert.True(await Records.EraseCustomerAsync(other, its, "admin", Now));
        await SweepAsync();
        Assert.True((await Records.GetErasureAsync(other, its))!.IsComplete);

        await store.SettleAsync(Samples.Settle(business, begun.Attempt, "accepted", Now));
        await SweepAsync();
        Assert.False((await Records.GetErasureAsync(business, customer))!.IsComplete);
        _now += Duration.FromMinutes(1);
        await SweepAsync();
        Assert.True((await Records.GetErasureAsync(business, customer))!.IsComplete);
        Assert.Equal("+******0100", await Db.ScalarAsync<string>("select to_phone from send_logs where customer_id = $1", customer));
    }

    [Fact]
    public async Task What_the_database_refuses_of_one_erasure_keeps_no_other_back()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.BurstAsync(business, customer, Part + 1, Now + Duration.FromDays(1));
        var (other, its) = await NewTenantAsync();
        await Seed.BurstAsync(other, its, Part + 1, Now + Duration.FromDays(1));
        Assert.True(await Records.EraseCustomerAsync(business, customer, "admin", Now));
        Assert.True(await Records.EraseCustomerAsync(other, its, "admin", Now + Duration.FromSeconds(1)));
        await Db.ExecuteAsync(
            $"""
            create function public.refuse() returns trigger language plpgsql as $f$ begin raise exception 'not this one'; end $f$;
            create trigger refuse before update on send_logs for each row when (old.customer_id = '{customer}') execute function public.refuse()
            """);

        _now += Duration.FromSeconds(2);
        await SweepAsync();

        Assert.True((await Records.GetErasureAsync(other, its))!.IsComplete);
        Assert.False((await Records.GetErasureAsync(business, customer))!.IsComplete);
    }

    private Task SweepAsync() => new Sweeper(Records, this, Options.Create(new RetentionOptions()), NullLogger<Sweeper>.Instance)
        .FinishErasuresAsync(TestContext.Current.CancellationToken);

    private Task<long> EndedAsync() => Db.ScalarAsync<long>("select count(*) from send_logs where status = 'cancelled'");
}
