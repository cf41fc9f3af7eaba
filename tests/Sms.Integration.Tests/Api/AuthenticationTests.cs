using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

public class AuthenticationTests(SharedSilo shared)
{
    private static readonly Guid Anything = Guid.Parse("01890000-0000-7000-8000-000000000001");

    /// <summary>Every call that needs a key, with a body that it takes; {b} is a business.</summary>
    public static TheoryData<string, string, string?> Calls { get; } = new()
    {
        { "POST", "/v1/businesses", """{"name":"Mine"}""" },
        { "GET", "{b}", null },
        { "PATCH", "{b}", """{"name":"Stolen"}""" },
        { "POST", "{b}/api-keys", null },
        { "GET", "{b}/api-keys", null },
        { "DELETE", $"{{b}}/api-keys/{Anything}", null },
        { "POST", "{b}/customers", """{"phone":"+15125550000"}""" },
        { "GET", "{b}/customers", null },
        { "GET", "{b}/customers?phone=5125550000", null },
        { "GET", $"{{b}}/customers/{Anything}", null },
        { "PATCH", $"{{b}}/customers/{Anything}", """{"name":"Stolen"}""" },
        { "POST", $"{{b}}/customers/{Anything}/consent", """{"status":"opted_in","method":"other","source":"x"}""" },
        { "GET", $"{{b}}/customers/{Anything}/consent", null },
        { "GET", "{b}/opt-outs", null },
        { "PUT", "{b}/opt-outs/+15125550000", "{}" },
        { "DELETE", "{b}/opt-outs/+15125550000", null },
        { "POST", "{b}/messages", """{"to":"+15125550000","body":"Hi"}""" },
        { "POST", "{b}/messages/batch", """{"messages":[{"to":"+15125550000","body":"Hi"},{"to":1}]}""" },
        { "POST", "{b}/messages/batch", """{"messages":[{"to":1}]}""" },
        { "GET", "{b}/messages", null },
        { "GET", "{b}/messages?to=5125550000", null },
        { "GET", $"{{b}}/messages/{Anything}", null },
        { "GET", $"{{b}}/messages/{Anything}/events", null },
        { "POST", $"{{b}}/messages/{Anything}/cancel", null },
        { "POST", $"{{b}}/messages/{Anything}/retry", null },
        { "GET", "{b}/stats", null },
        { "GET", "/v1/retries/stats", null },
        { "POST", "/v1/preview/segments", """{"body":"Hi"}""" },
        { "POST", "/v1/preview/quiet-hours", """{"timezone":"UTC"}""" },
    };

