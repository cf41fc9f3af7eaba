using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Dispatch;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>How often it is looked for what has been kept for long enough, and for how long bodies are kept.</summary>
public sealed class SweeperTests : DatabaseTest
{
    [Fact]
    public async Task Bodies_are_blanked_once_an_hour_when_they_are_as_old_as_is_set()
    {
        var (business, customer) = await NewTenantAsync();
        var clock = new Clock { Now = Now };
        var sweeper = new Sweeper(
            new RecordStore(new Database(Db.App)), clock, Options.Create(new RetentionOptions { Bodies = TimeSpan.FromDays(30) }), NullLogger<Sweeper>.Instance);
        async Task<string?> SweptAsync(Instant acceptedAt)
        {
            var message = await Seed.RowAsync(business, customer, Now, acceptedAt: acceptedAt);
            await Db.ExecuteAsync("update sms_retry_queue set status = 'completed' where send_log_id = $1", message);
            await Db.ExecuteAsync("update send_logs set status = 'sent' where id = $1", message);
            await sweeper.RunAsync(TestContext.Current.CancellationToken);
            return await Db.ScalarAsync<string>("select body from send_logs where id = $1", message);
        }

        var old = Now - Duration.FromDays(30) - Duration.FromMilliseconds(1);
        Assert.Equal("", await SweptAsync(old));
        Assert.Equal("Hello", await SweptAsync(old));
        clock.Now += Duration.FromHours(1) - Duration.FromTicks(1);
        Assert.Equal("Hello", await SweptAsync(old));
        clock.Now += Duration.FromTicks(1);
        Assert.Equal("Hello", await SweptAsync(clock.Now - Duration.FromDays(30) + Duration.FromMilliseconds(1)));
        // All that had waited for the hour.
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from send_logs where body <> ''"));
    }

    [Fact]
    public async Task Bodies_that_somebody_refuses_to_have_blanked_keep_no_erasure_back()
    {
        var (business, customer) = await NewTenantAsync();
        var message = await Seed.RowAsync(business, customer, Now - Duration.FromDays(60), acceptedAt: Now - Duration.FromDays(60));
        await Db.ExecuteAsync("update sms_retry_queue set status = 'completed'; update send_logs set status = 'sent'");
        await Db.ExecuteAsync(
            $"""
            create function public.refuse() returns trigger language plpgsql as $f$ begin raise exception 'kept'; end $f$;
            create trigger refuse before update on send_logs for each row when (old.id = '{message}') execute function public.refuse()
            """);
        var (other, its) = await NewTenantAsync();
        await Db.ExecuteAsync(
            "insert into sms.erasures (customer_id, business_id, actor, erased_at, is_complete) values ($1, $2, 'test', now(), false)", its, other);
        var sweeper = new Sweeper(
            new RecordStore(new Database(Db.App)), new Clock { Now = Now }, Options.Create(new RetentionOptions { Bodies = TimeSpan.FromDays(30) }),
            NullLogger<Sweeper>.Instance);

        await sweeper.RunAsync(TestContext.Current.CancellationToken);

        Assert.True(await Db.ScalarAsync<bool>("select is_complete from sms.erasures"));
    }

    private sealed class Clock : IClock
    {
        public required Instant Now { get; set; }

        public Instant GetCurrentInstant() => Now;
    }
}
