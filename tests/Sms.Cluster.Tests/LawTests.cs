using NodaTime;
using Sms.Contracts;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>What the law of the recipient's place says: hours, caps, blackouts.</summary>
public sealed class LawTests
{
    // Noon of a Wednesday in Miami, standard time.
    private static readonly Instant Noon = Instant.FromUtc(2026, 12, 2, 17, 0);

    [Fact]
    public async Task Florida_takes_three_texts_in_a_day_and_the_fourth_waits_for_the_first_to_be_a_day_old()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+13055551234");
        for (var n = 0; n < 3; n++)
        {
            var sent = await cluster.SendAsync(business, customer);
            await cluster.UntilAsync(business, sent.Message!.Id, m => m.Status == "sent");
        }

        var first = await cluster.Database.ScalarAsync<DateTime>("select min(coalesce(ended_at, started_at)) from sms.attempts");
        var fourth = (await cluster.SendAsync(business, customer)).Message!;
        Assert.Equal(("pending", "rate_limit"), (fourth.Status, fourth.Retry!.Reason));
        Assert.Equal(first.AddDays(1), fourth.Retry.ScheduledFor!.Value.UtcDateTime);
        Assert.Equal(("US-FL/1", 3, 24, 3), (fourth.Decision!.Cap!.Rule, fourth.Decision.Cap.Limit, fourth.Decision.Cap.Hours, fourth.Decision.Cap.Counted));

        // An operator who makes it due changes nothing, and other categories and other people are not held to it.
        await cluster.Database.ExecuteAsync("update sms_retry_queue set scheduled_for = $1 where status = 'pending'", cluster.Now.ToDateTimeUtc());
        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), async () =>
            (await cluster.GetAsync(business, fourth.Id)).Retry?.ScheduledFor?.UtcDateTime == first.AddDays(1));
        var otp = (await cluster.SendAsync(business, customer, category: "otp")).Message!;
        await cluster.UntilAsync(business, otp.Id, m => m.Status == "sent");
        var neighbour = await cluster.CustomerAsync(business, "+13055551235");
        var other = (await cluster.SendAsync(business, neighbour)).Message!;
        await cluster.UntilAsync(business, other.Id, m => m.Status == "sent");
    }

    [Fact]
    public async Task Of_many_texts_at_once_three_go_in_a_day()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+14105551234");

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => cluster.SendAsync(business, customer)));
        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), async () => await cluster.Database.ScalarAsync<long>(
            "select count(*) from sms_retry_queue where status = 'pending' and scheduled_for > $1 and reason = 'rate_limit'",
            (Noon + Duration.FromHours(20)).ToDateTimeUtc()) == 5);

        Assert.Equal(8, replies.Count(r => r.Message is not null));
        Assert.Equal(3, cluster.Provider.Requests.Count);
    }

    [Fact]
    public async Task Where_the_law_asks_for_writing_consent_by_word_of_mouth_is_none()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"requireConsent": false}""");
        async Task<string?> AskAsync(string phone, string consent, string? method = null) =>
            (await cluster.SendAsync(business, await cluster.CustomerAsync(business, phone, consent: consent, method: method))).Refusal?.Code;

        Assert.Equal("consent_required", await AskAsync("+13055551201", "opted_in", "phone_call"));
        Assert.Equal("consent_required", await AskAsync("+13055551202", "unknown"));
        Assert.Null(await AskAsync("+13055551203", "opted_in", "website_form"));
        Assert.Null(await AskAsync("+13055551204", "opted_in"));
        Assert.Null(await AskAsync("+16025551205", "opted_in", "phone_call"));
        Assert.Equal("consent_required", await AskAsync("+16025551206", "unknown"));
        Assert.Null(await AskAsync("+15125551207", "unknown"));
    }

    [Fact]
    public async Task A_blackout_stops_a_state_and_its_end_sets_it_going()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+15045551234");
        var elsewhere = await cluster.CustomerAsync(business, "+13125551234");
        var id = Guid.CreateVersion7();
        var reader = cluster.Grains.GetGrain<IReaderGrain>(0);

        await reader.PutBlackoutAsync(new BlackoutView(id, "LA", new DateOnly(2026, 12, 1), new DateOnly(2026, 12, 3), "hurricane"), "admin");
        MessageView? waits = null;
        await SmsCluster.UntilAsync(async () =>
        {
            waits = (await cluster.SendAsync(business, customer)).Message!;
            return waits.Retry?.Reason == "quiet_hours";
        });
        // Friday at eight in New Orleans.
        Assert.Equal(Instant.FromUtc(2026, 12, 4, 14, 0).ToDateTimeOffset(), waits!.Retry!.ScheduledFor);
        Assert.Equal("closed_day", waits.Decision!.QuietHours);
        Assert.Contains($"blackout/{id}", waits.Decision.BlockedBy!, StringComparer.Ordinal);
        var goes = (await cluster.SendAsync(business, elsewhere)).Message!;
        await cluster.UntilAsync(business, goes.Id, m => m.Status == "sent");

        Assert.True(await reader.RemoveBlackoutAsync(id, "admin"));
        await cluster.UntilAsync(business, waits.Id, m => m.Status == "sent");
        Assert.False(await reader.RemoveBlackoutAsync(id, "admin"));
    }

    [Fact]
    public async Task A_request_leaves_before_the_window_closes_or_waits_for_the_next()
    {
        // 20:58:30 in New York.
        await using var cluster = await SmsCluster.StartAsync(Instant.FromUtc(2026, 12, 3, 1, 58, 30));
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");

        var goes = (await cluster.SendAsync(business, customer)).Message!;
        await cluster.UntilAsync(business, goes.Id, m => m.Status == "sent");
        var request = Assert.Single(cluster.Provider.Requests).Request;
        // 90 s are left of the window, and up to 10 s may pass until it leaves.
        Assert.InRange(request.ValidityPeriod!.Value, Duration.FromSeconds(78), Duration.FromSeconds(80));

        await cluster.PassAsync(Duration.FromSeconds(31));
        var waits = (await cluster.SendAsync(business, customer)).Message!;
        Assert.Equal("quiet_hours", waits.Retry!.Reason);
        Assert.Equal(Instant.FromUtc(2026, 12, 3, 13, 0).ToDateTimeOffset(), waits.Retry.ScheduledFor);
    }
}
