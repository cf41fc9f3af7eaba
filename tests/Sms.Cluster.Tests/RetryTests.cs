using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;
using Sms.Testing;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

public sealed class RetryTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task Transient_error_is_retried_with_backoff_until_the_attempts_are_spent()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.Refused(FailureClass.Transient, 503, "come again", RetryAfter: null), count: 3);

        var waiting = await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "twilio_error");
        Assert.Equal(1, waiting.AttemptCount);
        Assert.InRange(waiting.Retry!.ScheduledFor!.Value, Noon.ToDateTimeOffset().AddMinutes(1), Noon.ToDateTimeOffset().AddMinutes(1.3));

        await cluster.PassUntilAsync(Duration.FromSeconds(20), async () => (await cluster.GetAsync(business, message)).Status == "failed");
        var failed = await cluster.GetAsync(business, message);
        Assert.Equal(3, failed.AttemptCount);
        Assert.Equal("transient", failed.Error!.Class);
        var requests = cluster.Provider.Requests;
        Assert.Equal(3, requests.Count);
        Assert.True(requests[1].At - requests[0].At >= Duration.FromMinutes(1));
        Assert.True(requests[2].At - requests[1].At >= Duration.FromMinutes(5));
        Assert.Equal("failed", await cluster.Database.ScalarAsync<string>("select status from sms_retry_queue"));
    }

    [Fact]
    public async Task A_provider_that_cannot_be_reached_fails_nothing_and_is_asked_once_a_minute()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        cluster.Provider.Next(new ProviderOutcome.NeverLeft("NameResolutionError"), count: 1000);
        var messages = new List<Guid>();
        for (var n = 0; n < 50; n++)
            messages.Add((await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+1212555{1000 + n}"), category: "transactional")).Message!.Id);
        await cluster.PassUntilAsync(Duration.FromSeconds(20), () => Task.FromResult(cluster.Now - Noon > Duration.FromMinutes(30)));

        Assert.Equal("50 pending 0", await cluster.Database.ScalarAsync<string>(
            "select count(*) || ' ' || min(status) || ' ' || max(attempt_count) from send_logs where status = 'pending'"));
        Assert.Contains("cannot be reached", (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice, StringComparison.Ordinal);
        // Each once at most before it is known, and a probe a minute.
        Assert.InRange(cluster.Provider.Requests.Count, 5, 50 + 35);

        cluster.Provider.Accept();
        foreach (var message in messages)
            Assert.Equal(1, (await cluster.UntilAsync(business, message, m => m.Status == "sent")).AttemptCount);
    }

    [Fact]
    public async Task What_cannot_leave_for_a_day_is_failed()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.NeverLeft("connection refused"), count: 10_000);
        // The clock must stand while a row is handled.
        while ((await cluster.GetAsync(business, message)).Status != "failed")
        {
            await cluster.PassAsync(Duration.FromMinutes(10));
            await cluster.SettleAsync();
        }

        Assert.InRange(cluster.Now - Noon, Duration.FromHours(24), Duration.FromHours(25));
    }

    [Fact]
    public async Task Too_many_requests_defers_by_the_providers_word_and_counts_no_attempt()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", Duration.FromMinutes(2)));

        var waiting = await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "rate_limit");
        Assert.Equal(0, waiting.AttemptCount);
        Assert.InRange(waiting.Retry!.ScheduledFor!.Value, Noon.ToDateTimeOffset().AddMinutes(2), Noon.ToDateTimeOffset().AddMinutes(2.5));

        await cluster.PassUntilAsync(Duration.FromSeconds(10), async () => (await cluster.GetAsync(business, message)).Status == "sent");
        Assert.Equal(1, (await cluster.GetAsync(business, message)).AttemptCount);
    }

    [Fact]
    public async Task Asked_for_more_patience_than_a_day_it_has_a_day()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", Duration.FromDays(30)));

        var waiting = await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "rate_limit");
        Assert.InRange(waiting.Retry!.ScheduledFor!.Value, Noon.ToDateTimeOffset().AddDays(1), Noon.ToDateTimeOffset().AddDays(1).AddMinutes(1));
    }

    public static TheoryData<bool> RateOrLate => [true, false];

    [Theory]
    [MemberData(nameof(RateOrLate))]
    public async Task What_is_refused_for_its_rate_or_leaves_too_late_is_tried_ever_more_rarely_and_given_up_after_a_day(bool isRate)
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        cluster.Provider.Next(
            isRate ? new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", Duration.FromSeconds(1)) : new ProviderOutcome.TooLate(), count: 10_000);
        var business = await cluster.BusinessAsync();
        var message = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"), category: "transactional")).Message!.Id;

        // The clock stands, but for seconds, while a row is handled.
        while ((await cluster.GetAsync(business, message)).Status != "failed")
        {
            await cluster.PassAsync(Duration.FromMinutes(5));
            await cluster.SettleAsync();
        }

        Assert.InRange(cluster.Now - Noon, Duration.FromHours(24), Duration.FromHours(25));
        Assert.InRange(cluster.Provider.Requests.Count, 80, 250);
        var waits = cluster.Provider.Requests.Zip(cluster.Provider.Requests.Skip(1), (one, next) => next.At - one.At).ToList();
        Assert.All(waits.TakeLast(50), wait => Assert.InRange(wait, Duration.FromMinutes(5), Duration.FromMinutes(16)));
    }

    [Fact]
    public async Task What_waited_for_its_time_is_asked_again_as_soon_as_what_has_just_come()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var held = cluster.Provider.Hold();
        var message = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromHours(5))).Message!.Id;
        await cluster.PassAsync(Duration.FromHours(5) - Duration.FromSeconds(5));
        await cluster.PassUntilAsync(Duration.FromSeconds(1), () => Task.FromResult(cluster.Provider.Requests.Count == 1));

        var answered = cluster.Now;
        held.SetResult(new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", null));

        var waiting = await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "rate_limit");
        Assert.InRange(Instant.FromDateTimeOffset(waiting.Retry!.ScheduledFor!.Value) - answered, Duration.FromSeconds(5), Duration.FromSeconds(60));
    }

    [Fact]
    public async Task Permanent_error_is_tried_once_and_the_number_is_not_tried_again()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.Refused(FailureClass.BadNumber, 21211, "invalid number", null));

        var failed = await cluster.UntilAsync(business, message, m => m.Status == "failed");
        Assert.Equal(21211, failed.Error!.Code);
        Assert.Equal("bad_number", failed.Error.Class);
        Assert.Equal(1, failed.AttemptCount);

        var again = await cluster.SendAsync(business, failed.CustomerId);
        Assert.Equal("recipient_unreachable", again.Refusal!.Code);
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task Refused_account_fails_nothing_and_is_probed_once_a_minute()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        cluster.Provider.Next(new ProviderOutcome.Refused(FailureClass.Configuration, 20003, "bad credentials", null), count: 3);
        var messages = new List<Guid>();
        for (var n = 0; n < 5; n++)
        {
            var customer = await cluster.CustomerAsync(business, $"+1212555120{n}");
            messages.Add((await cluster.SendAsync(business, customer)).Message!.Id);
            if (n == 0)
                await cluster.UntilAsync(business, messages[0], m => m.Retry?.Reason == "twilio_error");
        }

        Assert.Single(cluster.Provider.Requests);
        Assert.Contains("20003", (await cluster.Grains.GetGrain<Contracts.IReaderGrain>(0).CheckAsync()).Notice, StringComparison.Ordinal);

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () =>
        {
            foreach (var id in messages)
            {
                if ((await cluster.GetAsync(business, id)).Status != "sent")
                    return false;
            }

            return true;
        });
        Assert.Equal(3 + 5, cluster.Provider.Requests.Count);
        Assert.True(cluster.Provider.Requests[2].At - cluster.Provider.Requests[0].At >= Duration.FromMinutes(2));
        Assert.All(messages, id => Assert.Equal(1, cluster.GetAsync(business, id).Result.AttemptCount));
    }

    [Fact]
    public async Task A_refused_sender_that_nobody_uses_any_more_is_forgotten()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.Refused(FailureClass.Configuration, 20003, "bad credentials", null));
        await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "twilio_error");
        async Task<string?> NoticeAsync() => (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice;
        Assert.Contains("20003", await NoticeAsync(), StringComparison.Ordinal);

        await cluster.Grains.GetGrain<IBusinessGrain>(business).CancelAsync(message);
        await cluster.PassUntilAsync(Duration.FromSeconds(30), async () => await NoticeAsync() is null);

        Assert.InRange(cluster.Now - Noon, Duration.FromMinutes(11), Duration.FromMinutes(15));
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task What_the_account_lacks_for_one_recipient_keeps_nobody_else_waiting_and_is_given_up_after_a_day()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var refused = new ProviderOutcome.Refused(FailureClass.Configuration, 21408, "no permission for the region", null);
        var (business, message) = await SendAsync(cluster, refused, count: 1000);
        await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "twilio_error");
        cluster.Provider.Accept();
        var other = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551209"))).Message!;
        await cluster.UntilAsync(business, other.Id, m => m.Status == "sent");

        cluster.Provider.Next(refused, count: 1000);
        await cluster.PassUntilAsync(Duration.FromMinutes(10), async () => (await cluster.GetAsync(business, message)).Status == "failed");
        var failed = await cluster.GetAsync(business, message);
        Assert.Equal((21408, "configuration"), (failed.Error!.Code, failed.Error.Class));
        Assert.True(cluster.Provider.Requests[^1].At >= Noon + Duration.FromHours(24));
    }

    [Fact]
    public async Task A_message_that_waited_for_days_is_tried_for_a_day_like_any_other()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var due = Noon + Duration.FromDays(3);
        var message = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: due)).Message!.Id;
        cluster.Provider.Next(new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", Duration.FromHours(5)), count: 3);

        // The clock must stand while a row is handled.
        while ((await cluster.GetAsync(business, message)).Status == "pending")
        {
            await cluster.PassAsync(Duration.FromMinutes(30));
            await cluster.SettleAsync();
        }

        Assert.Equal("sent", (await cluster.GetAsync(business, message)).Status);
        Assert.Equal(4, cluster.Provider.Requests.Count);
    }

    [Fact]
    public async Task While_a_sender_is_refused_its_rows_are_held_and_all_go_when_it_is_taken_again()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var messages = new List<Guid>();
        for (var n = 0; n < 8; n++)
        {
            var customer = await cluster.CustomerAsync(business, $"+1212555120{n}");
            messages.Add((await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromMinutes(1))).Message!.Id);
        }

        var later = await cluster.CustomerAsync(business, "+12125551209");
        cluster.Provider.Next(new ProviderOutcome.Refused(FailureClass.Configuration, 20003, "bad credentials", null), count: 1000);
        async Task<bool> HeldAsync() => await cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where held = 'sender'") >= 4;
        await cluster.PassUntilAsync(Duration.FromSeconds(1), HeldAsync);

        // The rest is not touched while probes go on.
        var probes = cluster.Provider.Requests.Count;
        await cluster.PassUntilAsync(Duration.FromSeconds(1), () => Task.FromResult(cluster.Provider.Requests.Count >= probes + 3));
        Assert.True(await HeldAsync());
        Assert.InRange(await cluster.Database.ScalarAsync<long>("select max(n) from (select count(*) as n from sms.message_events where type = 'deferred' group by message_id) e"), 1, 10);

        cluster.Provider.Accept();
        messages.Add((await cluster.SendAsync(business, later)).Message!.Id);
        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () =>
            await cluster.Database.ScalarAsync<long>("select count(*) from send_logs where status = 'sent'") == messages.Count);
        Assert.Equal(0, await cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where held is not null"));
    }

    [Fact]
    public async Task Rows_put_back_to_before_the_watermark_are_found_while_others_keep_the_queue_busy()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromHours(9))).Message!;
        await cluster.PassAsync(Duration.FromMinutes(5));
        await cluster.Database.ExecuteAsync("update send_logs set send_at = null");
        await cluster.Database.ExecuteAsync("update sms_retry_queue set scheduled_for = $1", (cluster.Now - Duration.FromHours(2)).ToDateTimeUtc());

        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
    }

    [Fact]
    public async Task Attempt_of_a_process_that_died_becomes_unknown()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var held = cluster.Provider.Hold();
        var message = (await cluster.SendAsync(business, customer)).Message!;
        await cluster.Provider.WhenAsync(1);

        await cluster.PassAsync(Duration.FromSeconds(50));
        Assert.Equal("open", (await cluster.GetAsync(business, message.Id)).Attempt!.State);
        await cluster.UntilAsync(business, message.Id, m => m.Attempt?.State == "unknown");

        // It was not dead after all: what it learns still counts.
        held.SetResult(FakeProvider.Accepted());
        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task Claims_of_a_dead_holder_come_back()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromHours(1))).Message!;
        await cluster.Database.ExecuteAsync(
            """
            update sms_retry_queue set status = 'processing', scheduled_for = $1, lease_token = gen_random_uuid(),
              lease_until = $1::timestamptz + interval '20 seconds', claimed_at = $1
            """,
            cluster.Now.ToDateTimeUtc());
        await cluster.Database.ExecuteAsync("update send_logs set send_at = null");

        await cluster.PassAsync(Duration.FromSeconds(19));
        Assert.Empty(cluster.Provider.Requests);
        await cluster.PassUntilAsync(Duration.FromSeconds(1), () => Task.FromResult(cluster.Provider.Requests.Count == 1));
        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
        Assert.InRange(cluster.Provider.Requests[0].At, Noon + Duration.FromSeconds(20), Noon + Duration.FromMinutes(2));
    }

    [Fact]
    public async Task A_clock_that_is_put_back_an_hour_delays_no_recovery()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromHours(1))).Message!;
        await cluster.PassAsync(Duration.FromSeconds(10));
        await cluster.Database.ExecuteAsync(
            """
            update sms_retry_queue set status = 'processing', scheduled_for = $1::timestamptz - interval '2 hours', lease_token = gen_random_uuid(),
              lease_until = $1::timestamptz + interval '20 seconds', claimed_at = $1
            """,
            cluster.Now.ToDateTimeUtc());
        await cluster.Database.ExecuteAsync("update send_logs set send_at = null");

        cluster.StepClock(-Duration.FromHours(1));
        var put = cluster.Now;
        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
        Assert.InRange(cluster.Now - put, Duration.Zero, Duration.FromMinutes(1));
    }

    [Fact]
    public async Task A_refused_sender_is_probed_within_a_minute_though_the_clock_is_put_back_an_hour()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendAsync(cluster, new ProviderOutcome.Refused(FailureClass.Configuration, 20003, "bad credentials", null));
        await cluster.UntilAsync(business, message, m => m.Retry?.Reason == "twilio_error");

        cluster.StepClock(-Duration.FromHours(1));
        var put = cluster.Now;
        var other = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551235"), category: "transactional")).Message!;
        await cluster.UntilAsync(business, other.Id, m => m.Status == "sent");
        Assert.InRange(cluster.Now - put, Duration.Zero, Duration.FromMinutes(3));
    }

    [Fact]
    public async Task There_are_as_many_shards_as_are_set_and_a_claim_takes_as_many_rows_as_are_set()
    {
        await using var cluster = await SmsCluster.StartAsync(
            Noon, retry: new RetryOptions { Shards = 2, BatchSize = 1 }, dispatch: new DispatchOptions { MaxConcurrency = 1 });
        var business = await cluster.BusinessAsync();
        var held = cluster.Provider.Hold();
        for (var n = 0; n < 20; n++)
            await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+121255512{n:00}"), category: "transactional");

        await SmsCluster.UntilAsync(async () => await cluster.Database.ScalarAsync<long>("select count(*) from orleans.reminder where grainid like 'sms.retry/%'") == 2);
        // Of what is claimed and has no room yet a shard holds four claims' worth; four have room, one of them a call.
        Task<long> InHandAsync() => cluster.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'processing'");
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () => await InHandAsync() >= 12);
        await cluster.PassAsync(Duration.FromSeconds(10));
        Assert.InRange(await InHandAsync(), 12, 13);

        held.SetResult(FakeProvider.Accepted());
        await cluster.PassUntilAsync(Duration.FromMilliseconds(500), async () => await cluster.Database.ScalarAsync<long>("select count(*) from send_logs where status = 'sent'") == 20);
        Assert.Equal(20, cluster.Provider.Requests.Count);
    }

    [Fact]
    public async Task Old_bodies_are_blanked_while_the_hours_pass()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var messages = new List<Guid>();
        foreach (var phone in new[] { "+12125551234", "+12125551235" })
        {
            messages.Add((await cluster.SendAsync(business, await cluster.CustomerAsync(business, phone), category: "transactional")).Message!.Id);
            await cluster.UntilAsync(business, messages[^1], m => m.Status == "sent");
        }

        await cluster.Database.ExecuteAsync("update send_logs set created_at = $2 where id = $1", messages[0], (Noon - Duration.FromDays(395)).ToDateTimeUtc());
        await cluster.PassUntilAsync(Duration.FromMinutes(1), async () => (await cluster.GetAsync(business, messages[0])).Body.Length == 0);
        Assert.Equal("Hello", (await cluster.GetAsync(business, messages[1])).Body);
    }

    private static async Task<(Guid Business, Guid Message)> SendAsync(SmsCluster cluster, ProviderOutcome outcome, int count = 1)
    {
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        cluster.Provider.Next(outcome, count);
        return (business, (await cluster.SendAsync(business, customer)).Message!.Id);
    }
}
