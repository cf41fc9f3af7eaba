using System.Text.Json.Nodes;
using Sms.Integration.Tests.Operations;

namespace Sms.Integration.Tests.Api;

/// <summary>What the API says of itself.</summary>
public class DescriptionTests(SharedSilo shared)
{
    [Fact]
    public async Task The_document_lists_every_call()
    {
        var api = await shared.GetAsync();
        var reply = await api.Client.GetAsync("/openapi/v1.json");
        Assert.Equal((200, "application/json"), (reply.Status, reply.ContentType));
        var paths = reply.Json!["paths"]!.AsObject();
        foreach (var (method, path) in new[]
        {
            ("post", "/v1/businesses"), ("get", "/v1/businesses/{businessId}"), ("patch", "/v1/businesses/{businessId}"),
            ("post", "/v1/businesses/{businessId}/customers"), ("get", "/v1/businesses/{businessId}/customers/{customerId}"),
            ("post", "/v1/businesses/{businessId}/messages"), ("get", "/v1/businesses/{businessId}/messages"),
            ("get", "/v1/businesses/{businessId}/messages/{messageId}"), ("post", "/v1/businesses/{businessId}/messages/{messageId}/cancel"),
            ("post", "/v1/preview/segments"), ("post", "/v1/preview/quiet-hours"), ("get", "/health/live"), ("get", "/health/ready"),
        })
        {
            var operation = paths[path]?[method];
            Assert.True(operation is not null, $"{method} {path} is missing");
            Assert.False(string.IsNullOrEmpty(operation["summary"]?.GetValue<string>()), $"{method} {path} has no summary");
            if (method is "post" or "patch" && !path.EndsWith("/cancel", StringComparison.Ordinal))
                Assert.True(operation["requestBody"] is not null, $"{method} {path} has no request body");
        }
    }

