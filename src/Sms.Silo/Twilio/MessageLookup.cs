using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using NodaTime;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>Reads messages back: those of one recipient, and one by its SID. Reading changes nothing and may be repeated.</summary>
/// <remarks>
/// Source: https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources. No filter by
/// DateSent: it is null while a message is queued, and whole days.
/// </remarks>
internal sealed class MessageLookup(HttpClient http, TwilioOptions options)
{
    /// <summary>Messages a page, and pages at most: beyond that a list counts as unread.</summary>
    private const int PageSize = 100, MaxPages = 50;

    /// <summary>Bytes of a page at most; a message has 1,600 units of text and some 1,500 bytes beside it.</summary>
    private const int MaxBytes = 2 * 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string root = options.ApiBaseUrl.AbsoluteUri.TrimEnd('/');

    private readonly AuthenticationHeaderValue credentials = new(
        "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.AccountSid}:{options.AuthToken}")));

    public Task<LookupOutcome> ListAsync(PhoneNumber to, Instant since, CancellationToken cancellationToken) =>
        GuardAsync(async limit =>
        {
            var found = new List<ProviderMessage>();
            var path = $"/2010-04-01/Accounts/{options.AccountSid}/Messages.json?To={Uri.EscapeDataString(to.E164)}&PageSize={PageSize}";
            for (var page = 0; page < MaxPages; page++)
            {
                var (status, body) = await GetAsync(path, limit);
                if (status is not HttpStatusCode.OK)
                    return new LookupOutcome.Failed($"HTTP {(int)status}");
                if (JsonSerializer.Deserialize<PageJson>(body.Span, Json) is not { Messages: { } messages } read)
                    return new LookupOutcome.Failed("a reply without messages");

                var shown = messages.Where(m => m.Sid is not null).Select(Read).ToList();
                found.AddRange(shown);
                // Newest first: a page that is older throughout has nothing of interest after it.
                if (read.NextPageUri is not { Length: > 0 } next
                    || (shown.Count > 0 && shown.TrueForAll(m => m.CreatedAt is { } created && created < since)))
                    return new LookupOutcome.Answered(found);
                // Our host and no other gets the credentials.
                if (!next.StartsWith('/') || next.StartsWith("//", StringComparison.Ordinal))
                    return new LookupOutcome.Failed("a next page elsewhere");
                path = next;
            }

            return new LookupOutcome.Failed($"more than {MaxPages} pages");
        }, cancellationToken);

    public Task<LookupOutcome> FetchAsync(string sid, CancellationToken cancellationToken) =>
        GuardAsync(async limit =>
        {
            var (status, body) = await GetAsync($"/2010-04-01/Accounts/{options.AccountSid}/Messages/{Uri.EscapeDataString(sid)}.json", limit);
            return status switch
            {
                HttpStatusCode.OK when JsonSerializer.Deserialize<MessageJson>(body.Span, Json) is { Sid: not null } message =>
                    new LookupOutcome.Answered([Read(message)]),
                HttpStatusCode.NotFound => new LookupOutcome.Answered([]),
                _ => new LookupOutcome.Failed($"HTTP {(int)status}"),
            };
        }, cancellationToken);

    /// <summary>One look-up, all its pages, within the time of one call; every failure is a result.</summary>
    private async Task<LookupOutcome> GuardAsync(Func<CancellationToken, Task<LookupOutcome>> read, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timeout);
        try
        {
            return await read(limit.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException or JsonException)
        {
            return new LookupOutcome.Failed(e.GetType().Name);
        }
    }

    private async Task<(HttpStatusCode Status, ReadOnlyMemory<byte> Body)> GetAsync(string path, CancellationToken limit)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, root + path);
        request.Headers.Authorization = credentials;
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
        return (response.StatusCode, await BoundedBody.ReadAsync(response.Content, limit, MaxBytes));
    }

    private static ProviderMessage Read(MessageJson message) => new(
        message.Sid!, message.To ?? "", message.From, message.MessagingServiceSid, message.Body ?? "",
        DateTimeOffset.TryParse(message.DateCreated, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var created)
            ? Instant.FromDateTimeOffset(created) : null,
        message.Status ?? "", message.ErrorCode);

    private sealed record PageJson(List<MessageJson>? Messages, string? NextPageUri);

    private sealed record MessageJson(
        string? Sid, string? To, string? From, string? MessagingServiceSid, string? Body, string? DateCreated, string? Status, int? ErrorCode);
}