    public static TheoryData<string, string, string?> CallsOfABusiness { get; } =
        [.. Calls.Where(c => c.Data.Item2.StartsWith("{b}", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Without_a_known_key_nothing_is_answered(string method, string path, string? body)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var authorization in new[]
        {
            null, "", "Bearer", "Bearer ", "Bearer nobody", $"Basic {business.Key}", business.Key, $"Bearer{business.Key}",
            $"Bearer {business.Key}x", $"Bearer {business.Key[..^1]}", $"Bearer {SharedSilo.AdminKey[..^1]}", $"Bearer {business.Key.ToUpperInvariant()}",
            $"Bearer {business.Key} {business.Key}", "Bearer '; drop table sms.api_keys; --", $"Bearer {new string('k', 4000)}",
        })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path.Replace("{b}", business.Path, StringComparison.Ordinal));
            if (body is not null)
                request.Content = ApiClient.Json(body);
            if (authorization is not null)
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            using var reply = await api.Http.SendAsync(request);
            Assert.True(reply.StatusCode == System.Net.HttpStatusCode.Unauthorized, $"'{authorization}' was answered {reply.StatusCode}");
            Assert.Equal("Bearer", reply.Headers.WwwAuthenticate.ToString());
            Assert.Equal("unauthorized", JsonNode.Parse(await reply.Content.ReadAsStringAsync())!["code"]!.GetValue<string>());
        }
    }

    [Fact]
    public async Task A_business_key_may_not_make_businesses()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();

        foreach (var body in new[] { """{"name":"Mine"}""", "not json", "" })
        {
            var reply = await api.Client.PostAsync("/v1/businesses", body, business.Key);
            Assert.Equal((403, "admin_key_required"), (reply.Status, reply.Code));
        }

        var stats = await api.Client.GetAsync("/v1/retries/stats", business.Key);
        Assert.Equal((403, "admin_key_required"), (stats.Status, stats.Code));
    }

    [Theory]
    [MemberData(nameof(CallsOfABusiness))]
    public async Task Somebody_elses_business_looks_as_one_that_does_not_exist(string method, string path, string? request)
    {
        var api = await shared.GetAsync();
        var (mine, theirs) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());

        var bodies = new List<string>();
        foreach (var (owner, key) in new[]
        {
            (theirs.Path, mine.Key), ($"/v1/businesses/{Guid.CreateVersion7()}", mine.Key), ("/v1/businesses/nonsense", mine.Key),
            ($"/v1/businesses/{mine.Id:N}", mine.Key), ($"/v1/businesses/{Guid.Empty}", SharedSilo.AdminKey),
        })
        {
            var content = request is null ? null : ApiClient.Json(request);
            var reply = await api.Client.SendAsync(new HttpMethod(method), path.Replace("{b}", owner, StringComparison.Ordinal), content, key);
            Assert.Equal((404, "not_found"), (reply.Status, reply.Code));
            var body = reply.Json!.AsObject();
            Assert.True(body.Remove("traceId"));
            bodies.Add(body.ToJsonString());
        }

        Assert.Single(bodies.Distinct(StringComparer.Ordinal));
        Assert.Equal("Acme", (await theirs.GetAsync()).Json!["name"]!.GetValue<string>());
        Assert.Equal(0, await theirs.CountRowsAsync());
    }

    [Fact]
    public async Task What_belongs_to_another_business_is_not_found_under_ones_own()
    {
        var api = await shared.GetAsync();
        var (mine, theirs) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var customer = await theirs.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var waiting = await theirs.SendAsync(new { customerId = customer, body = "Hi" });
        Assert.Equal("pending", waiting.MessageStatus);

        Assert.Equal(404, (await mine.MessageAsync(waiting.Id)).Status);
        Assert.Equal(404, (await mine.CancelAsync(waiting.Id)).Status);
        Assert.Equal(404, (await mine.GetAsync($"/customers/{customer}")).Status);
        Assert.Equal("customer_not_found", (await mine.SendAsync(new { customerId = customer, body = "Hi" })).Code);
        Assert.Empty((await mine.GetAsync("/messages")).Json!["data"]!.AsArray());
        Assert.Empty((await mine.GetAsync($"/messages?customerId={customer}")).Json!["data"]!.AsArray());
        Assert.Equal("pending", (await theirs.MessageAsync(waiting.Id)).MessageStatus);
    }

    [Fact]
    public async Task The_admin_key_may_do_everything()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        Task<Reply> AsAdmin(string method, string path, string? body = null) =>
            api.Client.SendAsync(new HttpMethod(method), business.Path + path, body is null ? null : ApiClient.Json(body), SharedSilo.AdminKey);

        Assert.Equal(200, (await AsAdmin("GET", "")).Status);
        Assert.Equal(200, (await AsAdmin("PATCH", "", """{"name":"Renamed"}""")).Status);
        var customer = await AsAdmin("POST", "/customers", $$"""{"phone":"{{api.NewNumber()}}","timezone":"{{Hours.Night}}"}""");
        Assert.Equal(201, customer.Status);
        Assert.Equal(200, (await AsAdmin("GET", $"/customers/{customer.Id}")).Status);
        var message = await AsAdmin("POST", "/messages", $$"""{"customerId":"{{customer.Id}}","body":"Hi"}""");
        Assert.Equal(202, message.Status);
        Assert.Equal(200, (await AsAdmin("GET", "/messages")).Status);
        Assert.Equal(200, (await AsAdmin("GET", $"/messages/{message.Id}")).Status);
        Assert.Equal(200, (await AsAdmin("POST", $"/messages/{message.Id}/cancel")).Status);
        Assert.Equal(200, (await api.Client.PostAsync("/v1/preview/segments", """{"body":"Hi"}""", SharedSilo.AdminKey)).Status);
        Assert.Equal(200, (await api.Client.PostAsync("/v1/preview/quiet-hours", """{"timezone":"UTC"}""", SharedSilo.AdminKey)).Status);
    }

    [Fact]
    public async Task The_scheme_is_read_in_any_case_and_ids_too()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, business.Path.ToUpperInvariant().Replace("/V1/BUSINESSES", "/v1/businesses", StringComparison.Ordinal));
        request.Headers.TryAddWithoutValidation("Authorization", $"bearer {business.Key}");
        using var reply = await api.Http.SendAsync(request);
        Assert.Equal(System.Net.HttpStatusCode.OK, reply.StatusCode);
    }

    [Fact]
    public async Task Keys_are_kept_hashed_and_shown_once()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();

        Assert.Null((await business.GetAsync()).Json!["apiKey"]);
        Assert.Equal(0, await api.Database.ScalarAsync<long>(
            "select count(*) from sms.api_keys k where k::text like '%' || $1 || '%'", business.Key));
        Assert.Equal(1, await api.Database.ScalarAsync<long>(
            "select count(*) from sms.api_keys where business_id = $1 and key_hash = sha256(convert_to($2, 'UTF8'))", business.Id, business.Key));
    }
}
