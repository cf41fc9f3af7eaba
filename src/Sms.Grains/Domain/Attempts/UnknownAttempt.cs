using NodaTime;

namespace Sms.Domain.Attempts;

/// <summary>An attempt that the provider may have taken.</summary>
/// <param name="Id">The attempt's.</param>
/// <param name="To">The recipient, as it is stored.</param>
/// <param name="Body">What was sent, footer included.</param>
/// <param name="Sender">The number or messaging service that it was sent from.</param>
/// <param name="StartedAt">When it was recorded, just before its request left.</param>
/// <param name="UnknownAt">When its outcome became unknown.</param>
public sealed record UnknownAttempt(Guid Id, string To, string Body, string Sender, Instant StartedAt, Instant UnknownAt)
{
    /// <summary>The message that it is an attempt of.</summary>
    public Guid MessageId { get; init; }

    /// <summary>Whose message that is.</summary>
    public Guid BusinessId { get; init; }
}
