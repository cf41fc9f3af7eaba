using NodaTime;

namespace Sms.Domain.Attempts;

/// <summary>A message as the provider has it.</summary>
/// <param name="Sid">The provider's id, fit to be stored.</param>
/// <param name="To">The recipient, E.164.</param>
/// <param name="From">The number it came from; null when a messaging service has not chosen one yet.</param>
/// <param name="MessagingServiceSid">The messaging service, when one was named.</param>
/// <param name="Body">The text.</param>
/// <param name="CreatedAt">In whole seconds, rounded down; null: not readable.</param>
/// <param name="Status">The provider's word.</param>
/// <param name="ErrorCode">The provider's code, once it failed.</param>
public sealed record ProviderMessage(
    string Sid, string To, string? From, string? MessagingServiceSid, string Body, Instant? CreatedAt, string Status, int? ErrorCode);
