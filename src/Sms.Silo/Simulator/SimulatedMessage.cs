namespace Sms.Silo.Simulator;

/// <summary>One message that the simulator accepted.</summary>
/// <param name="Sid">SM and 32 hexadecimal digits.</param>
/// <param name="To">The recipient, E.164.</param>
/// <param name="From">The sender's number; null with a Messaging Service, which has not chosen one yet.</param>
/// <param name="MessagingServiceSid">The Messaging Service, when one was named.</param>
/// <param name="Body">The text.</param>
/// <param name="StatusCallback">Where its status would be reported, fragment included.</param>
/// <param name="ValidityPeriod">Seconds, as asked; null: Twilio's default.</param>
/// <param name="CreatedAt">When it was accepted.</param>
/// <param name="Status">Twilio's word: queued, accepted, scheduled, canceled.</param>
internal sealed record SimulatedMessage(
    string Sid,
    string To,
    string? From,
    string? MessagingServiceSid,
    string Body,
    string? StatusCallback,
    int? ValidityPeriod,
    DateTimeOffset CreatedAt,
    string Status);
