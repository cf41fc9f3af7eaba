using System.Globalization;

namespace Sms.Silo.Simulator;

/// <summary>What one status callback says.</summary>
/// <param name="Sid">The message.</param>
/// <param name="Status">Its status then.</param>
/// <param name="Url">Its StatusCallback, fragment included.</param>
/// <param name="Form">All fields.</param>
/// <remarks>Source: https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks.</remarks>
internal sealed record StatusReport(string Sid, string Status, string Url, IReadOnlyCollection<KeyValuePair<string, string>> Form)
{
    /// <summary>Null when the message asked for no callbacks.</summary>
    public static StatusReport? Of(string accountSid, SimulatedMessage message)
    {
        if (message.StatusCallback is not { } url)
            return null;
        List<KeyValuePair<string, string>> form =
        [
            new("AccountSid", accountSid),
            new("ApiVersion", "2010-04-01"),
            new("From", message.From ?? ""),
            new("MessageSid", message.Sid),
            new("MessageStatus", message.Status),
            new("SmsSid", message.Sid),
            new("SmsStatus", message.Status),
            new("To", message.To),
        ];
        if (message.MessagingServiceSid is { } service)
            form.Add(new("MessagingServiceSid", service));
        if (message.ErrorCode is { } code)
            form.Add(new("ErrorCode", code.ToString(CultureInfo.InvariantCulture)));
        // The carrier's own receipt, in the carrier's format: no zone, no seconds.
        if (message.Status is "delivered" or "undelivered")
            form.Add(new("RawDlrDoneDate", message.UpdatedAt.UtcDateTime.ToString("yyMMddHHmm", CultureInfo.InvariantCulture)));
        return new StatusReport(message.Sid, message.Status, url, form);
    }
}
