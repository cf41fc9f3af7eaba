using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>The admin says whom a business may send from and text, and how much; its own key decides within that.</summary>
public class AllowedTests(SharedSilo shared)
{
    private const string Theirs = "+15125550188";
    private static readonly string[] Categories = ["marketing", "transactional", "otp"];
    private static readonly string[] Russia = ["RU"];

    [Fact]
    public async Task A_business_key_sets_a_sender_that_the_admin_allows_and_no_other()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var refused = await business.PatchAsync(new { settings = new { sender = new { from = Theirs } } });
        Assert.Equal((422, "sender_not_allowed"), (refused.Status, refused.Code));
        Assert.Equal("settings.sender", Assert.Single(refused.Json!["errors"]!.AsObject()).Key);
        Assert.Null((await business.GetAsync()).Json!["settings"]!["sender"]);
        // The installation's own is everybody's.
        Assert.Equal(200, (await business.PatchAsync("""{"settings":{"sender":{"from":"+15005550006"}}}""")).Status);

        var allowed = await AdminAsync(api, business, new { allowedSenders = new object[] { new { from = Theirs }, new { messagingServiceSid = $"MG{new string('a', 32)}" } } });
        Assert.Equal(200, allowed.Status);
        foreach (var sender in new object?[] { new { from = Theirs }, new { messagingServiceSid = $"MG{new string('a', 32)}" }, null, new { from = Theirs } })
            Assert.Equal(200, (await business.PatchAsync(new { settings = new { sender } })).Status);
        var to = api.NewNumber();
        await business.WhenSentAsync(await business.SendTransactionalAsync(to));
        Assert.Equal(Theirs, Assert.Single(await api.LedgerAsync(to))!["from"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_sender_that_the_admin_sets_is_allowed_by_that()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, sender = new { from = Theirs } });
        Assert.Equal(Theirs, Assert.Single((await business.GetAsync()).Json!["settings"]!["allowedSenders"]!.AsArray())!["from"]!.GetValue<string>());
        Assert.Equal(200, (await business.PatchAsync("""{"settings":{"sender":null}}""")).Status);
        Assert.Equal(200, (await business.PatchAsync(new { settings = new { sender = new { from = Theirs } } })).Status);
        Assert.Equal(202, (await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional" })).Status);

        // What the admin takes back ends it for what is sent from then on.
        Assert.Equal(200, (await AdminAsync(api, business, new { allowedSenders = Array.Empty<object>() })).Status);
        Assert.Equal((422, "sender_not_allowed"), (await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "otp" })) is var sent ? (sent.Status, sent.Code) : default);
        Assert.Equal(200, (await business.PatchAsync("""{"settings":{"sender":null}}""")).Status);
        Assert.Equal(202, (await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "otp" })).Status);
    }

    [Fact]
    public async Task Who_takes_a_sender_that_is_not_allowed_neither_answers_nor_hears_for_it()
    {
        const string Number = "+15125550189";
        var api = await shared.GetAsync();
        var owner = await api.NewBusinessAsync(new { requireConsent = false, sender = new { from = Number }, helpText = "The owner." });
        var impostor = await api.NewBusinessAsync(new { requireConsent = false, helpText = "The impostor." });
        var to = api.NewNumber();
        await owner.WhenSentAsync(await owner.SendTransactionalAsync(to, "one"));
        await impostor.WhenSentAsync(await impostor.SendTransactionalAsync(to, "two"));
        await api.Database.ExecuteAsync($$$"""update businesses set sms_settings = sms_settings || '{"sender": {"from": "{{{Number}}}"}}' where id = $1""", impostor.Id);
        var twilio = new Webhooks(api);

        await twilio.InboundAsync(to, "HELP", to: Number);
        await UntilAsync(async () => (await api.LedgerAsync(to)).Count >= 3);
        Assert.Equal("The owner.", (await api.LedgerAsync(to))[^1]!["body"]!.GetValue<string>());
        await twilio.InboundAsync(to, "STOP", to: Number);
        Assert.Single((await owner.GetAsync("/opt-outs")).Json!["data"]!.AsArray());
        Assert.Empty((await impostor.GetAsync("/opt-outs")).Json!["data"]!.AsArray());
    }

    [Theory]
    [InlineData("""{"allowedSenders":[{"from":"+15125550188"}]}""")]
    [InlineData("""{"allowedCountries":["US","JM"]}""")]
    [InlineData("""{"maxSegmentsPerSecond":1000}""")]
    [InlineData("""{"maxDailySegments":null}""")]
    [InlineData("""{"maxMonthlyMessages":1000}""")]
    public async Task What_is_the_admins_a_business_key_may_repeat_and_not_change(string setting)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, maxSegmentsPerSecond = 100, maxDailySegments = 100, maxMonthlyMessages = 100 });
        var before = (await business.GetAsync()).Json!;
        var refused = await business.PatchAsync($$"""{"settings":{{setting}}}""");
        Assert.Equal((422, "validation_failed"), (refused.Status, refused.Code));
        Assert.Equal($"settings.{JsonNode.Parse(setting)!.AsObject().Single().Key}", Assert.Single(refused.Json!["errors"]!.AsObject()).Key);

        Assert.Equal(200, (await business.PatchAsync($$"""{"settings":{{before["settings"]!.ToJsonString()}}}""")).Status);
        Assert.Equal(before.ToJsonString(), (await business.GetAsync()).Json!.ToJsonString());
        Assert.Equal(200, (await api.Client.PatchAsync(business.Path, $$"""{"settings":{{setting}}}""", SharedSilo.AdminKey)).Status);
    }

    [Fact]
    public async Task A_number_of_a_country_that_is_not_allowed_gets_nothing_a_password_neither()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var to in new[] { "+79161234567", "+18765551234", "+14165551234", "+870773111632", "+8821612345678" })
        {
            foreach (var category in Categories)
                Assert.Equal((422, "country_not_allowed"), (await business.SendAsync(new { to, body = "Hi", category })) is var reply ? (reply.Status, reply.Code) : default);
        }

        var puertoRican = new { to = $"+1787{api.NewNumber()[5..]}", body = "Hi", category = "otp" };
        Assert.Equal(202, (await business.SendAsync(puertoRican)).Status);
        var batch = await business.PostAsync("/messages/batch", new { messages = new object[] { new { to = "+79161234567", body = "Hi" }, puertoRican } });
        Assert.Equal(["country_not_allowed", null], batch.Json!["results"]!.AsArray().Select(r => r!["problem"]?["code"]?.GetValue<string>()));

        // Another region of its own choice opens no country to it.
        Assert.Equal(200, (await business.PatchAsync("""{"settings":{"region":"RU"}}""")).Status);
        Assert.Equal("country_not_allowed", (await business.SendAsync(new { to = "+79161234567", body = "Hi", category = "otp" })).Code);
        Assert.Equal(200, (await AdminAsync(api, business, new { allowedCountries = Russia })).Status);
        Assert.Equal(202, (await business.SendAsync(new { to = "+79161234567", body = "Hi", category = "otp" })).Status);
        Assert.Equal("country_not_allowed", (await business.SendAsync(puertoRican)).Code);
    }

    [Fact]
    public async Task A_business_key_keeps_its_limits_below_the_ceilings()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, maxSegmentsPerSecond = 10, maxDailySegments = 100, maxMonthlyMessages = 50 });
        var settings = (await business.GetAsync()).Json!["settings"]!;
        Assert.Equal((10, 100, 50), (settings["segmentsPerSecond"]!.GetValue<double>(), settings["dailySegmentLimit"]!.GetValue<int>(), settings["monthlyMessageLimit"]!.GetValue<int>()));
        foreach (var (name, most) in new[] { ("segmentsPerSecond", 10), ("dailySegmentLimit", 100), ("monthlyMessageLimit", 50) })
        {
            foreach (var above in new[] { $"{most + 1}", "null" })
            {
                var refused = await business.PatchAsync($$$"""{"settings":{"{{{name}}}":{{{above}}}}}""");
                Assert.Equal((422, "limit_above_ceiling"), (refused.Status, refused.Code));
                Assert.Equal($"settings.{name}", Assert.Single(refused.Json!["errors"]!.AsObject()).Key);
            }

            Assert.Equal(200, (await business.PatchAsync($$$"""{"settings":{"{{{name}}}":{{{most}}}}}""")).Status);
        }

        // A ceiling below what stands there is in force at once.
        Assert.Equal(1, (await AdminAsync(api, business, new { maxMonthlyMessages = 1 })).Json!["settings"]!["monthlyMessageLimit"]!.GetValue<int>());
        await business.SendTransactionalAsync(api.NewNumber());
        foreach (var category in Categories)
            Assert.Equal((429, "monthly_limit_reached"), (await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category })) is var full ? (full.Status, full.Code) : default);
    }

    [Fact]
    public async Task A_send_without_a_category_is_of_the_default_that_the_business_says()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var request = new { to = api.NewNumber(), body = "Hi" };
        var first = await business.SendAsync(request, "first");
        Assert.Equal("marketing", first.Json!["category"]!.GetValue<string>());
        Assert.Equal(200, (await business.PatchAsync("""{"settings":{"defaultCategory":"transactional"}}""")).Status);

        var second = await business.SendAsync(request, "second");
        Assert.Equal((202, "transactional"), (second.Status, second.Json!["category"]!.GetValue<string>()));
        foreach (var (key, id) in new[] { ("first", first.Id), ("second", second.Id) })
            Assert.Equal((200, id), (await business.SendAsync(request, key)) is var again ? (again.Status, again.Id) : default);
        var named = new { request.to, request.body, category = "marketing" };
        Assert.Equal((200, first.Id), (await business.SendAsync(named, "first")) is var same ? (same.Status, same.Id) : default);
        Assert.Equal("idempotency_key_reused", (await business.SendAsync(named, "second")).Code);
    }

    [Fact]
    public async Task A_variable_is_no_longer_than_any_text()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        Task<Reply> SendAsync(int length) => business.SendAsync(new
        {
            to = api.NewNumber(),
            templateId = Guid.NewGuid(),
            variables = new { spare = "", a = new string('x', length) },
            category = "transactional",
        });
        Assert.Equal((422, "body_too_long"), (await SendAsync(1601)) is var reply ? (reply.Status, reply.Code) : default);
        Assert.Equal("unknown_template", (await SendAsync(1600)).Code);
    }

    [Fact]
    public async Task Help_is_answered_once_in_four_hours_and_outside_the_limits()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, monthlyMessageLimit = 2, dailySegmentLimit = 2, helpText = "Ask at the desk." });
        var to = api.NewNumber();
        await business.WhenSentAsync(await business.SendTransactionalAsync(to, "one"));
        var twilio = new Webhooks(api);

        Assert.All(await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => twilio.InboundAsync(to, "HELP"))), r => Assert.Equal(200, r.Status));
        await UntilAsync(async () => (await api.LedgerAsync(to)).Count >= 2);
        await business.WhenSentAsync(await business.SendTransactionalAsync(to, "two"));
        Assert.Equal("monthly_limit_reached", (await business.SendAsync(new { to, body = "three", category = "transactional" })).Code);
        await api.Database.ExecuteAsync("update sms.help_calls set at = at - interval '4 hours'");
        await twilio.InboundAsync(to, "HELP");
        await UntilAsync(async () => (await api.LedgerAsync(to)).Count >= 4);

        // Another number's call is its own.
        await business.NewCustomerAsync(api.NewNumber() is var other ? other : "");
        await twilio.InboundAsync(other, "HELP");
        await UntilAsync(async () => (await api.LedgerAsync(other)).Count == 1);
        Assert.Equal(["one", "Ask at the desk.", "two", "Ask at the desk."], (await api.LedgerAsync(to)).Select(m => m!["body"]!.GetValue<string>()));
    }

    private static Task<Reply> AdminAsync(RunningApi api, TestBusiness business, object settings) =>
        api.Client.PatchAsync(business.Path, new { settings }, SharedSilo.AdminKey);

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(TestBusiness.Patience);
        while (!await condition())
            await Task.Delay(20, deadline.Token);
    }
}
