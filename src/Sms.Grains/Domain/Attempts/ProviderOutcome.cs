using NodaTime;
using Sms.Domain.Failures;

namespace Sms.Domain.Attempts;

/// <summary>How an attempt ended, as far as it is known. A closed set.</summary>
public abstract record ProviderOutcome
{
    private ProviderOutcome() { }

    /// <summary>The provider took the message: it is never sent again by itself.</summary>
    /// <param name="Sid">The provider's id, unique.</param>
    public sealed record Accepted(string Sid) : ProviderOutcome;

    /// <summary>The provider answered that it did not take the message.</summary>
    /// <param name="Class">What it means.</param>
    /// <param name="Code">The provider's code, else the HTTP status.</param>
    /// <param name="Message">The provider's words, without the recipient's number, U+0000 and halves of surrogate pairs: they are stored.</param>
    /// <param name="RetryAfter">From the reply's header, when there was one.</param>
    public sealed record Refused(FailureClass Class, int Code, string Message, Duration? RetryAfter) : ProviderOutcome;

    /// <summary>No byte of the request left: connection refused, DNS or TLS failure.</summary>
    public sealed record NeverLeft(string Reason) : ProviderOutcome;

    /// <summary>The moment by which the request had to leave passed first: nothing left, the attempt is void.</summary>
    public sealed record TooLate : ProviderOutcome;

    /// <summary>Time-out, reset, 5xx, redirect or unreadable reply after the request left: it may have been accepted.</summary>
    public sealed record Unknown(string Reason) : ProviderOutcome;
}
