using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

public sealed class LimitTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task A_deferred_first_attempt_uses_its_segments_of_the_day_once()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"dailySegmentLimit": 2, "optOutFooter": "none"}""");
        cluster.Provider.Next(new ProviderOutcome.Refused(FailureClass.Rate, 20429, "Too many requests", RetryAfter: null), count: 2);
        var first = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"))).Message!;
        await cluster.UntilAsync(business, first.Id, m => m.Status == "sent");

        var second = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551235"))).Message!;
        await cluster.UntilAsync(business, second.Id, m => m.Status == "sent");

        // The day is full now: it goes when the next one allows it.
        var third = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551236"))).Message!;
        Assert.Equal(("quiet_hours", Instant.FromUtc(2026, 6, 16, 12, 0)), (third.Retry!.Reason, Instant.FromDateTimeOffset(third.Retry.ScheduledFor)));
        Assert.Equal(4, cluster.Provider.Requests.Count);
    }
}
