using System.Globalization;
using Sms.Domain.Segments;

namespace Sms.Silo.Simulator;

/// <summary>A message as the Messages API shows it; names become snake_case.</summary>
/// <remarks>Source: https://www.twilio.com/docs/messaging/api/message-resource#message-properties.</remarks>
internal sealed record MessageJson(
    string AccountSid,
    string Sid,
    string Status,
    string To,
    string? From,
    string? MessagingServiceSid,
    string Body,
    string NumSegments,
    string DateCreated,
    string DateUpdated,
    string? DateSent,
    int? ErrorCode,
    string Uri)
{
    public string ApiVersion { get; } = "2010-04-01";

    public string Direction { get; } = "outbound-api";

    public string NumMedia { get; } = "0";

    public string? ErrorMessage { get; } = ErrorCode is { } code ? $"Message was not delivered: error {code}." : null;

    public string? Price { get; }

    public string PriceUnit { get; } = "USD";

    public static MessageJson Of(string accountSid, SimulatedMessage message)
    {
        // A Messaging Service has not chosen a sender yet, so Twilio has not counted yet either.
        var segments = message.From is not null ? SmsSegments.Measure(message.Body).Segments : 0;
        return new MessageJson(
            accountSid, message.Sid, message.Status, message.To, message.From, message.MessagingServiceSid,
            message.Body, segments.ToString(CultureInfo.InvariantCulture), Rfc2822(message.CreatedAt), Rfc2822(message.UpdatedAt),
            message.SentAt is { } sent ? Rfc2822(sent) : null, message.ErrorCode,
            $"/2010-04-01/Accounts/{accountSid}/Messages/{message.Sid}.json");
    }

    private static string Rfc2822(DateTimeOffset at) =>
        at.UtcDateTime.ToString("ddd, dd MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture);
}
