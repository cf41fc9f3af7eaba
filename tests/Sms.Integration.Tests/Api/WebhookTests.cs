using System.Text;
using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>What Twilio tells: unordered, repeated, early, forged, of messages nobody knows.</summary>
public class WebhookTests(SharedSilo shared)
{
    [Fact]
    public async Task Status_moves_forward_only_and_the_first_end_stays()
    {
        var (api, business, message, attempt, sid) = await SentAsync();
        var twilio = new Webhooks(api);

        Assert.Equal(204, (await twilio.StatusAsync(attempt, sid, "delivered")).Status);
        var delivered = await business.MessageAsync(message);
        Assert.Equal("delivered", delivered.MessageStatus);
        Assert.NotNull(delivered.Json!["deliveredAt"]);

        foreach (var (status, code) in new[] { ("sent", (int?)null), ("queued", null), ("undelivered", 30003), ("delivered", null) })
            Assert.Equal(204, (await twilio.StatusAsync(attempt, sid, status, code)).Status);
        var after = await business.MessageAsync(message);
        Assert.Equal("delivered", after.MessageStatus);
        Assert.Null(after.Json!["error"]);
        Assert.Equal(delivered.Json["deliveredAt"]!.GetValue<string>(), after.Json["deliveredAt"]!.GetValue<string>());

        var reports = (await EventsAsync(business, message)).Where(e => e["type"]!.GetValue<string>() == "status").ToList();
        Assert.Equal(["delivered", "queued", "sent", "undelivered"], reports.Select(e => e["status"]!.GetValue<string>()).Order());
        Assert.True(reports.Single(e => e["status"]!.GetValue<string>() == "undelivered")["conflict"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Undelivered_fails_the_message_with_its_code_and_it_is_not_sent_again()
    {
        var (api, business, message, attempt, sid) = await SentAsync();
        await new Webhooks(api).StatusAsync(attempt, sid, "undelivered", 30005);

        var failed = await business.MessageAsync(message);
        Assert.Equal(("failed", 30005, "bad_number"), (
            failed.MessageStatus, failed.Json!["error"]!["code"]!.GetValue<int>(), failed.Json["error"]!["class"]!.GetValue<string>()));
        Assert.Null(failed.Json["retry"]);
        // The number is known to be bad from now on.
        var again = await business.SendAsync(new { to = failed.Json["to"]!.GetValue<string>(), body = "Hi", category = "transactional" });
        Assert.Equal("recipient_unreachable", again.Code);
    }

    [Fact]
    public async Task Callback_settles_an_attempt_whose_outcome_was_unknown()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "error_after_accepting");
        var message = await business.SendTransactionalAsync(to);
        var unknown = await business.WhenAsync(message, m => m.Json!["attempt"]?["state"]?.GetValue<string>() == "unknown");
        var sid = (await api.LedgerAsync(to))[0]!["sid"]!.GetValue<string>();

        await new Webhooks(api).StatusAsync(unknown.Json!["attempt"]!["id"]!.GetValue<Guid>(), sid, "sent");

        var sent = await business.MessageAsync(message);
        Assert.Equal(("sent", sid), (sent.MessageStatus, sent.Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>()));
        Assert.Null(sent.Json["attempt"]);
        Assert.Equal(0, await api.Database.ScalarAsync<long>(
            "select count(*) from sms_retry_queue where send_log_id = $1 and status in ('pending', 'processing')", message));
    }

    [Fact]
    public async Task Callback_before_the_create_reply_is_kept()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "hang_after_accepting");
        var message = await business.SendTransactionalAsync(to);
        var open = await business.WhenAsync(message, m => m.Json!["attempt"]?["state"]?.GetValue<string>() == "open");
        while ((await api.LedgerAsync(to)).Count == 0)
            await Task.Yield();
        var sid = (await api.LedgerAsync(to))[0]!["sid"]!.GetValue<string>();

