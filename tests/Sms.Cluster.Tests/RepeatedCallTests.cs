using NodaTime;
using Sms.Contracts;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>A call that was given up is made again under the same id, while the first may still be under way.</summary>
public sealed class RepeatedCallTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task The_first_that_is_under_way_is_not_counted_against_the_second()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"monthlyMessageLimit": 1}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var id = Guid.CreateVersion7();

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => cluster.SendAsync(business, customer, id: id)));

        Assert.All(replies, r => Assert.Equal((id, null), (r.Message?.Id, r.Refusal?.Code)));
        Assert.Equal("monthly_limit_reached", (await cluster.SendAsync(business, customer)).Refusal?.Code);
    }

    [Fact]
    public async Task In_a_batch_too()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"monthlyMessageLimit": 3}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var commands = Enumerable.Range(0, 3).Select(n => new SendCommand
        {
            MessageId = Guid.CreateVersion7(),
            CustomerId = customer,
            Body = $"Hello {n}",
            Category = "transactional",
        }).ToArray();

        var replies = await Task.WhenAll(Enumerable.Range(0, 4).Select(n =>
            cluster.Grains.GetGrain<IBusinessGrain>(business).SendManyAsync(n % 2 == 0 ? commands : [.. commands.Reverse()])));

        Assert.All(replies.SelectMany(r => r), r => Assert.Null(r.Refusal?.Code));
        Assert.Equal(3, await cluster.Database.ScalarAsync<long>("select count(*) from send_logs"));
    }
}
