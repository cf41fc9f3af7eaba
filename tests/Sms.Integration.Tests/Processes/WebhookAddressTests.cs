using Sms.Integration.Tests.Api;

namespace Sms.Integration.Tests.Processes;

/// <summary>What a webhook is checked against: the public address with whatever path it has, and either of two tokens.</summary>
public sealed class WebhookAddressTests
{
    [Fact]
    public async Task Signatures_cover_the_public_address_and_either_token_makes_them()
    {
        await using var api = await RunningApi.StartAsync(
            ("SMS_PROVIDER", "twilio"), ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"), ("TWILIO_AUTH_TOKEN", "the-token-of-today"),
            ("TWILIO_AUTH_TOKEN_SECONDARY", "the-token-of-tomorrow"), ("TWILIO_PHONE_NUMBER", "+15005550006"),
            ("TWILIO_API_BASE_URL", "http://127.0.0.1:1"), ("SMS_PUBLIC_URL", "https://texts.example.com/twilio/"));
        var twilio = new Webhooks(api);
        const string Path = "/webhooks/twilio/status?attempt=01890000-0000-7000-8000-000000000001&x=%3D+%20";
        var form = new Dictionary<string, string>(StringComparer.Ordinal) { ["MessageSid"] = $"SM{Guid.NewGuid():N}", ["MessageStatus"] = "delivered" };
        async Task<int> PostAsync(string token, string address) => (await twilio.PostAsync(Path, form, token, address + Path)).Status;

        const string Address = "https://texts.example.com/twilio";
        Assert.Equal(204, await PostAsync("the-token-of-today", Address));
        Assert.Equal(204, await PostAsync("the-token-of-tomorrow", Address));
        // The provider's client shows the port or not: the same place.
        Assert.Equal(204, await PostAsync("the-token-of-tomorrow", "https://texts.example.com:443/twilio"));
        Assert.Equal(403, await PostAsync("the-token-of-yesterday", Address));
        Assert.Equal(403, await PostAsync("simulator", Address));
        Assert.Equal(403, await PostAsync("the-token-of-today", "https://texts.example.com"));
        Assert.Equal(403, await PostAsync("the-token-of-today", api.Http.BaseAddress!.AbsoluteUri.TrimEnd('/')));
        Assert.Equal(403, (await twilio.PostAsync(Path, form, "the-token-of-today", (Address + Path).Replace("%3D", "=", StringComparison.Ordinal))).Status);
    }
}
