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
        Assert.Equal(("quiet_hours", Instant.FromUtc(2026, 6, 16, 12, 0)), (third.Retry!.Reason, Instant.FromDateTimeOffset(third.Retry.ScheduledFor!.Value)));
        Assert.Equal(4, cluster.Provider.Requests.Count);
    }

    [Fact]
    public async Task A_send_that_another_text_to_its_recipient_keeps_from_beginning_is_counted_once_for_its_day()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"dailySegmentLimit": 3}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var earlier = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromHours(1))).Message!.Id;
        await cluster.Database.ExecuteAsync("update sms_retry_queue set scheduled_for = accepted_at");
        // Stored claimed, it meets the earlier one and is put back.
        var later = (await cluster.SendAsync(business, customer, category: "transactional")).Message!;
        Assert.Null(later.Retry);
        await SmsCluster.UntilAsync(async () => await cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'pending'") == 2);
        await cluster.UntilAsync(business, later.Id, m => m.Status == "sent");

        var third = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551235"), category: "transactional")).Message!;

        Assert.Null(third.Retry);
    }
}