        await new Webhooks(api).StatusAsync(open.Json!["attempt"]!["id"]!.GetValue<Guid>(), sid, "delivered");
        Assert.Equal("delivered", (await business.MessageAsync(message)).MessageStatus);
    }

    [Fact]
    public async Task Forged_and_unsigned_webhooks_change_nothing()
    {
        var (api, business, message, attempt, sid) = await SentAsync();
        var twilio = new Webhooks(api);
        var path = $"/webhooks/twilio/status?attempt={attempt}";
        var form = new Dictionary<string, string>(StringComparer.Ordinal) { ["MessageSid"] = sid, ["MessageStatus"] = "delivered" };

        Assert.Equal(403, (await twilio.PostAsync(path, form, token: null)).Status);
        Assert.Equal(403, (await twilio.PostAsync(path, form, token: "another")).Status);
        Assert.Equal(403, (await twilio.PostAsync(path, form, "simulator", signedUrl: "http://127.0.0.1/webhooks/twilio/status")).Status);
        // The signature covers the query: another attempt's id does not fit it.
        Assert.Equal(403, (await twilio.PostAsync(path, form, "simulator", Webhooks.PublicUrl + $"/webhooks/twilio/status?attempt={Guid.NewGuid()}")).Status);
        Assert.Equal(403, (await twilio.PostAsync("/webhooks/twilio/inbound", new(StringComparer.Ordinal) { ["Body"] = "STOP" }, token: null)).Status);

        Assert.Equal("sent", (await business.MessageAsync(message)).MessageStatus);
    }

    [Fact]
    public async Task An_odd_form_is_no_fault()
    {
        var api = await shared.GetAsync();
        var twilio = new Webhooks(api);
        const string Form = "application/x-www-form-urlencoded";
        const string Status = "/webhooks/twilio/status";
        var sid = $"SM{Guid.NewGuid():N}";
        (string, string)[] sent = [("MessageSid", sid), ("MessageStatus", "sent")];
        Task<Reply> PostAsync(string body, params (string, string)[] signed) => twilio.PostRawAsync(Status, Encoding.UTF8.GetBytes(body), Form, signed);

        // Signed as it is: whatever it holds, it is the provider's.
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent", sent)).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&&MessageStatus=sent&", sent)).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&Empty=&Bare", [.. sent, ("Empty", ""), ("Bare", "")])).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&a=%ZZ&b=%", [.. sent, ("a", "%ZZ"), ("b", "%")])).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&a=%FF", [.. sent, ("a", "\ufffd")])).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&a=%00", [.. sent, ("a", "\0")])).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid=%00&MessageStatus=sent", ("MessageSid", "\0"), ("MessageStatus", "sent"))).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=failed&ErrorCode=99999999999", [sent[0], ("MessageStatus", "failed"), ("ErrorCode", "99999999999")])).Status);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=failed&ErrorCode=-1", [sent[0], ("MessageStatus", "failed"), ("ErrorCode", "-1")])).Status);
        var many = Enumerable.Range(0, 198).Select(n => ($"k{n:D4}", "v")).ToArray();
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&{string.Join('&', many.Select(p => $"{p.Item1}=v"))}", [.. sent, .. many])).Status);
        var longKey = new string('k', 5000);
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&{longKey}=1", [.. sent, (longKey, "1")])).Status);
        // A name that comes twice is signed with both values.
        Assert.Equal(204, (await PostAsync($"MessageSid={sid}&MessageStatus=sent&MessageStatus=delivered", sent[0], ("MessageStatus", "deliveredMessageStatussent"))).Status);

        // The provider's, but it says nothing that can be done.
        foreach (var (body, signed) in new (string, (string, string)[])[]
        {
            ("", []), ("MessageStatus=", [("MessageStatus", "")]), ("MessageStatus=%00", [("MessageStatus", "\0")]),
            ($"MessageStatus={new string('x', 50_000)}", [("MessageStatus", new string('x', 50_000))]),
        })
        {
            Assert.Equal((422, "validation_failed"), Shape(await PostAsync(body, signed)));
        }

        // At the longest that is read, and beyond it; and with a parameter too many.
        var longest = new string('x', (64 * 1024) - 2);
        Assert.Equal((422, "validation_failed"), Shape(await PostAsync($"a={longest}", ("a", longest))));
        foreach (var length in new[] { longest.Length + 1, 1024 * 1024 })
            Assert.Equal((413, "payload_too_large"), Shape(await PostAsync($"a={new string('x', length)}", ("a", new string('x', length)))));
        Assert.Equal((413, "payload_too_large"), Shape(await PostAsync($"MessageSid={sid}&MessageStatus=sent&{string.Join('&', many.Select(p => $"{p.Item1}=v"))}&one=more", [.. sent, .. many, ("one", "more")])));
        Assert.Equal((413, "payload_too_large"), Shape(await PostAsync(new string('&', 1000))));
        // No form of the provider's.
        foreach (var type in new[] { "application/json", "multipart/form-data", "multipart/form-data; boundary=x", "nonsense", "", null })
            Assert.Equal((403, "invalid_signature"), Shape(await twilio.PostRawAsync(Status, "MessageStatus=sent"u8.ToArray(), type)));
        Assert.Equal((403, "invalid_signature"), Shape(await twilio.PostRawAsync(Status, [0xFF, 0x00, 0x3D, 0xC0], $"{Form}; charset=utf-7")));
    }

    [Fact]
    public async Task A_stop_with_an_odd_character_is_heard()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await business.NewCustomerAsync(to);
        Assert.Equal(200, (await new Webhooks(api).InboundAsync(to, "STOP\0")).Status);
        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
    }

    [Fact]
    public async Task Callback_for_an_unknown_message_is_taken_so_that_it_is_not_repeated_for_ever()
    {
        var api = await shared.GetAsync();
        Assert.Equal(204, (await new Webhooks(api).StatusAsync(Guid.NewGuid(), $"SM{Guid.NewGuid():N}", "delivered")).Status);
        Assert.Matches("\nsms_callbacks_total\\{outcome=\"unknown\"\\} [1-9]", (await api.Client.GetAsync("/metrics")).Text);
    }

    [Fact]
    public async Task Word_that_is_new_to_us_moves_nothing()
    {
        var (api, business, message, attempt, sid) = await SentAsync();
        Assert.Equal(204, (await new Webhooks(api).StatusAsync(attempt, sid, "teleported")).Status);
        Assert.Equal("sent", (await business.MessageAsync(message)).MessageStatus);
    }

    [Fact]
    public async Task Stop_opts_out_at_every_business_of_the_sender_and_ends_what_waits_there()
    {
        var api = await shared.GetAsync();
        var (one, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var apart = await api.NewBusinessAsync(new { requireConsent = false, sender = new { from = "+15005559999" } });
        var to = api.NewNumber();
        var customer = await one.NewCustomerAsync(to);
        var waiting = await one.SendAsync(new { customerId = customer, body = "later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        var elsewhere = await apart.SendAsync(new { to, body = "later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        var twilio = new Webhooks(api);

        var reply = await twilio.InboundAsync(to, " stop ", sid: "SM" + new string('a', 32) + to);
        Assert.Equal((200, "text/xml"), (reply.Status, reply.ContentType));
        Assert.Contains("<Response", reply.Text, StringComparison.Ordinal);

        Assert.Equal("cancelled", (await one.MessageAsync(waiting.Id)).MessageStatus);
        foreach (var business in new[] { one, other })
        {
            foreach (var category in new[] { "marketing", "transactional", "otp" })
                Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category })).Code);
        }

        // Another sender is another conversation.
        Assert.Equal("pending", (await apart.MessageAsync(elsewhere.Id)).MessageStatus);
        Assert.Equal(202, (await apart.SendAsync(new { to, body = "Hi", category = "transactional" })).Status);

        var ledger = (await one.GetAsync($"/customers/{customer}/consent")).Json!["data"]!.AsArray();
        Assert.Equal(("opted_out", "sms_keyword"), (ledger[^1]!["status"]!.GetValue<string>(), ledger[^1]!["method"]!.GetValue<string>()));
        Assert.Equal(to, (await one.GetAsync("/opt-outs")).Json!["data"]![0]!["phone"]!.GetValue<string>());
        // It is no customer of the other business: nothing to see there.
        Assert.Empty((await other.GetAsync("/opt-outs")).Json!["data"]!.AsArray());

        // The same webhook again, after a START: it came before.
        await twilio.InboundAsync(to, "START");
        await twilio.InboundAsync(to, "stop", sid: "SM" + new string('a', 32) + to);
        Assert.Equal(202, (await one.SendAsync(new { to, body = "Hi", category = "transactional" })).Status);
        Assert.Equal("opted_in", (await one.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_providers_own_verdict_counts_whatever_the_text_says()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await business.NewCustomerAsync(to);
        await new Webhooks(api).InboundAsync(to, "pas la peine", optOutType: "STOP");
        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
    }

    private async Task<(RunningApi Api, TestBusiness Business, Guid Message, Guid Attempt, string Sid)> SentAsync()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var message = await business.SendTransactionalAsync(api.NewNumber());
        var sent = await business.WhenSentAsync(message);
        var attempt = (await EventsAsync(business, message)).Single(e => e["type"]!.GetValue<string>() == "attempt_started")["attempt"]!.GetValue<Guid>();
        return (api, business, message, attempt, sent.Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>());
    }

    private static (int, string?) Shape(Reply reply) => (reply.Status, reply.Code);

    private static async Task<List<JsonObject>> EventsAsync(TestBusiness business, Guid message) =>
        [.. (await business.EventsAsync(message)).Select(e => e!.AsObject())];
}