    [Fact]
    public async Task The_parameters_of_the_paths_and_the_list_are_described()
    {
        var api = await shared.GetAsync();
        var document = (await api.Client.GetAsync("/openapi/v1.json")).Json!;
        var cancel = document["paths"]!["/v1/businesses/{businessId}/messages/{messageId}/cancel"]!["post"]!;
        Assert.Equal("businessId,messageId", Names(cancel, "path"));
        var list = document["paths"]!["/v1/businesses/{businessId}/messages"]!["get"]!;
        Assert.Equal("category,cause,cursor,customerId,errorClass,errorCode,limit,metadata.KEY,reason,sid,since,status,to,unknown,until,updatedSince", Names(list, "query"));
        Assert.Contains("Idempotency-Key", Names(document["paths"]!["/v1/businesses/{businessId}/messages"]!["post"]!, "header"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/v1/preview/segments", 400, "{")]
    [InlineData("GET", "/v1/retries/stats", 401, null, "nobody's")]
    [InlineData("GET", "/v1/retries/stats", 403, null, "the business's")]
    [InlineData("POST", "/webhooks/twilio/status", 403, "{}", null)]
    [InlineData("GET", "/v1/businesses/01890000-0000-7000-8000-000000000001", 404)]
    [InlineData("GET", "/nowhere", 404)]
    [InlineData("GET", "/openapi/v2.json", 404)]
    [InlineData("DELETE", "/v1/preview/segments", 405)]
    [InlineData("POST", "{b}/messages", 409, """{"to":"+15125550000","body":"Hi"}""", "the business's")]
    [InlineData("POST", "/v1/preview/segments", 413, "too long")]
    [InlineData("POST", "/v1/preview/segments", 415)]
    [InlineData("POST", "/v1/preview/segments", 422, "{}")]
    public async Task Every_problem_has_its_members(string method, string path, int status, string? body = null, string? key = "the admin's")
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { paused = true });
        var reply = await api.Client.SendAsync(
            new HttpMethod(method), path.Replace("{b}", business.Path, StringComparison.Ordinal),
            body is null ? null : ApiClient.Json(body is "too long" ? new string(' ', 1024 * 1024 + 1) : body),
            key switch { "the admin's" => SharedSilo.AdminKey, "the business's" => business.Key, _ => key });
        Assert.Equal(status, reply.Status);
        AssertIsProblem(reply);
    }

    [Fact]
    public async Task A_validation_problem_names_the_members()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var reply = await business.PatchAsync("""{"settings":{"bodyLimit":0,"paused":"x","unknown":1}}""");
        AssertIsProblem(reply);
        var errors = reply.Json!["errors"]!.AsObject();
        Assert.Equal("settings.bodyLimit,settings.paused,settings.unknown", string.Join(',', errors.Select(e => e.Key).Order(StringComparer.Ordinal)));
        Assert.All(errors, e => Assert.NotEmpty(e.Value!.AsArray()));
        foreach (var name in new[] { "", " \u00a0", new string('x', 201) })
        {
            var body = System.Text.Json.JsonSerializer.Serialize(new { name });
            foreach (var named in new[] { await business.PatchAsync(body), await api.Client.PostAsync("/v1/businesses", body, SharedSilo.AdminKey) })
                Assert.Equal((422, "name"), (named.Status, Assert.Single(named.Json!["errors"]!.AsObject()).Key));
        }

        // All or nothing.
        Assert.Equal(320, (await business.GetAsync()).Json!["settings"]!["bodyLimit"]!.GetValue<int>());
    }

    [Fact]
    public async Task Health_needs_no_key_and_answers_at_once()
    {
        var api = await shared.GetAsync();
        Assert.Equal(200, (await api.Client.GetAsync("/health/live")).Status);
        var ready = await api.Client.GetAsync("/health/ready");
        Assert.Equal((200, "ready"), (ready.Status, ready.Json!["status"]!.GetValue<string>()));
        var head = await api.Client.SendAsync(HttpMethod.Head, "/health/ready", content: null, key: null);
        Assert.Equal((200, "", ready.ContentType), (head.Status, head.Text, head.ContentType));
        Assert.Equal(401, (await api.Client.SendAsync(HttpMethod.Head, "/v1/retries/stats", content: null, key: null)).Status);
        Assert.Equal(405, (await api.Client.SendAsync(HttpMethod.Head, "/v1/preview/segments", content: null, key: null)).Status);
    }

    [Fact]
    public async Task Figures_are_a_text_that_Prometheus_reads()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        await business.WhenSentAsync(await business.SendTransactionalAsync(api.NewNumber()));
        await new Webhooks(api).StatusAsync(Guid.NewGuid(), $"SM{Guid.NewGuid():N}", "delivered");
        foreach (var path in new[] { "/nowhere", "/v1/preview/segments" })
            await api.Client.GetAsync(path);
        var figures = await api.Client.GetAsync("/metrics");
        Assert.Equal((200, "text/plain"), (figures.Status, figures.ContentType));
        PrometheusText.Check(figures.Text);
        foreach (var name in new[] { "sms_sends_total", "sms_callbacks_total", "sms_queue_rows", "http_server_request_duration_seconds", "sms_queue_counted" })
            Assert.Contains($"# TYPE {name} ", figures.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_business_shows_all_settings_with_their_defaults_and_keeps_changes()
    {
        var api = await shared.GetAsync();
        var made = await api.Client.PostAsync("/v1/businesses", """{"name":"Café ☕","settings":{"allowedSenders":[{"from":"+15125550100"}]}}""", SharedSilo.AdminKey);
        Assert.Equal(201, made.Status);
        Assert.Equal((7, "Café ☕", "America/New_York"), (made.Id.Version, made.Json!["name"]!.GetValue<string>(), made.Json["timezone"]!.GetValue<string>()));
        Assert.Equal($"/v1/businesses/{made.Id}", made.Headers.Location!.OriginalString);
        var settings = made.Json!["settings"]!;
        Assert.Equal(("us_states", 320, true, "first_message", 3, false), (
            settings["quietHoursPolicy"]!.GetValue<string>(), settings["bodyLimit"]!.GetValue<int>(), settings["requireConsent"]!.GetValue<bool>(),
            settings["optOutFooter"]!.GetValue<string>(), settings["maxAttempts"]!.GetValue<int>(), settings["paused"]!.GetValue<bool>()));
        Assert.Equal(7, settings["quietHours"]!.AsObject().Count);
        Assert.All(settings["quietHours"]!.AsObject(), d => Assert.Equal("""["08:00","21:00"]""", d.Value!.ToJsonString()));
        Assert.Equal(("marketing", """["US","PR","GU","VI","AS","MP"]"""), (settings["defaultCategory"]!.GetValue<string>(), settings["allowedCountries"]!.ToJsonString()));
        foreach (var unset in new[] { "segmentsPerSecond", "dailySegmentLimit", "monthlyMessageLimit", "sender", "maxSegmentsPerSecond", "maxDailySegments", "maxMonthlyMessages" })
            Assert.True(settings.AsObject().ContainsKey(unset) && settings[unset] is null, unset);

        var key = made.Json["apiKey"]!.GetValue<string>();
        var path = $"/v1/businesses/{made.Id}";
        var changed = await api.Client.PatchAsync(path, """{"name":"Café","timezone":"America/Denver","settings":{"maxAttempts":5,"quietHours":{"mon":["09:00","24:00"]},"sender":{"from":"+15125550100"}}}""", key);
        Assert.Equal(200, changed.Status);
        Assert.Equal(("Café", "America/Denver", 5, 320), (
            changed.Json!["name"]!.GetValue<string>(), changed.Json["timezone"]!.GetValue<string>(),
            changed.Json["settings"]!["maxAttempts"]!.GetValue<int>(), changed.Json["settings"]!["bodyLimit"]!.GetValue<int>()));
        Assert.Equal("""{"mon":["09:00","24:00"]}""", changed.Json["settings"]!["quietHours"]!.ToJsonString());
        Assert.Equal(changed.Json.ToJsonString(), (await api.Client.GetAsync(path, key)).Json!.ToJsonString());
        // Null goes back to the default.
        var reset = await api.Client.PatchAsync(path, """{"settings":{"maxAttempts":null,"quietHours":null,"sender":null}}""", key);
        Assert.Equal(settings.ToJsonString(), reset.Json!["settings"]!.ToJsonString());
    }

    [Fact]
    public async Task A_customer_is_kept_as_given_and_its_number_in_one_form()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var phone = api.NewNumber();
        var made = await business.PostAsync("/customers", new
        {
            name = "Ana",
            phone = $"({phone[2..5]}) {phone[5..8]}-{phone[8..]}",
            timezone = "America/Chicago",
            postalCode = "78701",
            smsConsent = new { status = "opted_in", method = "phone_call", source = "desk", at = "2026-01-02T03:04:05+01:00", notes = "n", ip = "192.0.2.1" },
        });
        Assert.Equal(201, made.Status);
        Assert.Equal($"{business.Path}/customers/{made.Id}", made.Headers.Location!.OriginalString);
        Assert.Equal(phone, made.Json!["phone"]!.GetValue<string>());
        Assert.Equal(
            """{"status":"opted_in","method":"phone_call","source":"desk","at":"2026-01-02T02:04:05Z","notes":"n","ip":"192.0.2.1"}""",
            made.Json["smsConsent"]!.ToJsonString());
        Assert.Equal(made.Text, (await business.GetAsync($"/customers/{made.Id}")).Text);
        Assert.Equal((200, made.Id), ((await business.PostAsync("/customers", new { phone })).Status, (await business.PostAsync("/customers", new { phone })).Id));
    }

    private static void AssertIsProblem(Reply reply)
    {
        Assert.Equal("application/problem+json", reply.ContentType);
        foreach (var member in new[] { "type", "title", "detail", "code", "traceId" })
            Assert.False(string.IsNullOrEmpty(reply.Json![member]?.GetValue<string>()), $"{member} is missing in {reply.Text}");
        Assert.Equal(reply.Status, reply.Json!["status"]!.GetValue<int>());
        Assert.Matches("^[a-z][a-z0-9_]*$", reply.Code);
    }

    private static string Names(JsonNode operation, string place) => string.Join(',', (operation["parameters"]?.AsArray() ?? [])
        .Where(p => p!["in"]!.GetValue<string>().Equals(place, StringComparison.Ordinal))
        .Select(p => p!["name"]!.GetValue<string>()).Order(StringComparer.Ordinal));
}
