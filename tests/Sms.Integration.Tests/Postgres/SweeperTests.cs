using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
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
        var time = new Clock(Now);
        var upkeep = Upkeep(time);
        async Task<string?> SweptAsync(Instant acceptedAt)
        {
            var message = await Seed.RowAsync(business, customer, Now, acceptedAt: acceptedAt);
            await Db.ExecuteAsync("update sms_retry_queue set status = 'completed' where send_log_id = $1", message);
            await Db.ExecuteAsync("update send_logs set status = 'sent' where id = $1", message);
            await RunAsync(upkeep);
            return await Db.ScalarAsync<string>("select body from send_logs where id = $1", message);
        }

        var old = Now - Duration.FromDays(30) - Duration.FromMilliseconds(1);
        Assert.Equal("", await SweptAsync(old));
        Assert.Equal("Hello", await SweptAsync(old));
        time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromTicks(1));
        Assert.Equal("Hello", await SweptAsync(old));
        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal("Hello", await SweptAsync(time.GetCurrentInstant() - Duration.FromDays(30) + Duration.FromMilliseconds(1)));
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

        await RunAsync(Upkeep(new Clock(Now)));

        Assert.True(await Db.ScalarAsync<bool>("select is_complete from sms.erasures"));
    }

    /// <summary>The two sweeps, with bodies kept for thirty days.</summary>
    private Upkeep Upkeep(Clock time)
    {
        var sweeper = new Sweeper(
            new RecordStore(new Database(Db.App)), time, Options.Create(new RetentionOptions { Bodies = TimeSpan.FromDays(30) }), NullLogger<Sweeper>.Instance);
        return new Upkeep(
            [
                new UpkeepJob("blank_bodies", UpkeepJobs.SweepEvery, sweeper.BlankBodiesAsync),
                new UpkeepJob("finish_erasures", UpkeepJobs.SweepEvery, sweeper.FinishErasuresAsync),
            ],
            new MonotonicClock(time), NullLogger<Upkeep>.Instance);
    }

    private static async Task RunAsync(Upkeep upkeep)
    {
        upkeep.Begin(TestContext.Current.CancellationToken);
        await upkeep.WhenIdleAsync();
    }

    private sealed class Clock(Instant now) : FakeTimeProvider(now.ToDateTimeOffset()), IClock
    {
        public Instant GetCurrentInstant() => Instant.FromDateTimeOffset(GetUtcNow());
    }
}
