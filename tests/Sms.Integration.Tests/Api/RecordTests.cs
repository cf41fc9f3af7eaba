using System.Diagnostics;

namespace Sms.Integration.Tests.Api;

/// <summary>Keys, customers, consent and the suppression list.</summary>
public class RecordTests(SharedSilo shared)
{
    [Fact]
    public async Task Keys_rotate_and_a_deleted_one_stops_within_a_second()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var made = await business.PostAsync("/api-keys", "");
        Assert.Equal(201, made.Status);
        var next = made.Json!["apiKey"]!.GetValue<string>();
        Assert.Equal(7, made.Id.Version);
        Assert.Equal(200, (await api.Client.GetAsync(business.Path, next)).Status);

        var list = (await business.GetAsync("/api-keys")).Json!["data"]!.AsArray();
        Assert.Equal(2, list.Count);
        Assert.Equal((made.Id, made.Json["createdAt"]!.GetValue<string>()), (list[0]!["id"]!.GetValue<Guid>(), list[0]!["createdAt"]!.GetValue<string>()));
        Assert.All(list, k => Assert.Null(k!["apiKey"]));
        Assert.DoesNotContain(next, (await business.GetAsync("/api-keys")).Text, StringComparison.Ordinal);

        var deleted = Stopwatch.GetTimestamp();
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/api-keys/{made.Id}", null, business.Key)).Status);
        while ((await api.Client.GetAsync(business.Path, next)).Status != 401)
            Assert.True(Stopwatch.GetElapsedTime(deleted) < TestBusiness.Patience);
        Assert.Equal(404, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/api-keys/{made.Id}", null, business.Key)).Status);
        Assert.Equal(200, (await business.GetAsync()).Status);
        Assert.Equal(0, await api.Database.ScalarAsync<long>("select count(*) from sms.api_keys where key_hash = convert_to($1, 'UTF8')", next));
    }

    [Fact]
    public async Task The_twenty_first_key_is_refused_until_one_is_deleted()
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        for (var n = 1; n < 20; n++)
            Assert.Equal(201, (await business.PostAsync("/api-keys", "")).Status);

        var refused = await business.PostAsync("/api-keys", "");

