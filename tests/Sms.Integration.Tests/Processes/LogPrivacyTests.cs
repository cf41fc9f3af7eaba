using Sms.Integration.Tests.Api;

namespace Sms.Integration.Tests.Processes;

public sealed class LogPrivacyTests
{
    [Fact]
    public async Task No_secret_number_or_text_reaches_the_output_of_a_busy_run()
    {
        await using var api = await RunningApi.StartAsync(("Logging__LogLevel__Sms", "Trace"), ("TWILIO_AUTH_TOKEN", "the-auth-token-of-nobody"),
            ("TWILIO_WEBHOOK_SHARED_KEY", "the-shared-key-of-nobody"));
        var business = await api.NewBusinessAsync();
        const string Text = "a text that nobody else may read";
        var numbers = new List<string>();
        foreach (var (fault, code) in new (string, int?)[]
        {
            ("", null), ("rate_limit", null), ("error_before_accepting", null), ("reset_after_accepting", null), ("bad_gateway", null),
            ("unreadable_after_accepting", null), ("refuse", 21211), ("refuse", 21610), ("refuse", 20409), ("redirect", null),
        })
        {
            var to = api.NewNumber();
            numbers.Add(to);
            if (fault.Length > 0)
                await api.FaultAsync(to, fault, code: code);
            Assert.Equal(202, (await business.SendAsync(new { to, body = Text, category = "transactional", metadata = new { secret = Text } }, "key-of-" + to)).Status);
        }

        foreach (var magic in new[] { "+15005550001", "+15005550004", "+15005550009" })
        {
            numbers.Add(magic);
            await business.WhenAsync(await business.SendTransactionalAsync(magic, Text), m => m.MessageStatus is "failed");
        }

        await business.SendAsync("{\"to\":\"" + numbers[0] + "\",\"body\":\"" + Text + "\"");
        await business.SendAsync(new { to = numbers[0], body = Text, category = Text });
        await business.PostAsync("/customers", new { phone = numbers[0], name = Text, timezone = Text });
        await business.GetAsync($"/messages?to={Uri.EscapeDataString(numbers[0])}&cursor=x");
        await business.GetAsync($"/messages?to={Uri.EscapeDataString(numbers[0])}");

        // What people answer, and what is kept of them.
        var twilio = new Webhooks(api);
        var person = api.NewNumber();
        numbers.Add(person);
        var customer = await business.NewCustomerAsync(person, Hours.Noon);
        foreach (var reply in new[] { "HELP", $"can we stop this? {Text}", "START", "stop", "yes" })
            await twilio.InboundAsync(person, reply);
        await twilio.InboundAsync(person, "HELP", to: "+15125559876");
        await twilio.PostAsync("/webhooks/twilio/inbound", new(StringComparer.Ordinal) { ["From"] = person, ["Body"] = Text }, token: "another");
        await twilio.PostAsync("/webhooks/twilio/inbound", new(StringComparer.Ordinal) { ["From"] = person, ["Body"] = Text }, token: "simulator");
        foreach (var settings in new[] { "key=K1,algorithm=HMAC_SHA256", "key=K1,algorithm=none" })
            await twilio.PostSignedAsync("/webhooks/twilio/inbound", new(StringComparer.Ordinal) { ["From"] = person, ["Body"] = Text }, "the-signature-of-nobody", settings);
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "other", source = Text, notes = Text, ip = "192.0.2.99", text = Text });
        await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{person}", ApiClient.Json($$"""{"reason": "{{Text}}"}"""), business.Key);
        await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/{person}", null, business.Key);
        // The database refuses a write, with the row in its words.
        await api.Database.ExecuteAsync("alter table send_logs add constraint no_such_text check (body not like '%refused by the database%')");
        Assert.Equal(500, (await business.SendAsync(new { to = numbers[1], body = $"refused by the database {Text}", category = "transactional" })).Status);
        Assert.Equal(200, (await business.GetAsync($"/customers/{customer}/export")).Status);
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/customers/{customer}", null, business.Key)).Status);
        Assert.Equal(0, await api.Silo.StopAsync());

        var output = api.Silo.Output;
        Assert.Contains("+1******", output, StringComparison.Ordinal);
        var password = new Npgsql.NpgsqlConnectionStringBuilder(api.Database.ConnectionString).Password!;
        foreach (var secret in new[] { SharedSilo.AdminKey, business.Key, password, "the-auth-token-of-nobody", "the-shared-key-of-nobody", "the-signature-of-nobody", Text, "key-of-", "192.0.2.99" })
            Assert.DoesNotContain(secret, output, StringComparison.Ordinal);
        foreach (var number in numbers)
            Assert.DoesNotContain(number[1..], output, StringComparison.Ordinal);
        // One failure, which the test asked for.
        Assert.Single(output.Split("fail: Sms.Api.Faults", StringSplitOptions.None)[1..]);
    }
}
