using System.Text.Json;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>Why a message waits: what its client is told, and what its history says.</summary>
public sealed class WaitCauseTests
{
    // A Monday's noon in New York.
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    private static readonly Instant Opening = Instant.FromUtc(2026, 6, 16, 12, 0);

    [Fact]
    public async Task What_waits_for_an_hour_a_wish_a_pace_or_a_limit_says_so_and_until_when()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"segmentsPerSecond": 1}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");

        var wish = (await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromHours(2))).Message!;
        Assert.Equal(("scheduled", "send_at", Noon + Duration.FromHours(2)), Told(wish));
        Assert.Equal(Told(wish), Told(await cluster.GetAsync(business, wish.Id)));

        await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551235"));
        var paced = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551236"))).Message!;
        Assert.Equal(("rate_limit", "pace"), (paced.Retry!.Reason, paced.Retry.Cause));
        Assert.NotNull(paced.Retry.ScheduledFor);

        var limited = await cluster.BusinessAsync(settings: """{"dailySegmentLimit": 1}""");
        var first = (await cluster.SendAsync(limited, await cluster.CustomerAsync(limited, "+12125551234"), category: "transactional")).Message!;
        await cluster.UntilAsync(limited, first.Id, m => m.Status == "sent");
        var over = (await cluster.SendAsync(limited, await cluster.CustomerAsync(limited, "+12125551235"), category: "transactional")).Message!;
        Assert.Equal(("rate_limit", "daily_limit", Instant.FromUtc(2026, 6, 16, 4, 0)), Told(over));
        Assert.Equal(Told(over), Told(await cluster.GetAsync(limited, over.Id)));
    }

    [Fact]
    public async Task Quiet_hours_and_a_cap_are_told_apart()
    {
        await using var cluster = await SmsCluster.StartAsync(Instant.FromUtc(2026, 6, 16, 2, 0));
        var business = await cluster.BusinessAsync();
        var waits = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"))).Message!;
        Assert.Equal(("quiet_hours", "quiet_hours", Opening), Told(waits));
        Assert.Equal(Told(waits), Told(await cluster.GetAsync(business, waits.Id)));

        await cluster.PassUntilAsync(Duration.FromHours(1), () => Task.FromResult(cluster.Now > Noon + Duration.FromDays(1)));
        var floridian = await cluster.CustomerAsync(business, "+13055551234");
        for (var n = 0; n < 3; n++)
            await cluster.UntilAsync(business, (await cluster.SendAsync(business, floridian)).Message!.Id, m => m.Status == "sent");
        var fourth = (await cluster.SendAsync(business, floridian)).Message!;
        Assert.Equal(("rate_limit", "frequency_cap"), (fourth.Retry!.Reason, fourth.Retry.Cause));
    }

    [Fact]
    public async Task A_pause_has_no_end_that_anybody_knows()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var wish = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"), sendAt: Noon + Duration.FromHours(2))).Message!;
        var grain = cluster.Grains.GetGrain<IBusinessGrain>(business);

        await grain.ChangeAsync(new(null, null, """{"paused": true}""", ByAdmin: false, "admin"));
        Assert.Equal(("scheduled", "paused", (Instant?)null), Told(await cluster.GetAsync(business, wish.Id)));

        await grain.ChangeAsync(new(null, null, """{"paused": false}""", ByAdmin: false, "admin"));
        await cluster.UntilAsync(business, wish.Id, m => m.Retry?.Cause == "send_at" && m.Retry.ScheduledFor == (Noon + Duration.FromHours(2)).ToDateTimeOffset());
    }

    public static TheoryData<string, string, int?> Provider => new()
    {
        { "rate", "provider_rate", 20429 }, { "error", "provider_error", 30001 }, { "unreachable", "provider_unreachable", null },
    };

    [Theory]
    [MemberData(nameof(Provider))]
    public async Task What_the_provider_did_is_told_with_its_code(string what, string cause, int? code)
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        cluster.Provider.Next(what switch
        {
            "rate" => new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", Duration.FromMinutes(2)),
            "error" => new ProviderOutcome.Refused(FailureClass.Transient, 30001, "come again", RetryAfter: null),
            _ => new ProviderOutcome.NeverLeft("connection refused"),
        });
        var business = await cluster.BusinessAsync();
        var message = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"))).Message!;

        var waits = await cluster.UntilAsync(business, message.Id, m => m.Retry?.Cause == cause);
        Assert.Equal(code, waits.Retry!.Code);
        Assert.NotNull(waits.Retry.ScheduledFor);
        var deferred = Assert.Single(await EventsAsync(cluster, business, message.Id), e => e.Type == "deferred").Data;
        Assert.Equal((cause, code), (deferred.GetProperty("cause").GetString(), deferred.TryGetProperty("code", out var told) ? told.GetInt32() : null));
        Assert.Equal("America/New_York", deferred.GetProperty("decision").GetProperty("timezone").GetString());
    }

    [Fact]
    public async Task A_refused_sender_is_told_with_the_providers_code_to_all_that_wait_for_it()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        cluster.Provider.Next(new ProviderOutcome.Refused(FailureClass.Configuration, 20003, "bad credentials", RetryAfter: null), count: 1000);
        var business = await cluster.BusinessAsync();
        var first = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"), category: "transactional")).Message!;
        await cluster.UntilAsync(business, first.Id, m => m.Retry?.Cause == "sender_refused" && m.Retry.Code == 20003);

        // Later ones are told at once; and what is held behind those that probe, for as long as nobody knows.
        List<Guid> all = [first.Id];
        for (var n = 0; n < 5; n++)
        {
            var later = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+1212555124{n}"), category: "transactional")).Message!;
            Assert.Equal(("twilio_error", "sender_refused", 20003), (later.Retry!.Reason, later.Retry.Cause, later.Retry.Code));
            all.Add(later.Id);
        }

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () =>
        {
            var told = await Task.WhenAll(all.Select(m => cluster.GetAsync(business, m)));
            return told.All(m => m.Retry is { Cause: "sender_refused", Code: 20003 })
                && told.Any(m => m.Retry!.ScheduledFor is null) && told.Any(m => m.Retry!.ScheduledFor is not null);
        });
    }

    [Fact]
    public async Task What_is_due_waits_behind_its_recipients_earlier_text_or_behind_others()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var held = cluster.Provider.Hold();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var first = (await cluster.SendAsync(business, customer)).Message!;
        await cluster.UntilAsync(business, first.Id, m => m.Attempt is not null);

        var second = (await cluster.SendAsync(business, customer)).Message!;
        Assert.Equal(("scheduled", "turn", (Instant?)null), Told(await cluster.GetAsync(business, second.Id)));

        held.SetResult(Testing.FakeProvider.Accepted());
        await cluster.UntilAsync(business, second.Id, m => m.Status == "sent");

        // Due, and nobody's before it: whoever would take it is busy. Here nobody may.
        var other = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551235"), sendAt: Noon + Duration.FromHours(1))).Message!;
        await cluster.Database.ExecuteAsync("update sms_retry_queue set status = 'processing', lease_until = '2999-01-01', lease_token = gen_random_uuid() where send_log_id = $1", other.Id);
        Assert.Equal(("scheduled", "busy", (Instant?)null), Told(await cluster.GetAsync(business, other.Id)));
    }

    [Fact]
    public async Task What_was_accepted_while_the_clock_stood_is_due_though_its_acceptance_is_a_microsecond_ahead()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        cluster.Provider.Hold();
        await cluster.SendAsync(business, customer);

        var second = (await cluster.SendAsync(business, customer)).Message!;

        Assert.Equal(("scheduled", "turn", (Instant?)null), Told(await cluster.GetAsync(business, second.Id)));
    }

    [Fact]
    public async Task The_history_tells_what_changed_a_plan()
    {
        await using var cluster = await SmsCluster.StartAsync(Instant.FromUtc(2026, 6, 16, 2, 0));
        var business = await cluster.BusinessAsync();
        var message = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125551234"))).Message!;
        var key = $"key {Guid.NewGuid()}";

        await cluster.Grains.GetGrain<IBusinessGrain>(business).ChangeAsync(
            new(null, null, """{"quietHours": {"tue": ["10:00", "18:00"]}}""", ByAdmin: false, key));
        await cluster.UntilAsync(business, message.Id, m => m.Retry?.ScheduledFor == (Opening + Duration.FromHours(2)).ToDateTimeOffset());

        var deferrals = (await EventsAsync(cluster, business, message.Id)).Where(e => e.Type == "deferred").Select(e => e.Data).ToList();
        Assert.Equal(2, deferrals.Count);
        Assert.All(deferrals, d => Assert.Equal("quiet_hours", d.GetProperty("cause").GetString()));
        Assert.False(deferrals[0].TryGetProperty("because", out _));
        Assert.Equal($"settings changed by {key}", deferrals[1].GetProperty("because").GetString());
        var version = deferrals[1].GetProperty("decision").GetProperty("settings_version").GetInt64();
        Assert.Equal(deferrals[0].GetProperty("decision").GetProperty("settings_version").GetInt64() + 1, version);

        var reader = cluster.Grains.GetGrain<IReaderGrain>(0);
        var named = Assert.Single((await reader.GetBusinessHistoryAsync(business, version, PageRequest.First))!.Data);
        Assert.Equal((version, key), (named.Version, named.Actor));
        Assert.Contains("10:00", named.Settings, StringComparison.Ordinal);
        var all = (await reader.GetBusinessHistoryAsync(business, version: null, new PageRequest(1, null, null)))!;
        Assert.Equal(named, Assert.Single(all.Data));
        Assert.NotNull(all.NextCursor);
        Assert.Null(await reader.GetBusinessHistoryAsync(Guid.NewGuid(), version: null, PageRequest.First));

        // A blackout, and its end.
        var blackout = new BlackoutView(Guid.CreateVersion7(), "NY", new DateOnly(2026, 6, 16), new DateOnly(2026, 6, 16), "storm");
        await reader.PutBlackoutAsync(blackout, "admin");
        await cluster.PassUntilAsync(Duration.FromSeconds(1), async () => (await cluster.GetAsync(business, message.Id)).Retry?.ScheduledFor > (Opening + Duration.FromDays(1)).ToDateTimeOffset());
        Assert.True(await reader.RemoveBlackoutAsync(blackout.Id, "admin"));
        await cluster.PassUntilAsync(Duration.FromSeconds(1), async () => (await cluster.GetAsync(business, message.Id)).Retry?.ScheduledFor == (Opening + Duration.FromHours(2)).ToDateTimeOffset());
        Assert.Equal(
            [$"blackout {blackout.Id} made by admin", $"blackout {blackout.Id} lifted by admin"],
            (await EventsAsync(cluster, business, message.Id)).Where(e => e.Type == "deferred").Skip(2).Select(e => e.Data.GetProperty("because").GetString()));
    }

    private static (string Reason, string Cause, Instant? ScheduledFor) Told(MessageView message) =>
        (message.Retry!.Reason, message.Retry.Cause, message.Retry.ScheduledFor is { } at ? Instant.FromDateTimeOffset(at) : null);

    private static async Task<List<(string Type, JsonElement Data)>> EventsAsync(SmsCluster cluster, Guid business, Guid message) =>
        [.. (await cluster.Grains.GetGrain<IReaderGrain>(0).GetEventsAsync(business, message, PageRequest.First))!.Data
            .Select(e => (e.Type, JsonDocument.Parse(e.Data).RootElement.Clone()))];
}
