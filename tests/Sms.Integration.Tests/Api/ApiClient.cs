using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>An answer of the API, read whole.</summary>
public sealed record Reply(int Status, string Text, string? ContentType, HttpResponseHeaders Headers)
{
    public JsonNode? Json => Text.Length == 0 ? null : JsonNode.Parse(Text);

    /// <summary>The code of a problem, else null.</summary>
    public string? Code => ContentType is "application/problem+json" ? Json?["code"]?.GetValue<string>() : null;

    public Guid Id => Json!["id"]!.GetValue<Guid>();

    public string MessageStatus => Json!["status"]!.GetValue<string>();

    public string? Reason => Json!["retry"]?["reason"]?.GetValue<string>();

    public string? Cause => Json!["retry"]?["cause"]?.GetValue<string>();

    /// <summary>The least there is: nobody knows.</summary>
    public DateTimeOffset ScheduledFor => Json!["retry"]?["scheduledFor"]?.GetValue<DateTimeOffset>() ?? DateTimeOffset.MinValue;

    public int AttemptCount => Json!["attemptCount"]!.GetValue<int>();
}

/// <summary>Speaks HTTP as any client would: what is sent is what the test wrote.</summary>
public sealed class ApiClient(HttpClient http)
{
    public Task<Reply> GetAsync(string path, string? key = null) => SendAsync(HttpMethod.Get, path, null, key);

    public Task<Reply> PostAsync(string path, object body, string? key = null, string? idempotencyKey = null) =>
        SendAsync(HttpMethod.Post, path, body as HttpContent ?? Json(body as string ?? JsonSerializer.Serialize(body)), key, idempotencyKey);

    public Task<Reply> PatchAsync(string path, object body, string? key = null) =>
        SendAsync(HttpMethod.Patch, path, Json(body as string ?? JsonSerializer.Serialize(body)), key);

    public async Task<Reply> SendAsync(HttpMethod method, string path, HttpContent? content, string? key, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        if (idempotencyKey is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        using var response = await http.SendAsync(request);
        return new Reply(
            (int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, response.Headers);
    }

    public static HttpContent Json(string text) => new StringContent(text, Encoding.UTF8, "application/json");
}
