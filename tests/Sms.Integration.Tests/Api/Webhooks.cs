using System.Security.Cryptography;
using System.Text;

namespace Sms.Integration.Tests.Api;

/// <summary>Speaks as Twilio does: forms signed with the account's token, here the simulator's.</summary>
public sealed class Webhooks(RunningApi api)
{
    /// <summary>What the shared program takes for its own address: port 1, where the simulator's own callbacks find nobody.</summary>
    public const string PublicUrl = "http://127.0.0.1:1";

    private const string Token = "simulator";

    public Task<Reply> StatusAsync(Guid attempt, string sid, string status, int? errorCode = null, string token = Token)
    {
        var form = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["AccountSid"] = "AC00000000000000000000000000000001",
            ["MessageSid"] = sid,
            ["MessageStatus"] = status,
        };
        if (errorCode is { } code)
            form["ErrorCode"] = $"{code}";
        return PostAsync($"/webhooks/twilio/status?attempt={attempt}", form, token);
    }

    public Task<Reply> InboundAsync(string from, string body, string? sid = null, string to = "+15005550006", string? optOutType = null, string? service = null)
    {
        var form = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MessageSid"] = sid ?? $"SM{Guid.NewGuid():N}",
            ["From"] = from,
            ["To"] = to,
            ["Body"] = body,
        };
        if (optOutType is not null)
            form["OptOutType"] = optOutType;
        if (service is not null)
            form["MessagingServiceSid"] = service;
        return PostAsync("/webhooks/twilio/inbound", form, Token);
    }

    /// <summary>Posts a form signed over this URL; null: the one it goes to.</summary>
    public async Task<Reply> PostAsync(string path, Dictionary<string, string> form, string? token, string? signedUrl = null)
    {
        using var content = new FormUrlEncodedContent(form);
        return await PostAsync(path, content, token is null ? null : Sign(token, signedUrl ?? PublicUrl + path, form));
    }

    /// <summary>Posts whatever it is, signed as Twilio would sign this form.</summary>
    public Task<Reply> PostRawAsync(string path, byte[] body, string? contentType, params (string Name, string Value)[] form)
    {
        var content = new ByteArrayContent(body);
        if (contentType is not null)
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return PostAsync(path, content, Sign(Token, PublicUrl + path, form.ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal)));
    }

    public static string Sign(string token, string url, Dictionary<string, string> form) => Sign(token, url, form, HashAlgorithmName.SHA1);

    public static string Sign(string secret, string url, Dictionary<string, string> form, HashAlgorithmName algorithm)
    {
        var text = url + string.Concat(form.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Key + p.Value));
        return Convert.ToBase64String(CryptographicOperations.HmacData(algorithm, Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Posts a form with this signature, and the header that comes with the signature of a shared key.</summary>
    public async Task<Reply> PostSignedAsync(string path, Dictionary<string, string> form, string signature, string settings)
    {
        using var content = new FormUrlEncodedContent(form);
        return await PostAsync(path, content, signature, settings);
    }

    private async Task<Reply> PostAsync(string path, HttpContent content, string? signature, string? settings = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        if (signature is not null)
            request.Headers.Add("X-Twilio-Signature", signature);
        if (settings is not null)
            request.Headers.TryAddWithoutValidation("X-Twilio-Webhooks-Signature-Settings", settings);
        using var response = await api.Http.SendAsync(request);
        return new Reply((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, response.Headers);
    }
}
