using System.Net;
using System.Text;

namespace Sms.Integration.Tests.Twilio;

/// <summary>Below the provider: answers each request with the next reply, the last one for ever, and keeps what was asked.</summary>
internal sealed class CannedReplies(params Func<HttpResponseMessage>[] replies) : HttpMessageHandler
{
    public List<Wire> Requests { get; } = [];

    public static CannedReplies Of(HttpStatusCode status, string body) => new(() => Reply(status, body));

    public static HttpResponseMessage Reply(HttpStatusCode status, string body) =>
        new(status) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // As the real one does: the body is what leaves.
        var body = request.Content is { } content ? await content.ReadAsStringAsync(cancellationToken) : "";
        var headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? [])
            .ToDictionary(h => h.Key, h => string.Join(' ', h.Value), StringComparer.OrdinalIgnoreCase);
        Requests.Add(new Wire(request.Method, request.RequestUri!, headers, body));
        return replies[Math.Min(Requests.Count, replies.Length) - 1]();
    }

    /// <summary>A request as it went.</summary>
    internal sealed record Wire(HttpMethod Method, Uri Url, IReadOnlyDictionary<string, string> Headers, string Body);
}
