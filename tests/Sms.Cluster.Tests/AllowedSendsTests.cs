using System.Text.Json.Nodes;
using NodaTime;
using Sms.Contracts;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>What the admin allows a business holds for what is sent and for what waits already.</summary>
public sealed class AllowedSendsTests
{
    private const string Theirs = "+15125550100";

    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task By_a_sender_that_is_not_allowed_nothing_is_sent_and_nothing_lost()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var waiting = (await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromMinutes(1))).Message!;

        await cluster.Database.ExecuteAsync($$$"""update businesses set sms_settings = sms_settings || '{"sender": {"from": "{{{Theirs}}}"}}' where id = $1""", business);
        Assert.Contains("settings.sender", (await Business(cluster, business).GetAsync()).Business!.Fault, StringComparison.Ordinal);
        foreach (var category in new[] { "marketing", "transactional", "otp" })
            Assert.Equal("sender_not_allowed", (await cluster.SendAsync(business, customer, category: category)).Refusal?.Code);
        // Others need not know.
        Assert.DoesNotContain(business.ToString(), (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice ?? "", StringComparison.Ordinal);
        await cluster.PassUntilAsync(Duration.FromSeconds(20), async () => await cluster.Database.ScalarAsync<bool>(
            "select scheduled_for > $2::timestamptz from sms_retry_queue where send_log_id = $1 and status = 'pending'", waiting.Id, (Noon + Duration.FromMinutes(5)).ToDateTimeUtc()));
        Assert.Contains("settings.sender", await cluster.Database.ScalarAsync<string>("select last_error from sms_retry_queue where send_log_id = $1", waiting.Id), StringComparison.Ordinal);
        Assert.Empty(cluster.Provider.Requests);

        Assert.Null((await ChangeAsync(cluster, business, $$$"""{"sender": {"from": "{{{Theirs}}}"}}""")).Business!.Fault);
        await cluster.UntilAsync(business, waiting.Id, m => m.Status == "sent");
        Assert.Equal(Theirs, Assert.Single(cluster.Provider.Requests).Request.Sender.From);
    }

    [Fact]
    public async Task A_text_that_waits_for_a_number_of_a_country_that_is_no_longer_allowed_fails()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"allowedCountries": ["US", "CA"]}""");
        var (abroad, home) = (await cluster.CustomerAsync(business, "+14165551234"), await cluster.CustomerAsync(business, "+12125551234"));
        var waiting = (await cluster.SendAsync(business, abroad, category: "transactional", sendAt: Noon + Duration.FromMinutes(1))).Message!;
        var goes = (await cluster.SendAsync(business, home, category: "transactional", sendAt: Noon + Duration.FromMinutes(1))).Message!;

        Assert.Null((await ChangeAsync(cluster, business, """{"allowedCountries": null}""")).Refusal);
        foreach (var category in new[] { "marketing", "transactional", "otp" })
            Assert.Equal("country_not_allowed", (await cluster.SendAsync(business, abroad, category: category)).Refusal?.Code);

        var failed = await cluster.UntilAsync(business, waiting.Id, m => m.Status == "failed");
        Assert.Equal(("country_not_allowed", 0), (failed.Error?.Class, failed.AttemptCount));
        await cluster.UntilAsync(business, goes.Id, m => m.Status == "sent");
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task A_ceiling_below_the_limit_holds_passwords_too_and_leaves_the_limit_as_it_was()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"monthlyMessageLimit": 10}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        Assert.NotNull((await cluster.SendAsync(business, customer, category: "otp")).Message);

        Assert.Equal(1, Limit(await ChangeAsync(cluster, business, """{"maxMonthlyMessages": 1}""")));
        foreach (var category in new[] { "transactional", "otp" })
            Assert.Equal("monthly_limit_reached", (await cluster.SendAsync(business, customer, category: category)).Refusal?.Code);

        Assert.Equal(10, Limit(await ChangeAsync(cluster, business, """{"maxMonthlyMessages": null}""")));
        Assert.NotNull((await cluster.SendAsync(business, customer, category: "transactional")).Message);

        static int? Limit(BusinessReply reply) => JsonNode.Parse(reply.Business!.Settings)!["monthlyMessageLimit"]?.GetValue<int>();
    }

    [Fact]
    public async Task What_waits_keeps_to_a_pace_that_the_admin_lowers()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        Assert.Null((await ChangeAsync(cluster, business, """{"maxSegmentsPerSecond": 0.1}""")).Refusal);
        for (var n = 0; n < 2; n++)
        {
            var message = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+1212555120{n}"), category: "transactional")).Message!;
            Assert.Equal(n == 0 ? null : "rate_limit", message.Retry?.Reason);
        }
    }

    [Fact]
    public async Task A_send_that_does_not_say_its_category_is_of_the_businesss_default()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"defaultCategory": "transactional"}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234", consent: "unknown");
        SendCommand Command(bool isUnsaid, string key) => new()
        {
            MessageId = Guid.CreateVersion7(),
            CustomerId = customer,
            Body = "Hello",
            Category = "marketing",
            IsCategoryUnsaid = isUnsaid,
            IdempotencyKey = key,
            RequestHash = "00",
        };

        var first = (await Business(cluster, business).SendAsync(Command(isUnsaid: true, "k"))).Message!;
        Assert.Equal("transactional", first.Category);
        Assert.Equal("consent_required", (await Business(cluster, business).SendAsync(Command(isUnsaid: false, "other"))).Refusal?.Code);
        // The hash of a request takes what is not said for marketing: the message says what was meant.
        var again = await Business(cluster, business).SendAsync(Command(isUnsaid: true, "k"));
        Assert.Equal((first.Id, true), (again.Message!.Id, again.Replayed));
        Assert.Equal("idempotency_key_reused", (await Business(cluster, business).SendAsync(Command(isUnsaid: false, "k"))).Refusal?.Code);
    }

    [Fact]
    public async Task An_answer_to_help_is_held_to_no_limit_and_counted_in_none()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"monthlyMessageLimit": 1, "dailySegmentLimit": 1, "segmentsPerSecond": 0.1}""");
        var (one, other) = (await cluster.CustomerAsync(business, "+12125551234"), await cluster.CustomerAsync(business, "+12125551235"));

        // One goes at once, before anything is counted; the next waits for its slot and is claimed when the day is full.
        Assert.Null(await Business(cluster, business).AnswerHelpAsync(Guid.CreateVersion7(), one, "en"));
        var message = (await cluster.SendAsync(business, one, category: "transactional")).Message!;
        Assert.Equal("monthly_limit_reached", (await cluster.SendAsync(business, one, category: "transactional")).Refusal?.Code);
        var answer = Guid.CreateVersion7();
        Assert.Null(await Business(cluster, business).AnswerHelpAsync(answer, other, "en"));
        Assert.Equal("rate_limit", (await cluster.GetAsync(business, answer)).Retry?.Reason);

        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
        await cluster.UntilAsync(business, answer, m => m.Status == "sent");
        Assert.Equal(3, cluster.Provider.Requests.Count);
        Assert.Equal("day 1 1, month 1 1", await cluster.Database.ScalarAsync<string>(
            "select string_agg(concat_ws(' ', period, messages, segments), ', ' order by period) from sms.usage where business_id = $1", business));
    }

    private static Task<BusinessReply> ChangeAsync(SmsCluster cluster, Guid business, string settings) =>
        Business(cluster, business).ChangeAsync(new ChangeBusiness(null, null, settings, ByAdmin: true, "admin"));

    private static IBusinessGrain Business(SmsCluster cluster, Guid id) => cluster.Grains.GetGrain<IBusinessGrain>(id);
}
