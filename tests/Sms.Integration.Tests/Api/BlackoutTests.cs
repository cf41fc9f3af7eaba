using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

public class BlackoutTests(SharedSilo shared)
{
    [Fact]
    public async Task A_blackout_is_made_shown_in_decisions_and_ended()
    {
        var api = await shared.GetAsync();
        var path = $"/v1/blackouts/{Guid.CreateVersion7()}";
        // Long past: other tests must not be stopped by it.
        var put = await api.Client.SendAsync(HttpMethod.Put, path, ApiClient.Json("""{"state":"wy","from":"2001-03-05","until":"2001-03-06","reason":"storm"}"""), SharedSilo.AdminKey);
        Assert.Equal((200, "WY", "2001-03-05"), (put.Status, put.Json!["state"]!.GetValue<string>(), put.Json["from"]!.GetValue<string>()));
        var list = await api.Client.GetAsync("/v1/blackouts", SharedSilo.AdminKey);
        Assert.Contains(list.Json!["data"]!.AsArray(), b => b!["reason"]!.GetValue<string>() == "storm");

        // Noon of a Tuesday in Cheyenne.
        var closed = await PreviewAsync(api, new { postalCode = "82001", at = "2001-03-06T19:00:00Z" });
        Assert.Equal((false, "2001-03-07T15:00:00Z", "closed_day"), (
            closed["canSend"]!.GetValue<bool>(), closed["nextSendTime"]!.GetValue<string>(), closed["reason"]!.GetValue<string>()));
        Assert.Contains(closed["decision"]!["blockedBy"]!.AsArray(), b => b!.GetValue<string>().StartsWith("blackout/", StringComparison.Ordinal));
        Assert.True((await PreviewAsync(api, new { postalCode = "80202", at = "2001-03-06T19:00:00Z" }))["canSend"]!.GetValue<bool>());

        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, path, null, SharedSilo.AdminKey)).Status);
        Assert.Equal(404, (await api.Client.SendAsync(HttpMethod.Delete, path, null, SharedSilo.AdminKey)).Status);
        Assert.True((await PreviewAsync(api, new { postalCode = "82001", at = "2001-03-06T19:00:00Z" }))["canSend"]!.GetValue<bool>());
    }

    [Theory]
    [InlineData("""{"from":"2001-03-06","until":"2001-03-05"}""")]
    [InlineData("""{"from":"2001-03-06"}""")]
    [InlineData("""{"from":"6 March","until":"2001-03-06"}""")]
    [InlineData("""{"state":"XX","from":"2001-03-05","until":"2001-03-06"}""")]
    public async Task A_bad_one_is_refused(string blackout)
    {
        var api = await shared.GetAsync();
        var reply = await api.Client.SendAsync(HttpMethod.Put, $"/v1/blackouts/{Guid.CreateVersion7()}", ApiClient.Json(blackout), SharedSilo.AdminKey);
        Assert.Equal((422, "validation_failed"), (reply.Status, reply.Code));
    }

    [Fact]
    public async Task Only_the_admin_key_may()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        Assert.Equal((403, "admin_key_required"), await api.Client.GetAsync("/v1/blackouts", business.Key) is var r ? (r.Status, r.Code) : default);
    }

    [Fact]
    public async Task A_decision_without_a_message_says_whose_law_it_is()
    {
        var api = await shared.GetAsync();
        // A Sunday morning, half past eleven in Austin: the ZIP code is in Texas and the number is Rhode Island's.
        var reply = await PreviewAsync(api, new { phone = "+14015551234", postalCode = "78701", at = "2026-11-22T17:30:00Z" });
        var decision = reply["decision"]!;
        Assert.Equal(("America/Chicago", "postal_code", "us_states", "2026f"), (
            decision["timezone"]!.GetValue<string>(), decision["timezoneSource"]!.GetValue<string>(), decision["policy"]!.GetValue<string>(), decision["tzdb"]!.GetValue<string>()));
        Assert.Equal("""[{"code":"US-TX","source":"postal_code"},{"code":"US-RI","source":"area_code"}]""", decision["jurisdictions"]!.ToJsonString());
        Assert.Equal("""["US/1","US-TX/1","US-RI/1"]""", decision["rules"]!.ToJsonString());
        Assert.Equal(("2026-11-23T15:00:00Z", "09:00", "18:00"), (
            reply["nextSendTime"]!.GetValue<string>(), decision["window"]![0]!.GetValue<string>(), decision["window"]![1]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_customers_state_is_kept_and_decides()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var made = await business.PostAsync("/customers", new { phone = api.NewNumber(), state = "tx" });
        Assert.Equal((201, "TX"), (made.Status, made.Json!["state"]!.GetValue<string>()));
        Assert.Equal((422, "validation_failed"), await business.PostAsync("/customers", new { phone = api.NewNumber(), state = "Texas" }) is var r ? (r.Status, r.Code) : default);
        var sent = await business.SendAsync(new { customerId = made.Id, body = "Hi", category = "transactional" });
        Assert.Equal("state", sent.Json!["decision"]!["timezoneSource"]!.GetValue<string>());
    }

    private static async Task<JsonNode> PreviewAsync(RunningApi api, object request) =>
        (await api.Client.PostAsync("/v1/preview/quiet-hours", request, SharedSilo.AdminKey)).Json!;
}
