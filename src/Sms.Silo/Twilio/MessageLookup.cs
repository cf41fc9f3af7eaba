using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;
using Twilio.Exceptions;
using Twilio.Rest.Api.V2010.Account;
using HttpCall = Twilio.Http.Request;
using HttpVerb = Twilio.Http.HttpMethod;
using PackagePhoneNumber = Twilio.Types.PhoneNumber;
using Subdomain = Twilio.Rest.Domain;

namespace Sms.Silo.Twilio;

/// <summary>Reads messages back: those of one recipient, and one by its SID. Reading changes nothing and may be repeated.</summary>
/// <remarks>
/// Source: https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources. No filter by
/// DateSent: it is null while a message is queued, and whole days. The package carries the pages and does not read them:
/// it takes a page without messages for an empty one, a page without an address of its own for the last, and blocks a
/// thread for each page after the first. A message that passes for absent is sent again.
/// </remarks>
internal sealed class MessageLookup(HttpClient http, TwilioOptions options)
{
    /// <summary>Messages a page, and pages at most: beyond that a list counts as unread.</summary>
    private const int PageSize = 100, MaxPages = 50;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly TwilioAccount account = new(http, options);

    public Task<LookupOutcome> ListAsync(PhoneNumber to, Instant since, CancellationToken cancellationToken) =>
        GuardAsync(async exchange =>
        {
            var client = account.ClientOver(exchange);
            var found = new List<ProviderMessage>();
            var filter = new ReadMessageOptions { To = new PackagePhoneNumber(to.E164), PageSize = PageSize };
            var request = new HttpCall(HttpVerb.Get, Subdomain.Api, account.MessagesPath, queryParams: filter.GetParams());
            for (var page = 0; page < MaxPages; page++)
            {
                var response = await client.RequestAsync(request);
                // The package counts redirects as successes.
                if (response.StatusCode is not HttpStatusCode.OK)
                    return new LookupOutcome.Failed($"HTTP {(int)response.StatusCode}");
                if (JsonSerializer.Deserialize<PageJson>(response.Content, Json) is not { Messages: { } messages } read)
                    return new LookupOutcome.Failed("a reply without messages");
                if (!messages.TrueForAll(static m => MessageSid.IsValid(m?.Sid)))
                    return new LookupOutcome.Failed("a message without a readable sid");

                var shown = messages.ConvertAll(static m => Read(m!));
                found.AddRange(shown);
                // Newest first: a page that is older throughout has nothing of interest after it.
                if (read.NextPageUri is not { Length: > 0 } next
                    || (shown.Count > 0 && shown.TrueForAll(m => m.CreatedAt is { } created && created < since)))
                    return new LookupOutcome.Answered(found);
                if (!next.StartsWith('/') || next.StartsWith("//", StringComparison.Ordinal))
                    return new LookupOutcome.Failed("a next page elsewhere");
                request = new HttpCall(HttpVerb.Get, Subdomain.Api, next);
            }

            return new LookupOutcome.Failed($"more than {MaxPages} pages");
        }, cancellationToken);

    public Task<LookupOutcome> FetchAsync(string sid, CancellationToken cancellationToken) =>
        GuardAsync(async exchange =>
        {
            try
            {
                var answer = await MessageResource.FetchWithHeadersAsync(Uri.EscapeDataString(sid), client: account.ClientOver(exchange));
                if (answer.StatusCode is not HttpStatusCode.OK)
                    return new LookupOutcome.Failed($"HTTP {(int)answer.StatusCode}");
                return answer.Data is { } message && string.Equals(message.Sid, sid, StringComparison.Ordinal)
                    ? new LookupOutcome.Answered([Read(message)])
                    : new LookupOutcome.Failed("a reply without the message");
            }
            catch (TwilioException) when (exchange.Status is HttpStatusCode.NotFound)
            {
                return new LookupOutcome.Answered([]);
            }
        }, cancellationToken);

    /// <summary>One look-up, all its pages, within the time of one call; every failure is a result.</summary>
    private async Task<LookupOutcome> GuardAsync(Func<LookupExchange, Task<LookupOutcome>> read, CancellationToken cancellationToken)
    {
        if (!account.IsComplete)
            return new LookupOutcome.Failed("no credentials");

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Timeout);
        var exchange = new LookupExchange(account, limit.Token);
        try
        {
            return await read(exchange);
        }
        catch (Exception e)
        {
            // Of a reply that could not be read the package says more, in words that hold the account or the whole body.
            return new LookupOutcome.Failed(
                exchange.Status is { } status and not HttpStatusCode.OK ? $"HTTP {(int)status}" : Exchange.Reason(e));
        }
    }

    private static ProviderMessage Read(MessageJson message) => new(
        message.Sid!, message.To ?? "", message.From, message.MessagingServiceSid, message.Body ?? "",
        DateTimeOffset.TryParse(message.DateCreated, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var created)
            ? Instant.FromDateTimeOffset(created) : null,
        message.Status ?? "", message.ErrorCode);

    // The package reads an instant into the clock of this machine.
    private static ProviderMessage Read(MessageResource message) => new(
        message.Sid, message.To ?? "", message.From?.ToString(), message.MessagingServiceSid, message.Body ?? "",
        message.DateCreated is { } created
            ? Instant.FromDateTimeUtc(created.Kind is DateTimeKind.Unspecified ? DateTime.SpecifyKind(created, DateTimeKind.Utc) : created.ToUniversalTime())
            : null,
        message.Status?.ToString() ?? "", message.ErrorCode);

    private sealed record PageJson([property: JsonRequired] List<MessageJson?>? Messages, string? NextPageUri);

    private sealed record MessageJson(
        string? Sid, string? To, string? From, string? MessagingServiceSid, string? Body, string? DateCreated, string? Status, int? ErrorCode);
}
