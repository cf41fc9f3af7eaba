using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>A silo whose clock is not the database's sends nothing by it.</summary>
public sealed class ClockTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Theory]
    [InlineData(3600, "behind")]
    [InlineData(-3600, "ahead of")]
    public async Task While_the_clock_is_wrong_nothing_is_claimed_and_health_says_so_and_all_goes_on_when_it_is_right(int databaseIsAhead, string where)
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var reader = cluster.Grains.GetGrain<IReaderGrain>(0);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromMinutes(1))).Message!.Id;
        await cluster.PutDatabaseAheadAsync(Duration.FromSeconds(databaseIsAhead));

        await cluster.PassAsync(Duration.FromMinutes(10));
        var state = await reader.CheckAsync();
        Assert.Null(state.Fault);
        Assert.Contains($"is 3600.0 s {where} the database's", state.Notice, StringComparison.Ordinal);
        Assert.Equal("pending", (await cluster.GetAsync(business, message)).Status);
        Assert.Empty(cluster.Provider.Requests);

        await cluster.PutDatabaseAheadAsync(Duration.Zero);
        Assert.DoesNotContain("clock", (await reader.CheckAsync()).Notice ?? "", StringComparison.Ordinal);
        await cluster.UntilAsync(business, message, m => m.Status == "sent");
    }

    [Fact]
    public async Task A_difference_of_five_seconds_is_none()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        await cluster.PutDatabaseAheadAsync(ClockCheck.MostDifference);
        var message = (await cluster.SendAsync(
            business, await cluster.CustomerAsync(business, "+12125551234"), category: "transactional", sendAt: Noon + Duration.FromMinutes(1))).Message!.Id;
        await cluster.UntilAsync(business, message, m => m.Status == "sent");
    }
}
