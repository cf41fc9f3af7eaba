using NodaTime;
using Sms.Dispatch;
using Sms.Domain.Attempts;
using Sms.Ports;
using Sms.Testing;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

public sealed class OrderAndPaceTests
{
    private const string Footer = "\nReply STOP to opt out";
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task Messages_to_one_recipient_go_one_at_a_time_in_the_order_of_acceptance_and_otp_first()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var first = cluster.Provider.Hold();
        await cluster.SendAsync(business, customer, "1");
        for (var n = 2; n <= 5; n++)
            await cluster.SendAsync(business, customer, $"{n}");
        await cluster.SendAsync(business, customer, "otp", category: "otp");

        // Beside the first, all the others are claimed and wait for their turn.
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () =>
            await cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'processing'") == 6);
        Assert.Single(cluster.Provider.Requests);

        first.SetResult(FakeProvider.Accepted());
        await cluster.PassUntilAsync(Duration.FromMilliseconds(100), () => Task.FromResult(cluster.Provider.Requests.Count == 6));
        Assert.Equal(["1", "otp", "2", "3", "4", "5"], cluster.Provider.Requests.Select(r => r.Request.Body.Split(Footer)[0]));
    }

    [Fact]
    public async Task What_waits_holds_up_nobody_else()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        cluster.Provider.Next(new ProviderOutcome.Unknown("timed out"));
        var unknown = (await cluster.SendAsync(business, customer, "unknown")).Message!;
        await cluster.UntilAsync(business, unknown.Id, m => m.Attempt?.State == "unknown");
        await cluster.SendAsync(business, customer, "later", sendAt: Noon + Duration.FromHours(1));

        var now = await cluster.SendAsync(business, customer, "now");
        await cluster.UntilAsync(business, now.Message!.Id, m => m.Status == "sent");
    }

    [Fact]
    public async Task A_crowd_for_one_recipient_leaves_room_for_all_others_and_keeps_its_order()
    {
        // One claimer with room for 80 rows.
        await using var cluster = await SmsCluster.StartAsync(Noon, retry: new RetryOptions { BatchSize = 20, Shards = 1 });
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var first = cluster.Provider.Hold();
        for (var n = 0; n < 120; n++)
            await cluster.SendAsync(business, customer, $"{n}", "transactional");
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () => await cluster.Database.ScalarAsync<long>(
            "select count(*) from sms_retry_queue where status = 'pending' and held is null") == 0);

        var other = await cluster.BusinessAsync();
        var later = (await cluster.SendAsync(
            other, await cluster.CustomerAsync(other, "+12125551235"), "other", sendAt: cluster.Now + Duration.FromSeconds(2))).Message!;
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () => (await cluster.GetAsync(other, later.Id)).Status == "sent");
        await cluster.SendAsync(business, customer, "otp", "otp");
        await cluster.SendAsync(business, customer, "120", "transactional");

        first.SetResult(FakeProvider.Accepted());
        await cluster.PassUntilAsync(Duration.FromMilliseconds(100), () => Task.FromResult(cluster.Provider.Requests.Count == 123));
        var bodies = cluster.Provider.Requests.Select(r => r.Request.Body.Split(Footer)[0]).Where(b => b != "other").ToList();
        Assert.Equal(Enumerable.Range(0, 121).Select(n => $"{n}"), bodies.Where(b => b != "otp"));
        Assert.InRange(bodies.IndexOf("otp"), 1, 10);
    }

    [Fact]
    public async Task What_is_held_for_a_recipient_by_an_activation_that_is_gone_goes_within_a_minute_or_two()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        for (var n = 0; n < 30; n++)
            await cluster.SendAsync(business, customer, $"{n}", "transactional", sendAt: Noon + Duration.FromMinutes(1));
        await cluster.Database.ExecuteAsync("update sms_retry_queue set held = 'recipient'");

        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), () => Task.FromResult(cluster.Provider.Requests.Count == 30 || cluster.Now > Noon + Duration.FromMinutes(3)));
        Assert.Equal(Enumerable.Range(0, 30).Select(n => $"{n}"), cluster.Provider.Requests.Select(r => r.Request.Body.Split(Footer)[0]));
    }

    [Fact]
    public async Task Pace_deals_each_message_its_own_slot()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"segmentsPerSecond": 0.5}""");
        for (var n = 0; n < 6; n++)
        {
            var customer = await cluster.CustomerAsync(business, $"+1212555120{n}");
            var message = (await cluster.SendAsync(business, customer, $"{n}")).Message!;
            if (n == 0)
                Assert.Null(message.Retry);
            else
                Assert.Equal(("rate_limit", Noon.ToDateTimeOffset().AddSeconds(2 * n)), (message.Retry!.Reason, message.Retry.ScheduledFor));
        }

        await cluster.PassUntilAsync(Duration.FromMilliseconds(250), () => Task.FromResult(cluster.Provider.Requests.Count == 6));
        await cluster.SettleAsync();
        // The clock runs ahead of the work here, so neighbours may meet; none goes before its slot.
        foreach (var (request, at) in cluster.Provider.Requests)
        {
            var n = int.Parse(request.Body.Split(Footer)[0], System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(at >= Noon + Duration.FromSeconds(2 * n), $"{n} went at {at}");
        }
    }

    [Fact]
    public async Task A_one_time_password_waits_for_no_pace_and_those_after_it_keep_to_it()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, sender: new SenderOptions { SegmentsPerSecond = 0.1 });
        var business = await cluster.BusinessAsync(settings: """{"segmentsPerSecond": 0.1}""");
        async Task<Contracts.MessageView> SendAsync(int n, string category) =>
            (await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+1212555120{n}"), $"{n}", category)).Message!;
        for (var n = 0; n < 3; n++)
            await SendAsync(n, "transactional");

        var password = await SendAsync(3, "otp");
        Assert.Null(password.Retry);
        await cluster.UntilAsync(business, password.Id, m => m.Status == "sent");

        Assert.Equal(Noon.ToDateTimeOffset().AddSeconds(40), (await SendAsync(4, "transactional")).Retry!.ScheduledFor);
    }

    [Fact]
    public async Task A_change_lets_nothing_go_before_its_slot_and_a_new_pace_deals_new_ones()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"segmentsPerSecond": 0.01}""");
        for (var n = 0; n < 5; n++)
            await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+1212555120{n}"), $"{n}");
        await cluster.Provider.WhenAsync(1).WaitAsync(TimeSpan.FromSeconds(20));

        foreach (var settings in new[] { """{"maxAttempts": 4}""", """{"paused": true}""", """{"paused": false}""", """{"segmentsPerSecond": 0.1}""" })
        {
            Assert.Null((await cluster.Grains.GetGrain<Contracts.IBusinessGrain>(business).ChangeAsync(new(null, null, settings, ByAdmin: false, "admin"))).Refusal);
            await cluster.SettleAsync();
        }

        await cluster.PassUntilAsync(Duration.FromMilliseconds(250), () => Task.FromResult(cluster.Provider.Requests.Count == 5));
        var times = cluster.Provider.Requests.Select(r => r.At).ToList();
        for (var n = 1; n < times.Count; n++)
            Assert.True(times[n] >= Noon + Duration.FromSeconds(10 * n), $"{n} went at {times[n]}");
        Assert.True(times[^1] < Noon + Duration.FromSeconds(300), $"The last went at {times[^1]}");
    }

    [Fact]
    public async Task Cancelled_messages_leave_their_slots_to_others()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"segmentsPerSecond": 0.1}""");
        async Task<Contracts.MessageView> SendAsync(int n) =>
            (await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+1212555120{n}"), $"{n}")).Message!;
        var sent = new List<Contracts.MessageView>();
        for (var n = 0; n < 6; n++)
            sent.Add(await SendAsync(n));
        async Task CancelAsync(params int[] which)
        {
            foreach (var n in which)
                Assert.Equal(Contracts.CancelOutcome.Cancelled, await cluster.Grains.GetGrain<Contracts.IBusinessGrain>(business).CancelAsync(sent[n].Id));
        }

        await CancelAsync(2, 4, 5);
        Assert.Equal(Noon.ToDateTimeOffset().AddSeconds(40), (await SendAsync(6)).Retry!.ScheduledFor);
        Assert.Equal(Noon.ToDateTimeOffset().AddSeconds(50), (await SendAsync(7)).Retry!.ScheduledFor);
        await cluster.PassAsync(Duration.FromSeconds(6));
        await CancelAsync(1, 3);
        // Number 7 keeps its slot.
        Assert.Equal(Noon.ToDateTimeOffset().AddSeconds(60), (await SendAsync(8)).Retry!.ScheduledFor);
    }

    [Fact]
    public async Task One_senders_pace_holds_over_all_businesses()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, sender: new SenderOptions { SegmentsPerSecond = 1 });
        var slots = new List<DateTimeOffset>();
        for (var n = 0; n < 4; n++)
        {
            var business = await cluster.BusinessAsync();
            var customer = await cluster.CustomerAsync(business, "+12125551234");
            if ((await cluster.SendAsync(business, customer)).Message!.Retry is { } retry)
                slots.Add(retry.ScheduledFor!.Value);
        }

        Assert.Equal([1, 2, 3], slots.Select(s => (s - Noon.ToDateTimeOffset()).TotalSeconds));
    }

    [Fact]
    public async Task Beyond_the_daily_limit_messages_wait_for_the_next_day()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"dailySegmentLimit": 2}""");
        var customers = new List<Guid>();
        for (var n = 0; n < 3; n++)
            customers.Add(await cluster.CustomerAsync(business, $"+1212555120{n}"));

        Assert.Null((await cluster.SendAsync(business, customers[0])).Message!.Retry);
        Assert.Null((await cluster.SendAsync(business, customers[1])).Message!.Retry);
        var third = (await cluster.SendAsync(business, customers[2])).Message!;
        // The next day begins at midnight in New York, marketing at eight.
        Assert.Equal(Instant.FromUtc(2026, 6, 16, 12, 0).ToDateTimeOffset(), third.Retry!.ScheduledFor);

        var transactional = (await cluster.SendAsync(business, customers[2], category: "transactional")).Message!;
        Assert.Equal(Instant.FromUtc(2026, 6, 16, 4, 0).ToDateTimeOffset(), transactional.Retry!.ScheduledFor);
        Assert.Equal("rate_limit", transactional.Retry.Reason);
    }

    [Fact]
    public async Task Without_a_free_slot_messages_are_queued_and_a_request_never_waits_for_the_provider()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, dispatch: new DispatchOptions { MaxConcurrency = 2 });
        var business = await cluster.BusinessAsync();
        var held = new List<TaskCompletionSource<ProviderOutcome>> { cluster.Provider.Hold(), cluster.Provider.Hold() };
        for (var n = 0; n < 5; n++)
        {
            var customer = await cluster.CustomerAsync(business, $"+1212555120{n}");
            // Stored claimed, it waits for a call here.
            Assert.Null((await cluster.SendAsync(business, customer)).Message!.Retry);
        }

        await cluster.Provider.WhenAsync(2);
        Assert.Equal(2, cluster.Provider.Requests.Count);
        held.ForEach(h => h.SetResult(FakeProvider.Accepted()));
        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), () => Task.FromResult(cluster.Provider.Requests.Count == 5));
        await cluster.SettleAsync();
        Assert.Equal(5, await cluster.Database.ScalarAsync<long>("select count(*) from send_logs where status = 'sent'"));
    }

    [Fact]
    public async Task What_waits_for_a_call_waits_with_the_claim_and_is_decided_by_what_is_so_when_it_gets_one()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, dispatch: new DispatchOptions { MaxConcurrency = 1 });
        var business = await cluster.BusinessAsync();
        var held = cluster.Provider.Hold();
        await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551200"));
        var goes = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551201"))).Message!;
        var moved = await cluster.CustomerAsync(business, "+12125551202", "America/New_York");
        var waits = (await cluster.SendAsync(business, moved)).Message!;
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () =>
            await cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'processing'") == 3);
        // Their look-ups are asked before these, and answered with them.
        for (var n = 0; n < 50; n++)
            await cluster.GetAsync(business, waits.Id);
        await cluster.PassAsync(Duration.FromSeconds(5));
        Assert.Single(cluster.Provider.Requests);

        // Where it is night now.
        await cluster.Database.ExecuteAsync("update customers set timezone = 'Asia/Tokyo' where id = $1", moved);
        held.SetResult(FakeProvider.Accepted());
        await cluster.UntilAsync(business, goes.Id, m => m.Status == "sent");
        var later = await cluster.UntilAsync(business, waits.Id, m => m.Retry?.Reason == "quiet_hours");
        Assert.Equal(0, later.AttemptCount);
        Assert.Equal(2, cluster.Provider.Requests.Count);
    }
}
