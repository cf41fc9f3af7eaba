using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Whoever reads has a share of the connections and of the server's time; whoever sends has the rest.</summary>
public sealed class ReadShareTests : DatabaseTest
{
    [Fact]
    public async Task A_read_that_takes_too_long_ends_and_limits_nothing_after_it()
    {
        var business = await Seed.BusinessAsync();
        using var database = new Database(Db.App, readTimeout: TimeSpan.FromMilliseconds(300));

        foreach (var read in new[]
        {
            () => database.ReadAsBusinessAsync(business, "select pg_sleep(600)", Database.Ignore), () => database.ReadAsQueueAsync("select pg_sleep(600)", Database.Ignore),
        })
        {
            // Whoever called it does not ask again at once.
            Assert.True((await Assert.ThrowsAsync<StoreUnavailableException>(read)).IsUnwritten);
        }

        Assert.Equal("0", await database.AsBusinessAsync(business, "select current_setting('statement_timeout')", async r => await r.ReadAsync() ? r.GetString(0) : null));
        Assert.Equal("300ms", await database.ReadAsBusinessAsync(business, "select current_setting('statement_timeout')", async r => await r.ReadAsync() ? r.GetString(0) : null));
    }

    [Fact]
    public async Task However_many_read_half_of_the_connections_are_for_sends()
    {
        var business = await Seed.BusinessAsync();
        using var database = new Database(Db.App, readTimeout: TimeSpan.FromMinutes(1));
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "select pg_advisory_lock(1)");
        var reads = Enumerable.Range(0, 20).Select(_ => database.ReadAsBusinessAsync(business, "select pg_advisory_xact_lock_shared(1)", Database.Ignore)).ToArray();
        await SomebodyWaitsForALockAsync(sessions: 8);

        for (var n = 0; n < 3; n++)
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => database.AsBusinessAsync(business, "select 1", Database.Ignore)));

        Assert.Equal(8, await Db.ScalarAsync<long>("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"));
        await Statement.RunAsync(connection, "select pg_advisory_unlock(1)");
        await Task.WhenAll(reads);
    }

    [Fact]
    public async Task Who_waits_too_long_for_its_turn_to_read_is_turned_away()
    {
        var business = await Seed.BusinessAsync();
        using var patient = new Database(Db.App, readTimeout: TimeSpan.FromMilliseconds(500));
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "select pg_advisory_lock(1)");

        var reads = Enumerable.Range(0, 40).Select(_ => patient.ReadAsBusinessAsync(business, "select pg_advisory_xact_lock_shared(1)", Database.Ignore)).ToArray();

        foreach (var read in reads)
            Assert.True((await Assert.ThrowsAsync<StoreUnavailableException>(() => read)).IsUnwritten);
        await Statement.RunAsync(connection, "select pg_advisory_unlock(1)");
        Assert.True(await patient.ReadAsBusinessAsync(business, "select 1", Database.Ignore));
    }
}
