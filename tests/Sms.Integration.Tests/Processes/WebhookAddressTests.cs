using System.Security.Cryptography;
using Sms.Integration.Tests.Api;

namespace Sms.Integration.Tests.Processes;

/// <summary>What a webhook is checked against: the public address with whatever path it has, either of two tokens, a shared key.</summary>
public sealed class WebhookAddressTests
{
    private const string Address = "https://texts.example.com/twilio";
    private const string Path = "/webhooks/twilio/status?attempt=01890000-0000-7000-8000-000000000001&x=%3D+%20";
    private const string Today = "the-token-of-today", Tomorrow = "the-token-of-tomorrow", SharedKey = "the-shared-key";

    private static readonly Dictionary<string, string> Form = new(StringComparer.Ordinal)
    {
        ["MessageSid"] = $"SM{Guid.NewGuid():N}",
        ["MessageStatus"] = "delivered",
    };

    [Fact]
    public async Task Signatures_cover_the_public_address_and_either_token_makes_them()
    {
        await using var api = await StartAsync();
        var twilio = new Webhooks(api);
        async Task<int> PostAsync(string token, string address) => (await twilio.PostAsync(Path, Form, token, address + Path)).Status;

        Assert.Equal(204, await PostAsync(Today, Address));
        Assert.Equal(204, await PostAsync(Tomorrow, Address));
        // The provider's client shows the port or not: the same place.
        Assert.Equal(204, await PostAsync(Tomorrow, "https://texts.example.com:443/twilio"));
        Assert.Equal(403, await PostAsync("the-token-of-yesterday", Address));
        Assert.Equal(403, await PostAsync("simulator", Address));
        Assert.Equal(403, await PostAsync(Today, "https://texts.example.com"));
        Assert.Equal(403, await PostAsync(Today, api.Http.BaseAddress!.AbsoluteUri.TrimEnd('/')));
        Assert.Equal(403, (await twilio.PostAsync(Path, Form, Today, (Address + Path).Replace("%3D", "=", StringComparison.Ordinal))).Status);
        // No key was set: whoever signs, the header alone refuses it.
        foreach (var secret in new[] { Today, SharedKey, "" })
            Assert.Equal(403, (await PostSignedAsync(twilio, secret, HashAlgorithmName.SHA256, "key=K1,algorithm=HMAC_SHA256")).Status);
        Assert.Equal(403, (await PostSignedAsync(twilio, Today, HashAlgorithmName.SHA1, "key=K1,algorithm=HMAC_SHA1")).Status);
        Assert.Equal(403, (await PostSignedAsync(twilio, Today, HashAlgorithmName.SHA1, "")).Status);
    }

    [Fact]
    public async Task A_shared_key_signs_where_the_header_says_so_and_there_alone()
    {
        await using var api = await StartAsync(("TWILIO_WEBHOOK_SHARED_KEY", SharedKey));
        var twilio = new Webhooks(api);
        async Task<int> PostAsync(string secret, HashAlgorithmName algorithm, string settings) =>
            (await PostSignedAsync(twilio, secret, algorithm, settings)).Status;
        const string Sha256 = "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256";

        Assert.Equal(204, await PostAsync(SharedKey, HashAlgorithmName.SHA256, Sha256));
        Assert.Equal(204, await PostAsync(SharedKey, HashAlgorithmName.SHA256, " algorithm = hmac_sha256 , key = K1 "));
        Assert.Equal(204, await PostAsync(SharedKey, HashAlgorithmName.SHA1, "key=K1,algorithm=HMAC_SHA1"));
        // As in the provider's own libraries, an algorithm that is not named is SHA-1.
        Assert.Equal(204, await PostAsync(SharedKey, HashAlgorithmName.SHA1, "key=K1"));
        Assert.Equal(204, (await PostSignedAsync(twilio, SharedKey, HashAlgorithmName.SHA256, Sha256, "https://texts.example.com:443/twilio")).Status);
        Assert.Equal(204, (await twilio.PostAsync(Path, Form, Today, Address + Path)).Status);

        // With the header no auth token counts, by whatever algorithm.
        foreach (var algorithm in new[] { HashAlgorithmName.SHA1, HashAlgorithmName.SHA256 })
        {
            foreach (var settings in new[] { Sha256, "key=K1,algorithm=HMAC_SHA1", "key=K1", "algorithm=", "", "nonsense" })
            {
                Assert.Equal(403, await PostAsync(Today, algorithm, settings));
                Assert.Equal(403, await PostAsync(Tomorrow, algorithm, settings));
                Assert.Equal(403, await PostAsync("another-key", algorithm, settings));
            }
        }

        // The algorithm is the one that is named.
        Assert.Equal(403, await PostAsync(SharedKey, HashAlgorithmName.SHA1, Sha256));
        Assert.Equal(403, await PostAsync(SharedKey, HashAlgorithmName.SHA256, "key=K1"));
        foreach (var unknown in new[] { "HMAC_SHA512", "HMAC_MD5", "SHA256", "none", "HMAC_SHA256x" })
        {
            foreach (var algorithm in new[] { HashAlgorithmName.SHA1, HashAlgorithmName.SHA256, HashAlgorithmName.SHA512 })
                Assert.Equal(403, await PostAsync(SharedKey, algorithm, $"key=K1,algorithm={unknown}"));
        }

        // Without the header no shared key counts.
        Assert.Equal(403, (await twilio.PostAsync(Path, Form, SharedKey, Address + Path)).Status);
        Assert.Equal(403, (await PostSignedAsync(twilio, SharedKey, HashAlgorithmName.SHA256, Sha256, "https://texts.example.com")).Status);
    }

    private static Task<RunningApi> StartAsync(params (string, string)[] more) => RunningApi.StartAsync(
    [
        ("SMS_PROVIDER", "twilio"), ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"), ("TWILIO_AUTH_TOKEN", Today),
        ("TWILIO_AUTH_TOKEN_SECONDARY", Tomorrow), ("TWILIO_PHONE_NUMBER", "+15005550006"),
        ("TWILIO_API_BASE_URL", "http://127.0.0.1:1"), ("SMS_PUBLIC_URL", Address + "/"), .. more,
    ]);

    private static Task<Reply> PostSignedAsync(
        Webhooks twilio, string secret, HashAlgorithmName algorithm, string settings, string address = Address) =>
        twilio.PostSignedAsync(Path, Form, Webhooks.Sign(secret, address + Path, Form, algorithm), settings);
}
