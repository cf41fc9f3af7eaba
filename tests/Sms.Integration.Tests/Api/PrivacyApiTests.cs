using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>A copy of what is known of a person, its erasure, and how long bodies are kept.</summary>
public class PrivacyApiTests(SharedSilo shared)
{
    [Fact]
    public async Task An_export_holds_all_that_is_known_of_a_customer()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Noon);
        await business.WhenSentAsync(await business.SendTransactionalAsync(to, "first"));
        await new Webhooks(api).InboundAsync(to, "STOP");

        var export = (await business.GetAsync($"/customers/{customer}/export")).Json!;

        Assert.Equal(to, export["customer"]!["phone"]!.GetValue<string>());
        Assert.Equal(["opted_in", "opted_out"], export["consent"]!.AsArray().Select(e => e!["status"]!.GetValue<string>()));
        Assert.Equal("keyword", Assert.Single(export["optOuts"]!.AsArray())!["source"]!.GetValue<string>());
        var message = Assert.Single(export["messages"]!.AsArray())!;
        Assert.Equal("first", message["message"]!["body"]!.GetValue<string>());
        Assert.NotNull(message["message"]!["decision"]);
        Assert.Equal("accepted", message["events"]![0]!["type"]!.GetValue<string>());
        Assert.Null(export["nextCursor"]);
        Assert.Equal(404, (await business.GetAsync($"/customers/{Guid.NewGuid()}/export")).Status);
        Assert.Equal(404, (await (await api.NewBusinessAsync()).GetAsync($"/customers/{customer}/export")).Status);
    }

    [Fact]
    public async Task An_erasure_forgets_the_person_and_keeps_suppression_and_evidence()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var made = await business.PostAsync("/customers", new
        {
            phone = to,
            name = "Ana Unforgettable",
            postalCode = "78701",
            smsConsent = new { status = "opted_in", method = "website_form", source = "https://acme.example", notes = "met at the unforgettable fair", ip = "192.0.2.77" },
        });
        var customer = made.Id;
        await api.Database.ExecuteAsync("update customers set email = 'ana@unforgettable.example' where id = $1", customer);
        var sent = (await business.SendAsync(new { to, body = "An unforgettable text", category = "transactional", metadata = new { tag = "unforgettable" } })).Id;
        await business.WhenSentAsync(sent);
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_out", method = "phone_call", source = "desk", text = "May we text you?", notes = "unforgettable voice" });
        var waiting = await api.Database.ScalarAsync<Guid>(
            """
            with l as (
              insert into send_logs (id, business_id, customer_id, channel, status, to_phone, body, category, encoding, segments)
              values (gen_random_uuid(), $1, $2, 'sms', 'pending', $3, 'An unforgettable offer', 'marketing', 'gsm7', 1) returning id)
            insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for) select $1, l.id, $2, now() + interval '1 day' from l returning send_log_id
            """, business.Id, customer, to);

        Assert.Equal(204, (await EraseAsync(api, business, customer)).Status);
        Assert.Equal(204, (await EraseAsync(api, business, customer)).Status);

        Assert.Equal(404, (await business.GetAsync($"/customers/{customer}")).Status);
        Assert.Equal("customer_not_found", (await business.SendAsync(new { customerId = customer, body = "Hi", category = "otp" })).Code);
        Assert.Equal("cancelled", (await business.MessageAsync(waiting)).MessageStatus);
        foreach (var table in new[] { "customers", "send_logs", "sms_retry_queue", "sms.consent_events", "sms.message_events", "sms.attempts" })
        {
            var left = await api.Database.ScalarAsync<string>($"select coalesce(string_agg(t::text, ' '), '') from {table} t where t.business_id = $1", business.Id);
            Assert.DoesNotContain("nforgettable", left, StringComparison.Ordinal);
            Assert.DoesNotContain("192.0.2.77", left, StringComparison.Ordinal);
            if (table is not "sms.consent_events")
                Assert.DoesNotContain(to[1..], left, StringComparison.Ordinal);
        }

        // The evidence, the reasons and the suppression stay, and a new customer with the number is not texted.
        var export = (await business.GetAsync($"/customers/{customer}/export")).Json!;
        Assert.Null(export["customer"]);
        Assert.StartsWith("key ", export["erasure"]!["actor"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(["opted_in", "opted_out"], export["consent"]!.AsArray().Select(e => e!["status"]!.GetValue<string>()));
        Assert.Equal("May we text you?", export["consent"]![1]!["text"]!.GetValue<string>());
        Assert.All(export["messages"]!.AsArray(), m => Assert.Equal("", m!["message"]!["body"]!.GetValue<string>()));
        Assert.NotNull(export["messages"]!.AsArray().Single(m => m!["message"]!["id"]!.GetValue<Guid>() == sent)!["message"]!["decision"]);
        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
        Assert.Equal(404, (await EraseAsync(api, business, Guid.NewGuid())).Status);
    }

    [Fact]
    public async Task Bodies_of_old_messages_that_ended_are_blanked_and_nothing_else()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var (old, young) = (await business.SendTransactionalAsync(to, "old"), await business.SendTransactionalAsync(to, "young"));
        await business.WhenSentAsync(old);
        await business.WhenSentAsync(young);
        var waiting = (await business.SendAsync(new { to, body = "waits", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        await api.Database.ExecuteAsync("update send_logs set created_at = now() - interval '400 days' where id = any ($1)", new[] { old, waiting });

        while (await api.Database.ScalarAsync<int>("select sms.blank_bodies(now() - interval '395 days', 1)") > 0)
        {
        }

        Assert.Equal(["", "young", "waits"], await Task.WhenAll(new[] { old, young, waiting }.Select(async m => (await business.MessageAsync(m)).Json!["body"]!.GetValue<string>())));
        var kept = (await business.MessageAsync(old)).Json!;
        Assert.Equal((to, "sent"), (kept["to"]!.GetValue<string>(), kept["status"]!.GetValue<string>()));
        Assert.NotNull(kept["decision"]);
        // What has no text any more is not sent again.
        await api.Database.ExecuteAsync("update send_logs set status = 'failed' where id = $1", old);
        Assert.Equal("not_retryable", (await business.PostAsync($"/messages/{old}/retry", "")).Code);
    }

    [Fact]
    public async Task The_cost_of_the_footer_is_known_before_the_send()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var body = new string('x', 150);
        async Task<int> PreviewAsync(bool footer) =>
            (await api.Client.PostAsync("/v1/preview/segments", new { body, footer }, business.Key)).Json!["segments"]!.GetValue<int>();
        var to = api.NewNumber();
        await business.NewCustomerAsync(to, Hours.Noon);

        Assert.Equal((1, 2), (await PreviewAsync(false), await PreviewAsync(true)));
        var sent = new List<int>();
        for (var n = 0; n < 2; n++)
            sent.Add((await business.SendAsync(new { to, body })).Json!["segments"]!.GetValue<int>());
        Assert.Equal([2, 1], sent);
    }

    private static Task<Reply> EraseAsync(RunningApi api, TestBusiness business, Guid customer) =>
        api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/customers/{customer}", null, business.Key);
}