        Assert.Equal((409, "too_many_keys"), (refused.Status, refused.Code));
        var keys = (await business.GetAsync("/api-keys")).Json!["data"]!.AsArray();
        Assert.Equal(20, keys.Count);
        Assert.Equal(204, (await (await shared.GetAsync()).Client.SendAsync(HttpMethod.Delete, $"{business.Path}/api-keys/{keys[0]!["id"]}", null, business.Key)).Status);
        Assert.Equal(201, (await business.PostAsync("/api-keys", "")).Status);
    }

    [Fact]
    public async Task Customers_are_found_by_phone_and_changed()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var (phone, other) = (api.NewNumber(), api.NewNumber());
        var customer = await business.NewCustomerAsync(phone);
        await business.NewCustomerAsync(other);

        var found = (await business.GetAsync($"/customers?phone={Uri.EscapeDataString(phone)}")).Json!["data"]!.AsArray();
        Assert.Equal(customer, Assert.Single(found)!["id"]!.GetValue<Guid>());
        Assert.Equal(2, (await business.GetAsync("/customers")).Json!["data"]!.AsArray().Count);

        var changed = await api.Client.PatchAsync($"{business.Path}/customers/{customer}", new { name = "Ana", timezone = "Asia/Tokyo", postalCode = "78701" }, business.Key);
        Assert.Equal(("Ana", "Asia/Tokyo", "78701", phone), (
            changed.Json!["name"]!.GetValue<string>(), changed.Json["timezone"]!.GetValue<string>(),
            changed.Json["postalCode"]!.GetValue<string>(), changed.Json["phone"]!.GetValue<string>()));
        Assert.Equal("phone_in_use", (await api.Client.PatchAsync($"{business.Path}/customers/{customer}", new { phone = other }, business.Key)).Code);
        Assert.Equal("invalid_timezone", (await api.Client.PatchAsync($"{business.Path}/customers/{customer}", new { timezone = "Mars/Phobos" }, business.Key)).Code);
        Assert.Equal(404, (await api.Client.PatchAsync($"{business.Path}/customers/{Guid.NewGuid()}", new { name = "x" }, business.Key)).Status);
    }

    [Fact]
    public async Task Consent_is_a_ledger_and_its_last_entry_counts()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = true });
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Noon, consent: "unknown");
        async Task<string?> TryAsync() => (await business.SendAsync(new { customerId = customer, body = "Offer" })).Code;
        Assert.Equal("consent_required", await TryAsync());

        var given = await business.PostAsync($"/customers/{customer}/consent", new
        {
            status = "opted_in",
            method = "website_form",
            source = "https://acme.example/signup",
            text = "Text me offers",
            notes = "in the shop",
            ip = "192.0.2.7",
            at = "2026-01-02T03:04:05Z",
        });
        Assert.Equal(201, given.Status);
        Assert.Null(await TryAsync());
        await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_out", method = "phone_call", source = "desk" });
        Assert.Equal("opted_out", await TryAsync());

        var ledger = (await business.GetAsync($"/customers/{customer}/consent")).Json!["data"]!.AsArray();
        Assert.Equal(["opted_in", "opted_out"], ledger.Select(e => e!["status"]!.GetValue<string>()));
        Assert.Equal(("Text me offers", "192.0.2.7", "2026-01-02T03:04:05Z", "website_form", "https://acme.example/signup", "in the shop"), (
            ledger[0]!["text"]!.GetValue<string>(), ledger[0]!["ip"]!.GetValue<string>(), ledger[0]!["at"]!.GetValue<string>(),
            ledger[0]!["method"]!.GetValue<string>(), ledger[0]!["source"]!.GetValue<string>(), ledger[0]!["notes"]!.GetValue<string>()));
        Assert.Equal(ledger[0]!.ToJsonString(), given.Json!.ToJsonString());
        // Who wrote it down: the key that was used.
        var key = (await business.GetAsync("/api-keys")).Json!["data"]![0]!["id"]!.GetValue<string>();
        Assert.Equal($"key {key}", ledger[0]!["actor"]!.GetValue<string>());
        Assert.Equal("opted_out", (await business.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["status"]!.GetValue<string>());

        foreach (var bad in new object[] { new { status = "maybe", method = "other", source = "x" }, new { status = "opted_in", method = "telepathy", source = "x" }, new { status = "opted_in" } })
            Assert.Equal(422, (await business.PostAsync($"/customers/{customer}/consent", bad)).Status);
        Assert.Equal(404, (await business.PostAsync($"/customers/{Guid.NewGuid()}/consent", new { status = "opted_in", method = "other", source = "x" })).Status);
        Assert.Equal(404, (await business.GetAsync($"/customers/{Guid.NewGuid()}/consent")).Status);
    }

    [Fact]
    public async Task Each_way_to_consent_is_taken_with_a_customer_and_for_the_ledger()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var method in new[] { "verbal_in_person", "phone_call", "service_agreement", "website_form", "sms_keyword", "other" })
        {
            var made = await business.PostAsync("/customers", new { phone = api.NewNumber(), smsConsent = new { status = "opted_in", method } });
            Assert.Equal((201, 7, method), (made.Status, made.Id.Version, made.Json!["smsConsent"]!["method"]!.GetValue<string>()));
            foreach (var status in new[] { "opted_out", "unknown", "opted_in" })
            {
                var entry = await business.PostAsync($"/customers/{made.Id}/consent", new { status, method, source = "desk" });
                Assert.Equal((201, 7, status, method), (
                    entry.Status, entry.Id.Version, entry.Json!["status"]!.GetValue<string>(), entry.Json["method"]!.GetValue<string>()));
            }
        }

        // Nothing but a number is needed, and nothing is known then.
        var bare = await business.PostAsync("/customers", new { phone = api.NewNumber() });
        Assert.Equal((201, "unknown"), (bare.Status, bare.Json!["smsConsent"]!["status"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Opt_out_list_is_kept_by_hand_too()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var phone = api.NewNumber();
        var waiting = await business.SendAsync(new { to = phone, body = "later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        var path = $"{business.Path}/opt-outs/{phone}";

        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Put, path, ApiClient.Json("""{"reason": "asked on the phone"}"""), business.Key)).Status);
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Put, path, null, business.Key)).Status);
        Assert.Equal("cancelled", (await business.MessageAsync(waiting.Id)).MessageStatus);
        Assert.Equal("opted_out", (await business.SendAsync(new { to = phone, body = "Hi", category = "otp" })).Code);
        var entry = Assert.Single((await business.GetAsync("/opt-outs")).Json!["data"]!.AsArray())!;
        Assert.Equal((phone, "asked on the phone"), (entry["phone"]!.GetValue<string>(), entry["reason"]!.GetValue<string>()));

        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, path, null, business.Key)).Status);
        Assert.Equal(404, (await api.Client.SendAsync(HttpMethod.Delete, path, null, business.Key)).Status);
        Assert.Equal(202, (await business.SendAsync(new { to = phone, body = "Hi", category = "transactional" })).Status);
        Assert.Equal("invalid_phone", (await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/nobody", null, business.Key)).Code);
    }

    [Fact]
    public async Task Lists_page_without_repeating_or_leaving_out()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var made = new List<Guid>();
        for (var n = 0; n < 5; n++)
            made.Add(await business.NewCustomerAsync(api.NewNumber()));

        var seen = new List<Guid>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = (await business.GetAsync($"/customers?limit=2{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}")).Json!;
            seen.AddRange(page["data"]!.AsArray().Select(c => c!["id"]!.GetValue<Guid>()));
            cursor = page["nextCursor"]?.GetValue<string>();
        }

        made.Reverse();
        Assert.Equal(made, seen);
    }
}
