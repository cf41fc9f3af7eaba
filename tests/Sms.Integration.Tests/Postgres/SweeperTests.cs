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

    private sealed class Clock : IClock
    {
        public required Instant Now { get; set; }

        public Instant GetCurrentInstant() => Now;
    }
}
