using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A withdrawal that ends very many texts holds its number's lock, which others share, for a part of them at a time.</summary>
public sealed class OptOutPartsTests : DatabaseTest, IClock
{
    private const int Part = 500, Many = 2600;

    public Instant GetCurrentInstant() => Now;

    [Theory]
    [InlineData("list")]
    [InlineData("ledger")]
    [InlineData("text")]
    public async Task Very_many_texts_that_wait_end_in_parts_and_none_is_left(string way)
    {
        var (business, customer) = await NewTenantAsync();
        var phone = (await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer))!;
        await Db.ExecuteAsync("update customers set sms_consent_status = 'opted_in' where id = $1", customer);
        await Seed.BurstAsync(business, customer, Many, Now + Duration.FromDays(1));
        await Db.ExecuteAsync("update send_logs set created_at = $1", Now.ToDateTimeUtc());
        await Db.ExecuteAsync("update sms_retry_queue set accepted_at = $1", Now.ToDateTimeUtc());
        var (records, webhooks) = (new RecordStore(new Database(Db.App)), new WebhookStore(new Database(Db.App)));

        if (way is "list")
        {
            await records.AddOptOutAsync(business, phone, "asked", "admin", Now);
        }
        else if (way is "ledger")
        {
            await records.RecordConsentAsync(business, new ConsentEntry
            {
                Id = Guid.NewGuid(),
                CustomerId = customer,
                Status = "opted_out",
                At = Now.ToDateTimeOffset(),
                RecordedAt = Now.ToDateTimeOffset(),
                Actor = "admin",
            });
        }
        else
        {
            await webhooks.ApplyInboundAsync("SM1", ["+15005550006"], isDefault: true, phone, "opt_out", "STOP", null, Now);
        }

        // In force at once, and most of them still wait.
        Assert.Equal(way is "text" ? 0 : 1, await Db.ScalarAsync<long>("select count(*) from sms.suppressions where kind = 'opt_out'"));
        var waiting = await WaitingAsync();
        Assert.InRange(waiting, Many - 2 * Part, Many);
        var unfinished = await Db.ScalarAsync<long>("select id from sms.unfinished_opt_outs limit 1");
        Assert.False(await webhooks.FinishOptOutAsync(unfinished, Now));
        Assert.InRange(await WaitingAsync(), Math.Max(0, waiting - 4 * Part), waiting - 1);

        // The upkeep goes on with the next part at once, whatever an unfinished opt-out else waits for.
        await new OptOutWatch(webhooks, this, TimeProvider.System, NullLogger<OptOutWatch>.Instance).FinishAllAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await WaitingAsync());
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.unfinished_opt_outs"));
        Assert.Equal(Many, await Db.ScalarAsync<long>("select count(*) from send_logs where status = 'cancelled'"));
    }

    [Fact]
    public async Task Texts_that_cannot_end_now_are_no_part_of_those_that_can()
    {
        var (business, customer) = await NewTenantAsync();
        var phone = (await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer))!;
        await Seed.BurstAsync(business, customer, Part + 100, Now + Duration.FromDays(1));
        // As many as a part have lost their row in the queue by hand; they are looked for by another job.
        await Db.ExecuteAsync("delete from sms_retry_queue where id in (select id from sms_retry_queue limit $1)", Part);

        await new RecordStore(new Database(Db.App)).AddOptOutAsync(business, phone, "asked", "admin", Now);

        Assert.Equal(0, await WaitingAsync());
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from sms.unfinished_opt_outs"));
    }

    private Task<long> WaitingAsync() => Db.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'pending'");
}
