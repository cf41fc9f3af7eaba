using Sms.Api;

namespace Sms.Integration.Tests.Api;

/// <summary>What a caller asks for and this API does not have is refused, not ignored.</summary>
public sealed class UnknownNameTests(SharedSilo shared)
{
    [Theory]
    [InlineData("scheduledFor", "sendAt")]
    [InlineData("sendat_", "sendAt")]
    [InlineData("send_at", "sendAt")]
    [InlineData("catgory", "category")]
    [InlineData("text", "body")]
    [InlineData("customer_id", "customerId")]
    public async Task A_member_of_a_send_that_there_is_not_is_named_with_the_nearest(string member, string nearest)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();

        var reply = await business.SendAsync(new Dictionary<string, object>
        {
            ["to"] = api.NewNumber(),
            ["body"] = "Hi",
            ["category"] = "transactional",
            [member] = "2026-12-01T10:00:00-06:00",
        });

        Assert.Equal((422, "validation_failed"), (reply.Status, reply.Code));
        Assert.Contains($"did you mean `{nearest}`?", reply.Json!["errors"]![member]![0]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(0, await api.Database.ScalarAsync<long>("select count(*) from send_logs where business_id = $1", business.Id));
    }

    [Fact]
    public async Task An_entry_of_a_batch_with_an_unknown_member_is_refused_alone()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();

        var reply = await business.PostAsync("/messages/batch", new
        {
            messages = new object[]
            {
                new { to = api.NewNumber(), body = "Hi", category = "transactional" },
                new { to = api.NewNumber(), body = "Hi", category = "transactional", scheduledFor = "2026-12-01T10:00:00Z" },
            },
        });

        Assert.Equal("202,422", string.Join(',', reply.Json!["results"]!.AsArray().Select(r => r!["status"]!.GetValue<int>())));
        Assert.Equal(422, (await business.PostAsync("/messages/batch", new { messages = Array.Empty<object>(), dryRun = true })).Status);
    }

    [Theory]
    [InlineData("""{"phone": "+13125550100", "email": "ana@example.com"}""", "email")]
    [InlineData("""{"phone": "+13125550100", "smsConsent": {"status": "opted_in", "wording": "I agree"}}""", "smsConsent.wording")]
    public async Task Nested_members_are_looked_at_too(string customer, string member)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var reply = await business.PostAsync("/customers", customer);
        Assert.Equal((422, member), (reply.Status, reply.Json!["errors"]!.AsObject().Single().Key));
    }

    [Fact]
    public async Task Metadata_and_variables_are_the_callers_own()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        Assert.Equal(202, (await business.SendAsync(new
        {
            to = api.NewNumber(),
            body = "Hi",
            category = "transactional",
            metadata = new { scheduledFor = 1, nested = new { any = "thing" } },
            variables = new { any = "thing" },
        })).Status);
    }

    [Theory]
    [InlineData("/messages?phone=%2B13125550100", "phone", "to")]
    [InlineData("/messages?Status=sent&form=x", "form", "from")]
    [InlineData("/messages?pageSize=5", "pageSize", "limit")]
    [InlineData("/customers?name=Ana", "name", "phone")]
    [InlineData("/stats?since=2026-01-01T00:00:00Z", "since", null)]
    public async Task A_query_parameter_that_there_is_not_is_named(string path, string name, string? nearest)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();

        var reply = await business.GetAsync(path);

        Assert.Equal((422, "validation_failed"), (reply.Status, reply.Code));
        var fault = reply.Json!["errors"]![name]![0]!.GetValue<string>();
        if (nearest is null)
            Assert.DoesNotContain("did you mean", fault, StringComparison.Ordinal);
        else if (nearest is not "from")
            Assert.Contains($"did you mean `{nearest}`?", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_asks_for_nothing_takes_no_members()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var waiting = (await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddDays(1) })).Id;
        foreach (var path in new[] { "/api-keys", $"/messages/{waiting}/cancel", $"/messages/{waiting}/retry" })
        {
            var reply = await business.PostAsync(path, """{"scopes": ["read"]}""");
            Assert.Equal((422, "scopes"), (reply.Status, reply.Json!["errors"]!.AsObject().Single().Key));
            Assert.Equal(400, (await business.PostAsync(path, "[")).Status);
        }

        Assert.Equal("pending", (await business.MessageAsync(waiting)).MessageStatus);
        Assert.Equal(201, (await business.PostAsync("/api-keys", "{}")).Status);
        Assert.Equal(200, (await business.CancelAsync(waiting)).Status);
    }

    [Theory]
    [InlineData("quiet", "quietHours")]
    [InlineData("dailyLimit", "dailySegmentLimit")]
    public async Task A_setting_that_there_is_not_is_named_with_the_nearest(string name, string nearest)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var reply = await business.PatchAsync(new { settings = new Dictionary<string, object> { [name] = 1 } });
        Assert.Equal(422, reply.Status);
        Assert.Equal($"is not a setting: did you mean `{nearest}`?", reply.Json!["errors"]![$"settings.{name}"]![0]!.GetValue<string>());
    }

    [Fact]
    public async Task Whoever_has_no_key_learns_nothing_of_names() =>
        Assert.Equal(401, (await (await shared.GetAsync()).Client.GetAsync($"/v1/businesses/{Guid.NewGuid()}/messages?phone=1")).Status);

    [Fact]
    public async Task A_body_of_another_type_is_told_by_the_header_that_says_so()
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var reply = await business.PostAsync("/messages", new StringContent("{}"));
        Assert.Equal(415, reply.Status);
        Assert.Contains("Content-Type", reply.Json!["detail"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_wording_shown_is_kept_with_a_customers_consent_and_consent_is_not_of_the_future()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var consent = new { status = "opted_in", method = "website_form", source = "https://acme.example", text = "I agree to texts from Acme" };
        var made = await business.PostAsync("/customers", new { phone = api.NewNumber(), smsConsent = consent });
        var changed = await api.Client.PatchAsync($"{business.Path}/customers/{made.Id}", new { phone = api.NewNumber(), smsConsent = consent with { text = "I agree again" } }, business.Key);
        Assert.Equal((201, 200), (made.Status, changed.Status));
        var ledger = (await business.GetAsync($"/customers/{made.Id}/consent")).Json!["data"]!.AsArray();
        Assert.Equal("I agree to texts from Acme,I agree again", string.Join(',', ledger.Select(e => e!["text"]?.GetValue<string>()).OfType<string>()));
        Assert.All(ledger.Where(e => e!["text"] is not null), e => Assert.Equal(64, e!["textHash"]!.GetValue<string>().Length));

        foreach (var (path, body, member) in new (string, object, string)[]
        {
            ("/customers", new { phone = api.NewNumber(), smsConsent = new { status = "opted_in", at = "2040-01-01T00:00:00Z" } }, "smsConsent.at"),
            ($"/customers/{made.Id}/consent", new { status = "opted_in", method = "website_form", source = "x", at = "2040-01-01T00:00:00Z" }, "at"),
        })
        {
            var reply = await business.PostAsync(path, body);
            Assert.Equal((422, member), (reply.Status, reply.Json!["errors"]!.AsObject().Single().Key));
        }
    }

    [Theory]
    [InlineData("sendat", "sendAt")]
    [InlineData("templatid", "templateId")]
    [InlineData("expiresAt", "validUntil")]
    public void The_nearest_name_is_found(string name, string expected) =>
        Assert.Equal(expected, UnknownNames.Nearest(name, ["customerId", "to", "body", "templateId", "variables", "category", "sendAt", "validUntil", "metadata"]));
}
