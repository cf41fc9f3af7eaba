using System.Text.Json;
using NodaTime;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

public sealed class QuietHoursTests
{
    // 22:00 of a Sunday in New York, daylight saving time.
    private static readonly Instant Night = Instant.FromUtc(2026, 6, 15, 2, 0);
    private static readonly Instant Opening = Instant.FromUtc(2026, 6, 15, 12, 0);

    [Fact]
    public async Task Send_at_ten_in_the_evening_waits_and_goes_at_eight_of_the_recipient()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync("America/Los_Angeles");
        var customer = await cluster.CustomerAsync(business, "+12125551234", "America/New_York");

        var reply = await cluster.SendAsync(business, customer);
        var message = reply.Message!;
        Assert.Equal("pending", message.Status);
        Assert.Equal("quiet_hours", message.Retry!.Reason);
        Assert.Equal(Opening.ToDateTimeOffset(), message.Retry.ScheduledFor);
        Assert.Equal("customer", message.Decision!.TimezoneSource);

        await cluster.PassAsync(Duration.FromHours(10) - Duration.FromSeconds(1));
        Assert.Empty(cluster.Provider.Requests);

        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), () => Task.FromResult(cluster.Provider.Requests.Count > 0));
        var sent = await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
        Assert.Equal(1, sent.AttemptCount);
        var (request, at) = Assert.Single(cluster.Provider.Requests);
        Assert.InRange(at, Opening, Opening + Duration.FromSeconds(30));
        // From 08:00 to 21:00 are 13 hours; Twilio keeps nothing longer than 10.
        Assert.InRange(request.ValidityPeriod!.Value, Duration.FromHours(12.9), Duration.FromHours(13));
    }

    [Fact]
    public async Task Row_made_due_early_is_looked_at_again_and_put_off()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer)).Message!;

        await cluster.Database.ExecuteAsync("update sms_retry_queue set scheduled_for = $1", cluster.Now.ToDateTimeUtc());
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () =>
            (await cluster.GetAsync(business, message.Id)).Retry!.ScheduledFor == Opening.ToDateTimeOffset());

        Assert.Empty(cluster.Provider.Requests);
        Assert.Equal(0, await cluster.Database.ScalarAsync<int>("select attempt_count from sms_retry_queue"));
    }

    [Fact]
    public async Task Scheduled_row_made_due_early_keeps_the_clients_time()
    {
        await using var cluster = await SmsCluster.StartAsync(Opening);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var wish = Opening + Duration.FromHours(2);
        var message = (await cluster.SendAsync(business, customer, sendAt: wish)).Message!;
        Assert.Equal("scheduled", message.Retry!.Reason);

        await cluster.Database.ExecuteAsync("update sms_retry_queue set scheduled_for = $1", cluster.Now.ToDateTimeUtc());
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () =>
            (await cluster.GetAsync(business, message.Id)).Retry?.ScheduledFor == wish.ToDateTimeOffset());
        Assert.Empty(cluster.Provider.Requests);
    }

    [Fact]
    public async Task Otp_goes_at_night_and_transactional_too()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync();
        var one = await cluster.CustomerAsync(business, "+12125551234", consent: "unknown");
        var other = await cluster.CustomerAsync(business, "+12125551235", consent: "unknown");

        await cluster.SendAsync(business, one, category: "otp");
        await cluster.SendAsync(business, other, category: "transactional");

        await cluster.Provider.WhenAsync(2).WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task New_hours_are_planned_for_at_once()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync(settings: """{"quietHoursPolicy": "business"}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer)).Message!;
        Assert.Equal("quiet_hours", message.Retry!.Reason);

        await cluster.Grains.GetGrain<Contracts.IBusinessGrain>(business).ChangeAsync(new(null, null,
            """{"quietHours": {"mon": ["00:00", "24:00"], "sun": ["00:00", "24:00"]}}""", ByAdmin: true, "admin"));

        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
    }

    [Fact]
    public async Task What_a_pause_held_goes_when_resuming_is_repeated_or_was_cut_off()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync();
        var grain = cluster.Grains.GetGrain<Contracts.IBusinessGrain>(business);
        async Task<Guid> HeldAsync(string phone)
        {
            var customer = await cluster.CustomerAsync(business, phone);
            var message = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: cluster.Now + Duration.FromHours(1))).Message!.Id;
            // As it is left by a process that died between storing the change and releasing what waits.
            await cluster.Database.ExecuteAsync("update sms_retry_queue set held = 'paused' where send_log_id = $1", message);
            return message;
        }

        var first = await HeldAsync("+12125551234");
        await grain.ChangeAsync(new(null, null, """{"paused": false}""", ByAdmin: false, "admin"));
        Assert.Equal(0, await cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where held is not null"));
        await cluster.PassUntilAsync(Duration.FromMinutes(1), async () => (await cluster.GetAsync(business, first)).Status == "sent");

        var second = await HeldAsync("+12125551235");
        await cluster.PassUntilAsync(Duration.FromMinutes(1), async () => (await cluster.GetAsync(business, second)).Status == "sent");
    }

    [Fact]
    public async Task Of_changes_at_once_none_is_lost()
    {
        await using var cluster = await SmsCluster.StartAsync(Night);
        var business = await cluster.BusinessAsync();
        var grain = cluster.Grains.GetGrain<Contracts.IBusinessGrain>(business);
        string[] changes = ["\"paused\": true", "\"maxAttempts\": 4", "\"bodyLimit\": 500", "\"dailySegmentLimit\": 7", "\"requireConsent\": false"];
        await Task.WhenAll(changes.Select(c => grain.ChangeAsync(new(null, null, $"{{{c}}}", ByAdmin: false, "admin"))));

        using var settings = JsonDocument.Parse((await grain.GetAsync()).Business!.Settings);
        JsonElement Of(string name) => settings.RootElement.GetProperty(name);
        Assert.Equal((true, 4, 500), (Of("paused").GetBoolean(), Of("maxAttempts").GetInt32(), Of("bodyLimit").GetInt32()));
        Assert.Equal((7, false), (Of("dailySegmentLimit").GetInt32(), Of("requireConsent").GetBoolean()));
    }
}
