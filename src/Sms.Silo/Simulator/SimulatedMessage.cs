namespace Sms.Silo.Simulator;

/// <summary>One message that the simulator accepted.</summary>
/// <param name="Sid">SM and 32 hexadecimal digits.</param>
/// <param name="To">The recipient, E.164.</param>
/// <param name="From">The sender's number; with a Messaging Service null until it is sent.</param>
/// <param name="MessagingServiceSid">The Messaging Service, when one was named.</param>
/// <param name="Body">The text.</param>
/// <param name="StatusCallback">Where its status is reported, fragment included.</param>
/// <param name="ValidityPeriod">Seconds, as asked; null: Twilio's default.</param>
/// <param name="CreatedAt">When it was accepted.</param>
/// <param name="Status">Twilio's word: queued, accepted, scheduled, canceled, sent, delivered, undelivered, failed.</param>
internal sealed record SimulatedMessage(
    string Sid,
    string To,
    string? From,
    string? MessagingServiceSid,
    string Body,
    string? StatusCallback,
    int? ValidityPeriod,
    DateTimeOffset CreatedAt,
    string Status)
{
    /// <summary>Twilio's code, once it failed or was not delivered.</summary>
    public int? ErrorCode { get; init; }

    /// <summary>When it left for the carrier; null: it has not.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>When its status last changed.</summary>
    public DateTimeOffset UpdatedAt { get; init; } = CreatedAt;

    /// <summary>The callbacks that were posted for it, repeats included, in the order in which they were answered.</summary>
    public IReadOnlyList<SimulatedCallback> Callbacks { get; init; } = [];
}

/// <summary>One POST to a message's StatusCallback.</summary>
/// <param name="MessageStatus">What it reported.</param>
/// <param name="Url">Where it went; no fragment.</param>
/// <param name="StatusCode">The HTTP status of the reply; null: there was none.</param>
/// <param name="Error">Why there was no reply.</param>
/// <param name="At">When it was answered or given up.</param>
internal sealed record SimulatedCallback(string MessageStatus, string Url, int? StatusCode, string? Error, DateTimeOffset At);
