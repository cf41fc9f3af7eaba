using System.Text.Json.Nodes;
using Sms.Integration.Tests.Postgres;

namespace Sms.Integration.Tests.Api;

/// <summary>Consent and withdrawal belong to the number that was called, not to the record of a person.</summary>
public class NumberLawTests(SharedSilo shared)
{
    private static readonly string[] Categories = ["marketing", "transactional", "otp"];

    [Theory]
    [InlineData("ledger")]
    [InlineData("text")]
    [InlineData("list")]
    [InlineData("sql")]
    [InlineData("customer")]
    public async Task A_withdrawal_through_one_record_binds_every_record_of_the_number(string way)
    {
        var (api, business, phone, first) = await CustomerAsync();
        // As the e-mail product writes it; read as a number it is the first one's.
        var second = await OtherRecordAsync(api, business, phone);

        await (way switch
        {
            "ledger" => business.PostAsync($"/customers/{second}/consent", new { status = "opted_out", method = "phone_call", source = "asked by phone" }),
            "text" => new Webhooks(api).InboundAsync(phone, "STOP"),
            "list" => api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{phone}", null, business.Key),
            "customer" => business.PostAsync("/customers", new { phone, smsConsent = new { status = "opted_out", method = "other", source = "x" } }),
            _ => WithSqlAsync(api, second),
        });

        foreach (var category in Categories)
        {
            Assert.Equal("opted_out", (await business.SendAsync(new { customerId = first, body = "Hi", category })).Code);
            Assert.Equal("opted_out", (await business.SendAsync(new { customerId = second, body = "Hi", category })).Code);
            Assert.Equal("opted_out", (await business.SendAsync(new { to = phone, body = "Hi", category })).Code);
        }

        Assert.Contains(phone, (await business.GetAsync("/opt-outs?limit=200")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_withdrawal_through_a_record_that_nobody_has_read_yet_binds_its_number()
    {
        var (api, business, phone, first) = await CustomerAsync();
        var second = await OtherRecordAsync(api, business, phone, isRead: false);
        Assert.Equal(201, (await business.PostAsync($"/customers/{second}/consent", new { status = "opted_out", method = "phone_call", source = "asked" })).Status);
        Assert.Equal("opted_out", (await business.SendAsync(new { customerId = first, body = "Hi" })).Code);
    }

    [Theory]
    [InlineData("opted_in", "marketing", "consent_required")]
    [InlineData("opted_in", "transactional", null)]
    [InlineData("unknown", "marketing", "consent_required")]
    [InlineData("opted_out", "marketing", "opted_out")]
    [InlineData("opted_out", "transactional", "opted_out")]
    [InlineData("under_review", "marketing", "consent_under_review")]
    [InlineData("under_review", "transactional", null)]
    public async Task Consent_stays_with_the_number_and_a_withdrawal_with_the_person_too(string status, string category, string? refusal)
    {
        var (api, business, old, customer) = await CustomerAsync(status is "under_review" ? "opted_in" : status);
        if (status == "under_review")
            await new Webhooks(api).InboundAsync(old, "We have got to STOP this terrible bill");
        var next = api.NewNumber();

        var changed = await ChangeAsync(api, business, customer, new { phone = next });

        Assert.Equal(200, changed.Status);
        Assert.Equal(status is "opted_in" ? "unknown" : status, changed.Json!["smsConsent"]!["status"]!.GetValue<string>());
        Assert.Equal(refusal, (await business.SendAsync(new { customerId = customer, body = "Hi", category })).Code);
        Assert.Equal(refusal, (await business.SendAsync(new { to = next, body = "Hi", category })).Code);
        // The old number is somebody else's now; what was withdrawn for it stays withdrawn.
        var stays = status is "opted_in" or "unknown" ? category == "marketing" ? "consent_required" : null : refusal;
        Assert.Equal(stays, (await business.SendAsync(new { to = old, body = "Hi", category })).Code);
    }

    [Fact]
    public async Task The_same_number_in_another_spelling_changes_nothing()
    {
        var (api, business, phone, customer) = await CustomerAsync();
        var changed = await ChangeAsync(api, business, customer, new { phone = $"({phone[2..5]}) {phone[5..8]}-{phone[8..]}" });
        Assert.Equal("opted_in", changed.Json!["smsConsent"]!["status"]!.GetValue<string>());
        Assert.Equal(202, (await business.SendAsync(new { customerId = customer, body = "Hi" })).Status);
        Assert.Single((await business.GetAsync($"/customers/{customer}/consent")).Json!["data"]!.AsArray());
    }

    [Fact]
    public async Task Consent_that_is_given_with_the_change_is_for_the_new_number()
    {
        var (api, business, _, customer) = await CustomerAsync();
        var next = api.NewNumber();
        var changed = await ChangeAsync(api, business, customer, new { phone = next, smsConsent = new { status = "opted_in", method = "phone_call", source = "she called" } });

        Assert.Equal("opted_in", changed.Json!["smsConsent"]!["status"]!.GetValue<string>());
        Assert.Equal(202, (await business.SendAsync(new { customerId = customer, body = "Hi" })).Status);
        var last = (await business.GetAsync($"/customers/{customer}/consent")).Json!["data"]!.AsArray()[^1]!;
        Assert.Equal((next, "opted_in"), (last["phone"]!.GetValue<string>(), last["status"]!.GetValue<string>()));
        Assert.StartsWith("key ", last["actor"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_that_others_change_takes_no_consent_along_either()
    {
        var (api, business, _, customer) = await CustomerAsync();
        var next = api.NewNumber();
        await api.Database.ExecuteAsync("update customers set phone = $2 where id = $1", customer, $"({next[2..5]}) {next[5..8]}-{next[8..]}");
        Assert.Equal("consent_required", (await business.SendAsync(new { customerId = customer, body = "Hi" })).Code);
        await Eventually.TrueAsync(async () => (await business.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["status"]!.GetValue<string>() == "unknown");
        Assert.Equal(next, (await business.GetAsync($"/customers/{customer}")).Json!["phone"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("patch")]
    [InlineData("sql")]
    public async Task What_waits_for_a_customer_goes_to_the_number_it_has_then_and_what_is_for_a_number_stays(string way)
    {
        var (api, business, old, customer) = await CustomerAsync();
        var later = TimeProvider.System.GetUtcNow().AddHours(1);
        var byCustomer = (await business.SendAsync(new { customerId = customer, body = "by id", category = "transactional", sendAt = later })).Id;
        var byNumber = (await business.SendAsync(new { to = old, body = "by number", category = "transactional", sendAt = later })).Id;
        var offer = (await business.SendAsync(new { to = old, body = "offer", sendAt = later })).Id;
        var next = api.NewNumber();

        if (way == "patch")
            await ChangeAsync(api, business, customer, new { phone = next });
        else
            await api.Database.ExecuteAsync("update customers set phone = $2 where id = $1", customer, next[2..]);
        foreach (var message in new[] { byCustomer, byNumber, offer })
        {
            await api.Database.ExecuteAsync("update send_logs set send_at = now() where id = $1", message);
            await business.MakeDueAsync(message);
        }

        Assert.Equal(next, (await business.WhenSentAsync(byCustomer)).Json!["to"]!.GetValue<string>());
        Assert.Equal(old, (await business.WhenSentAsync(byNumber)).Json!["to"]!.GetValue<string>());
        Assert.Equal(old, (await business.WhenSentAsync(offer)).Json!["to"]!.GetValue<string>());
        Assert.Equal("by id", Assert.Single(await api.LedgerAsync(next))!["body"]!.GetValue<string>());
        Assert.Equal(2, (await api.LedgerAsync(old)).Count);
    }

    [Fact]
    public async Task Marketing_that_waits_without_consent_for_the_new_number_is_cancelled_with_the_reason()
    {
        var (api, business, _, customer) = await CustomerAsync();
        var offer = (await business.SendAsync(new { customerId = customer, body = "offer", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        await ChangeAsync(api, business, customer, new { phone = api.NewNumber() });
        var message = (await business.MessageAsync(offer)).Json!;
        Assert.Equal(("cancelled", "consent_required"), (message["status"]!.GetValue<string>(), message["error"]!["class"]!.GetValue<string>()));
        Assert.Equal("consent_required", (await business.EventsAsync(offer))[^1]!["reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_number_that_is_known_to_be_bad_is_seen_and_lifted()
    {
        var (api, business, phone, customer) = await CustomerAsync();
        var sent = (await business.SendAsync(new { customerId = customer, body = "Hi" })).Id;
        await business.WhenSentAsync(sent);
        await new Webhooks(api).StatusAsync(
            await api.Database.ScalarAsync<Guid>("select id from sms.attempts where message_id = $1", sent),
            (await business.MessageAsync(sent)).Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>(), "undelivered", 30005);
        Assert.Equal("recipient_unreachable", (await business.SendAsync(new { to = phone, body = "Hi" })).Code);

        var seen = Assert.Single(await SuppressionsAsync(business, "?kind=unreachable"))!;
        Assert.Equal((phone, "unreachable", "provider", 30005), (
            seen["phone"]!.GetValue<string>(), seen["kind"]!.GetValue<string>(), seen["source"]!.GetValue<string>(), seen["errorCode"]!.GetValue<int>()));
        Assert.Empty(await SuppressionsAsync(business, "?kind=opt_out"));
        Assert.Equal(404, (await LiftAsync(api, business, phone, "opt_out")).Status);
        Assert.Equal(204, (await LiftAsync(api, business, phone, "unreachable")).Status);
        Assert.Equal(404, (await LiftAsync(api, business, phone, "unreachable")).Status);
        Assert.Equal(202, (await business.SendAsync(new { to = phone, body = "Hi" })).Status);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("consent")]
    public async Task A_bad_number_from_which_somebody_is_heard_again_is_good(string way)
    {
        var (api, business, phone, customer) = await CustomerAsync();
        await api.Database.ExecuteAsync(
            "insert into sms.suppressions (business_id, phone, kind, source, created_at) values ($1, $2, 'unreachable', 'provider', now()), ($1, $2, 'opt_out', 'provider', now())", business.Id, phone);
        if (way == "text")
        {
            await new Webhooks(api).InboundAsync(phone, "START");
        }
        else
        {
            await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "phone_call", source = "she called" });
            await LiftAsync(api, business, phone, "opt_out");
        }

        Assert.Equal(202, (await business.SendAsync(new { to = phone, body = "Hi" })).Status);
    }

    [Fact]
    public async Task What_a_number_that_cannot_exist_said_can_be_lifted_too()
    {
        var (api, business, _, _) = await CustomerAsync();
        await new Webhooks(api).InboundAsync("+10000000017", "STOP");
        Assert.Equal(204, (await LiftAsync(api, business, "+10000000017", "opt_out")).Status);
        Assert.Equal(422, (await LiftAsync(api, business, "0000000017", "opt_out")).Status);
    }

    [Fact]
    public async Task Each_state_that_refuses_a_send_is_seen_by_a_call_and_ended_by_one()
    {
        var (api, business, phone, customer) = await CustomerAsync();
        var webhooks = new Webhooks(api);

        await webhooks.InboundAsync(phone, "We have got to STOP this terrible bill");
        Assert.Equal("consent_under_review", (await business.SendAsync(new { to = phone, body = "Hi" })).Code);
        Assert.Equal(phone, Assert.Single(await SuppressionsAsync(business, "?kind=under_review"))!["phone"]!.GetValue<string>());
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "phone_call", source = "asked" });
        Assert.Equal(202, (await business.SendAsync(new { to = phone, body = "Hi" })).Status);
        Assert.Empty(await SuppressionsAsync(business));

        // A stop to the sender of a number that is nobody's customer there.
        var stranger = api.NewNumber();
        await webhooks.InboundAsync(stranger, "STOP");
        Assert.Equal("opted_out", (await business.SendAsync(new { to = stranger, body = "Hi", category = "transactional" })).Code);
        Assert.Equal(204, (await LiftAsync(api, business, stranger, "opt_out")).Status);
        Assert.Equal(202, (await business.SendAsync(new { to = stranger, body = "Hi", category = "transactional" })).Status);

        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_out", method = "phone_call", source = "asked" });
        Assert.Equal("consent", Assert.Single(await SuppressionsAsync(business, "?kind=opt_out"))!["source"]!.GetValue<string>());
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "phone_call", source = "asked" });
        Assert.Equal(202, (await business.SendAsync(new { to = phone, body = "Hi" })).Status);

        Assert.Equal(422, (await business.GetAsync("/suppressions?kind=other")).Status);
        Assert.Equal(422, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/suppressions/{phone}", null, business.Key)).Status);
    }

    private static async Task<Reply> WithSqlAsync(RunningApi api, Guid customer)
    {
        await api.Database.ExecuteAsync("update customers set sms_consent_status = 'opted_out' where id = $1", customer);
        return await api.Client.GetAsync("/health/live");
    }

    private static async Task<JsonArray> SuppressionsAsync(TestBusiness business, string query = "") =>
        (await business.GetAsync($"/suppressions{query}")).Json!["data"]!.AsArray();

    private static Task<Reply> LiftAsync(RunningApi api, TestBusiness business, string phone, string kind) =>
        api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/suppressions/{phone}?kind={kind}", null, business.Key);

    private static Task<Reply> ChangeAsync(RunningApi api, TestBusiness business, Guid customer, object body) =>
        api.Client.PatchAsync($"{business.Path}/customers/{customer}", body, business.Key);

    private static async Task<Guid> OtherRecordAsync(RunningApi api, TestBusiness business, string phone, bool isRead = true)
    {
        var id = await api.Database.ScalarAsync<Guid>(
            "insert into customers (business_id, name, phone, sms_consent_status) values ($1, 'Other', $2, 'opted_in') returning id",
            business.Id, $"({phone[2..5]}) {phone[5..8]}-{phone[8..]}");
        if (isRead)
            await Eventually.TrueAsync(async () => await api.Database.ScalarAsync<string>("select phone_shared from customers where id = $1", id) == phone);
        return id;
    }

    private async Task<(RunningApi Api, TestBusiness Business, string Phone, Guid Customer)> CustomerAsync(string consent = "opted_in")
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { optOutFooter = "none" });
        var phone = api.NewNumber();
        return (api, business, phone, await business.NewCustomerAsync(phone, Hours.Noon, consent));
    }
}
