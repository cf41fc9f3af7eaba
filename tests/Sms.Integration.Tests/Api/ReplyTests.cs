using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>What follows from what people answer.</summary>
public class ReplyTests(SharedSilo shared)
{

    [Theory]
    [InlineData("Take the bus to the next stop")]
    [InlineData("Don't stop")]
    [InlineData("See you this weekend")]
    [InlineData("non-stop!")]
    [InlineData("can you stop by at 5?")]
    [InlineData("cancel my appointment")]
    [InlineData("I quit smoking")]
    [InlineData("Quitman street")]
    [InlineData("start at 9")]
    [InlineData("yes")]
    [InlineData("sí")]
    [InlineData("")]
    public async Task Ordinary_replies_change_nothing(string body)
    {
        var (api, business, to, customer) = await CustomerAsync();
        Assert.Equal(200, (await new Webhooks(api).InboundAsync(to, body)).Status);
        Assert.Equal(202, (await business.SendAsync(new { to, body = "Offer" })).Status);
        Assert.Single(await LedgerAsync(api, business, customer));
    }

    [Theory]
    [InlineData("Stop. Thank you")]
    [InlineData("please stop texting me")]
    [InlineData("Arrêt svp")]
    [InlineData("¡Baja!")]
    [InlineData("ＳＴＯＰ 🛑")]
    [InlineData("sorry, wrong number")]
    public async Task Revocations_hold_at_once_for_everything(string body)
    {
        var (api, business, to, customer) = await CustomerAsync();
        await new Webhooks(api).InboundAsync(to, body);
        foreach (var category in new[] { "marketing", "transactional", "otp" })
            Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category })).Code);
        var last = (await LedgerAsync(api, business, customer))[^1]!;
        Assert.Equal(("opted_out", "sms_keyword", "recipient", to), (
            last["status"]!.GetValue<string>(), last["method"]!.GetValue<string>(), last["actor"]!.GetValue<string>(), last["phone"]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_reply_that_may_be_a_revocation_holds_marketing_until_the_business_settles_it()
    {
        var (api, business, to, customer) = await CustomerAsync();
        var waiting = await business.SendAsync(new { customerId = customer, body = "Offer", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        Assert.Equal(202, waiting.Status);
        await new Webhooks(api).InboundAsync(to, "We have got to STOP this terrible bill");

        Assert.Equal("consent_under_review", (await business.SendAsync(new { to, body = "Offer" })).Code);
        Assert.Equal(202, (await business.SendAsync(new { to, body = "Your order", category = "transactional" })).Status);
        var entry = (await LedgerAsync(api, business, customer))[^1]!;
        Assert.Equal("under_review", (await business.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["status"]!.GetValue<string>());
        Assert.Equal(("under_review", "STOP", "We have got to STOP this terrible bill"), (
            entry["status"]!.GetValue<string>(), entry["source"]!.GetValue<string>(), entry["notes"]!.GetValue<string>()));
        // A form that says yes again is no verdict on the reply.
        await business.PostAsync("/customers", new { phone = to, smsConsent = new { status = "opted_in", method = "website_form", source = "x" } });
        Assert.Equal("consent_under_review", (await business.SendAsync(new { to, body = "Offer" })).Code);
        // What was accepted before the reply fails when it is due.
        await business.MakeDueAsync(waiting.Id);
        var failed = await business.WhenAsync(waiting.Id, m => m.MessageStatus == "failed");
        Assert.Equal("consent_under_review", failed.Json!["error"]!["class"]!.GetValue<string>());

        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "phone_call", source = "we called" });
        Assert.Equal(202, (await business.SendAsync(new { to, body = "Offer" })).Status);
    }

    [Fact]
    public async Task A_long_revocation_is_heard_wherever_it_must_be_cut()
    {
        var (api, business, to, customer) = await CustomerAsync();
        var text = "please stop texting me " + new string('x', 1576) + "😀 and more";
        Assert.True(char.IsHighSurrogate(text[1599]));
        Assert.Equal(200, (await new Webhooks(api).InboundAsync(to, text)).Status);
        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi" })).Code);
        Assert.Equal(text[..1599], (await LedgerAsync(api, business, customer))[^1]!["notes"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_decision_names_the_entry_of_the_ledger_in_force_when_it_was_taken()
    {
        var (api, business, to, customer) = await CustomerAsync();
        var now = await business.SendAsync(new { to, body = "Offer" });
        var waits = await business.SendAsync(new { to, body = "Offer", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "phone_call", source = "asked again" });
        await api.Database.ExecuteAsync("update send_logs set send_at = now() where id = $1", waits.Id);
        await business.MakeDueAsync(waits.Id);
        await business.WhenSentAsync(waits.Id);

        var ledger = (await LedgerAsync(api, business, customer)).Select(e => e!["id"]!.GetValue<Guid>()).ToList();
        Assert.Equal(ledger[0], now.Json!["decision"]!["consentId"]!.GetValue<Guid>());
        Assert.Equal(ledger[0], (await business.MessageAsync(now.Id)).Json!["decision"]!["consentId"]!.GetValue<Guid>());
        Assert.Equal(ledger[1], (await business.MessageAsync(waits.Id)).Json!["decision"]!["consentId"]!.GetValue<Guid>());
    }

    [Theory]
    [InlineData("unknown", "consent_required")]
    [InlineData("opted_out", null)]
    public async Task Consent_that_is_withdrawn_before_the_send_stops_it(string status, string? failure)
    {
        var (api, business, _, customer) = await CustomerAsync();
        var waiting = await business.SendAsync(new { customerId = customer, body = "Offer", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        await business.PostAsync($"/customers/{customer}/consent", new { status, method = "phone_call", source = "desk" });
        if (failure is null)
        {
            Assert.Equal("cancelled", (await business.MessageAsync(waiting.Id)).MessageStatus);
            return;
        }

        await business.MakeDueAsync(waiting.Id);
        var ended = await business.WhenAsync(waiting.Id, m => m.MessageStatus != "pending");
        Assert.Equal(("failed", failure), (ended.MessageStatus, ended.Json!["error"]!["class"]!.GetValue<string>()));
        Assert.Equal(0, ended.AttemptCount);
    }

    [Fact]
    public async Task Who_lifts_a_stop_lifts_it_for_itself()
    {
        var (api, business, to, customer) = await CustomerAsync();
        var stranger = await api.NewBusinessAsync(new { requireConsent = false });
        async Task<string?> TryAsync(TestBusiness by) => (await by.SendAsync(new { to, body = "Hi", category = "transactional" })).Code;

        var twilio = new Webhooks(api);
        await twilio.InboundAsync(to, "STOP");
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/{to}", null, business.Key)).Status);
        Assert.Equal(404, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/{to}", null, business.Key)).Status);
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "phone_call", source = "desk" });
        Assert.Null(await TryAsync(business));
        // It knew nobody with that number, and has no entry of its own.
        Assert.Equal("opted_out", await TryAsync(stranger));

        await twilio.InboundAsync(to, "STOP");
        Assert.Equal("opted_out", await TryAsync(business));
    }

    [Fact]
    public async Task Start_lifts_what_a_keyword_did_and_nothing_else()
    {
        var (api, business, to, customer) = await CustomerAsync();
        var twilio = new Webhooks(api);
        async Task<string?> TryAsync() => (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code;

        await twilio.InboundAsync(to, "please stop texting me");
        await twilio.InboundAsync(to, "yes, see you");
        Assert.Equal("opted_out", await TryAsync());
        await twilio.InboundAsync(to, "Sí");
        Assert.Null(await TryAsync());
        Assert.Equal("opted_in", (await LedgerAsync(api, business, customer))[^1]!["status"]!.GetValue<string>());

        // The business's own entry, and a withdrawal in another way.
        await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{to}", ApiClient.Json("""{"reason": "complained"}"""), business.Key);
        await twilio.InboundAsync(to, "STOP");
        await twilio.InboundAsync(to, "START");
        Assert.Equal("opted_out", await TryAsync());
        await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/{to}", null, business.Key);
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_out", method = "phone_call", source = "desk" });
        await twilio.InboundAsync(to, "UNSTOP");
        Assert.Equal("opted_out", await TryAsync());
        // A bad number is one, whoever wrote from it.
        var bad = api.NewNumber();
        await api.Database.ExecuteAsync("insert into sms.suppressions (business_id, phone, kind, source, created_at) values ($1, $2, 'unreachable', 'provider', now())", business.Id, bad);
        await twilio.InboundAsync(bad, "START");
        Assert.Equal("recipient_unreachable", (await business.SendAsync(new { to = bad, body = "Hi", category = "transactional" })).Code);
    }

    [Fact]
    public async Task A_refusal_of_the_provider_for_an_opt_out_holds_until_start()
    {
        var (api, business, to, _) = await CustomerAsync();
        await api.FaultAsync(to, "refuse", code: 21610);
        await business.WhenAsync(await business.SendTransactionalAsync(to), m => m.MessageStatus == "failed");

        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
        var entry = Assert.Single((await business.GetAsync("/opt-outs")).Json!["data"]!.AsArray())!;
        Assert.Equal((to, "provider"), (entry["phone"]!.GetValue<string>(), entry["source"]!.GetValue<string>()));
        await new Webhooks(api).InboundAsync(to, "START");
        Assert.Equal(202, (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Status);
    }

    [Fact]
    public async Task A_carriers_block_told_by_a_callback_is_an_opt_out_too()
    {
        var (api, business, to, _) = await CustomerAsync();
        var message = await business.SendTransactionalAsync(to);
        var sent = await business.WhenSentAsync(message);
        var attempt = (await business.EventsAsync(message))
            .Single(e => e!["type"]!.GetValue<string>() == "attempt_started")!["attempt"]!.GetValue<Guid>();
        await new Webhooks(api).StatusAsync(attempt, sent.Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>(), "undelivered", 30004);
        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
    }

    [Fact]
    public async Task One_business_takes_a_number_off_its_own_list_only()
    {
        var (api, business, to, _) = await CustomerAsync();
        var other = await api.NewBusinessAsync();
        await other.NewCustomerAsync(to);
        await new Webhooks(api).InboundAsync(to, "STOP");

        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/{to}", null, business.Key)).Status);

        Assert.Equal("opted_out", (await other.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
        await new Webhooks(api).InboundAsync(to, "START");
        Assert.Equal(202, (await other.SendAsync(new { to, body = "Hi", category = "transactional" })).Status);
    }

    [Fact]
    public async Task Help_is_answered_once_at_any_hour_by_who_texted_last()
    {
        var api = await shared.GetAsync();
        var (first, last) = (await api.NewBusinessAsync(), await api.NewBusinessAsync(new { requireConsent = false, helpText = "Acme: call 555-0100. STOP ends this." }));
        var to = api.NewNumber();
        // It is night where the customer lives.
        await first.NewCustomerAsync(to, Hours.Night);
        await last.NewCustomerAsync(to, Hours.Night);
        await first.WhenSentAsync(await first.SendTransactionalAsync(to, "one"));
        await last.WhenSentAsync(await last.SendTransactionalAsync(to, "two"));
        var twilio = new Webhooks(api);
        var sid = $"SM{Guid.NewGuid():N}";

        var reply = await twilio.InboundAsync(to, "Help, please", sid);
        await twilio.InboundAsync(to, "Help, please", sid);
        // The provider answered this one.
        await twilio.InboundAsync(to, "HELP", optOutType: "HELP");

        Assert.DoesNotContain("Message", reply.Text, StringComparison.Ordinal);
        await UntilAsync(async () => (await api.LedgerAsync(to)).Count >= 3);
        await first.WhenSentAsync(await first.SendTransactionalAsync(to, "four"));
        Assert.Equal(["one", "two", "Acme: call 555-0100. STOP ends this.", "four"], (await api.LedgerAsync(to)).Select(m => m!["body"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Through_a_messaging_service_a_reply_is_heard_by_all_who_send_by_it_and_nobody_else()
    {
        const string Number = "+15005550123";
        var api = await shared.GetAsync();
        var services = new[] { $"MG{Guid.NewGuid():N}", $"MG{Guid.NewGuid():N}" };
        Task<TestBusiness> NewAsync(object sender) => api.NewBusinessAsync(new { requireConsent = false, sender, helpText = "Ask at the desk." });
        var (one, other) = (await NewAsync(new { messagingServiceSid = services[0] }), await NewAsync(new { messagingServiceSid = services[0] }));
        var (elsewhere, byDefault) = (await NewAsync(new { messagingServiceSid = services[1] }), await api.NewBusinessAsync());
        var to = api.NewNumber();
        var customer = await one.NewCustomerAsync(to);
        var waiting = await one.SendAsync(new { customerId = customer, body = "later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        await other.WhenSentAsync(await other.SendTransactionalAsync(to, "one"));
        await elsewhere.WhenSentAsync(await elsewhere.SendTransactionalAsync(to, "two"));
        var twilio = new Webhooks(api);
        Task<Reply> HearAsync(string text) => twilio.InboundAsync(to, text, to: Number, service: services[0]);
        async Task<string?[]> TryAllAsync() =>
            [.. (await Task.WhenAll(new[] { one, other, elsewhere, byDefault }.Select(b => b.SendAsync(new { to, body = "Hi", category = "otp", sendAt = TimeProvider.System.GetUtcNow().AddMinutes(5) })))).Select(r => r.Code)];

        // Of those who send by it, the one that texted last answers.
        await HearAsync("HELP");
        await UntilAsync(async () => (await api.LedgerAsync(to)).Count == 3);
        Assert.Equal("Ask at the desk.", (await other.GetAsync("/messages")).Json!["data"]![0]!["body"]!.GetValue<string>());
        await HearAsync("STOP");
        Assert.Equal(["opted_out", "opted_out", null, null], await TryAllAsync());
        Assert.Equal("cancelled", (await one.MessageAsync(waiting.Id)).MessageStatus);
        Assert.Equal(to, Assert.Single((await one.GetAsync("/opt-outs")).Json!["data"]!.AsArray())!["phone"]!.GetValue<string>());
        Assert.Equal("opted_out", (await one.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["status"]!.GetValue<string>());
        // What another service hears lifts nothing here.
        await twilio.InboundAsync(to, "START", to: Number, service: services[1]);
        Assert.Equal(["opted_out", "opted_out", null, null], await TryAllAsync());
        await HearAsync("START");
        Assert.Equal([null, null, null, null], await TryAllAsync());
    }

    [Theory]
    [InlineData("INFO", "Acme: reply STOP")]
    [InlineData("ayuda", "Acme: responda STOP")]
    [InlineData("Aide", "Acme: répondez STOP")]
    public async Task Help_has_an_answer_in_three_languages(string word, string answer)
    {
        var (api, business, to, _) = await CustomerAsync();
        await new Webhooks(api).InboundAsync(to, word);
        await UntilAsync(async () => (await api.LedgerAsync(to)).Count == 1);
        Assert.StartsWith(answer, (await api.LedgerAsync(to))[0]!["body"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Single((await business.GetAsync("/messages")).Json!["data"]!.AsArray());
    }

    [Fact]
    public async Task Who_opted_out_or_was_never_texted_gets_no_answer()
    {
        var (api, business, to, _) = await CustomerAsync();
        var twilio = new Webhooks(api);
        await twilio.InboundAsync(to, "STOP");
        Assert.Equal(200, (await twilio.InboundAsync(to, "HELP")).Status);
        Assert.Equal(200, (await twilio.InboundAsync(api.NewNumber(), "HELP")).Status);
        Assert.Empty((await business.GetAsync("/messages")).Json!["data"]!.AsArray());
    }

    private async Task<(RunningApi Api, TestBusiness Business, string To, Guid Customer)> CustomerAsync()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = true });
        var to = api.NewNumber();
        return (api, business, to, await business.NewCustomerAsync(to, Hours.Noon));
    }

    /// <summary>A reply binds at once; its entry follows.</summary>
    private static async Task<JsonArray> LedgerAsync(RunningApi api, TestBusiness business, Guid customer)
    {
        await UntilAsync(async () => await api.Database.ScalarAsync<long>(
            "select count(*) from sms.unfinished_opt_outs u where u.phone = (select c.phone_e164 from customers c where c.id = $1)", customer) == 0);
        return (await business.GetAsync($"/customers/{customer}/consent")).Json!["data"]!.AsArray();
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(TestBusiness.Patience);
        while (!await condition())
            await Task.Delay(20, deadline.Token);
    }
}
