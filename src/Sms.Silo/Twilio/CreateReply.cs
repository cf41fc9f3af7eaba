using System.Net;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;
using Twilio.Exceptions;

namespace Sms.Silo.Twilio;

/// <summary>
/// Says what a reply to a create means. Pure: any status has a meaning, whatever the package made of the body. The status
/// is the wire's; the package counts redirects as successes, and gives none when it cannot read the body.
/// </summary>
internal static class CreateReply
{
    /// <param name="status">As received.</param>
    /// <param name="sid">Of the message that the package read; null when it read none.</param>
    /// <param name="failure">What the package threw; null when it threw nothing.</param>
    /// <param name="retryAfter">From the header, when there was a readable one.</param>
    public static ProviderOutcome Read(HttpStatusCode status, string? sid, Exception? failure, Duration? retryAfter) =>
        (int)status switch
        {
            >= 200 and < 300 when MessageSid.IsValid(sid) => new ProviderOutcome.Accepted(sid),
            // A 2xx that cannot be read is no refusal: the message most likely exists.
            >= 200 and < 300 => new ProviderOutcome.Unknown($"HTTP {(int)status} without a readable sid"),
            >= 400 and < 500 => Refusal(status, failure, retryAfter),
            var other => new ProviderOutcome.Unknown($"HTTP {other}"),
        };

    private static ProviderOutcome Refusal(HttpStatusCode status, Exception? failure, Duration? retryAfter)
    {
        // Without a code the package's words are its own, or the whole body.
        var error = failure is ApiException { Code: > 0 } coded ? coded : null;
        return ErrorCatalog.ClassifyCreate((int)status, error?.Code) switch
        {
            FailureClass.Unknown => new ProviderOutcome.Unknown($"HTTP {(int)status}"),
            var reason => new ProviderOutcome.Refused(reason, error?.Code ?? (int)status, Words(status, error), retryAfter),
        };
    }

    private static string Words(HttpStatusCode status, ApiException? error) =>
        error is not null && error.Message != $"Unable to make request, {status}"
            && ProviderWords.WithoutNumbers(error.Message) is var words && !string.IsNullOrWhiteSpace(words)
            ? words
            : $"HTTP {(int)status}";
}
