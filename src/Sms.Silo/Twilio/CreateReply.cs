using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using NodaTime;
using Sms.Domain.Failures;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>What a reply to a create means. Pure: any status and any bytes have a meaning, none throws.</summary>
internal static partial class CreateReply
{
    /// <param name="status">As received.</param>
    /// <param name="body">As received; JSON is expected and anything is borne.</param>
    /// <param name="retryAfter">From the header, when there was a readable one.</param>
    public static ProviderOutcome Read(HttpStatusCode status, ReadOnlySpan<byte> body, Duration? retryAfter) =>
        (int)status switch
        {
            >= 200 and < 300 => Success(status, body),
            >= 400 and < 500 => Refusal((int)status, body, retryAfter),
            var other => new ProviderOutcome.Unknown($"HTTP {other}"),
        };

    // A 2xx that cannot be read is no refusal: the message most likely exists.
    private static ProviderOutcome Success(HttpStatusCode status, ReadOnlySpan<byte> body) =>
        Json<Created>(body)?.Sid is { } sid && MessageSid().IsMatch(sid)
            ? new ProviderOutcome.Accepted(sid)
            : new ProviderOutcome.Unknown($"HTTP {(int)status} without a readable sid");

    private static ProviderOutcome Refusal(int status, ReadOnlySpan<byte> body, Duration? retryAfter)
    {
        var error = Json<Error>(body);
        var message = error?.Message is { } words ? ProviderWords.WithoutNumbers(words) : $"HTTP {status}";
        return ErrorCatalog.ClassifyCreate(status, error?.Code) switch
        {
            FailureClass.Unknown => new ProviderOutcome.Unknown($"HTTP {status}"),
            var reason => new ProviderOutcome.Refused(reason, error?.Code ?? status, message, retryAfter),
        };
    }

    private static T? Json<T>(ReadOnlySpan<byte> body)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(body, JsonSerializerOptions.Web);
        }
        catch (JsonException)
        {
            // A proxy's page or a cut reply: the status alone decides.
            return null;
        }
    }

    [GeneratedRegex("^(SM|MM)[0-9a-fA-F]{32}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MessageSid();

    private sealed record Created(string? Sid);

    private sealed record Error(int? Code, string? Message);
}
