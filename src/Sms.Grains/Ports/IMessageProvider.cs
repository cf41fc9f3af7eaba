using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;

namespace Sms.Ports;

/// <summary>Who carries the messages: Twilio, the simulator behind Twilio's API, or nobody.</summary>
public interface IMessageProvider
{
    /// <summary>False when no credentials are configured: sends are refused with <c>sms_disabled</c>.</summary>
    bool IsEnabled { get; }

    /// <summary>The sender used when the business names none; null when none is configured.</summary>
    Sender? DefaultSender { get; }

    /// <summary>
    /// Makes at most one request on the wire for the attempt. Every expected end is a result;
    /// it throws only when <paramref name="cancellationToken"/> is cancelled before the request left.
    /// </summary>
    Task<ProviderOutcome> CreateAsync(ProviderRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// All messages to the recipient that were created at <paramref name="since"/> or later, in any order, perhaps with
    /// earlier ones. It does not throw: what could not be read whole is <see cref="LookupOutcome.Failed"/>.
    /// </summary>
    Task<LookupOutcome> ListAsync(PhoneNumber to, Instant since, CancellationToken cancellationToken);

    /// <summary>The message of this SID; an empty list when there is none. It does not throw.</summary>
    Task<LookupOutcome> FetchAsync(string sid, CancellationToken cancellationToken);
}

/// <summary>Our number or messaging service; exactly one of the two is set.</summary>
/// <param name="From">E.164 number or short code.</param>
/// <param name="MessagingServiceSid">SID that starts with MG.</param>
public sealed record Sender(string? From, string? MessagingServiceSid)
{
    /// <summary>The one that is set: the key under which pace and opt-outs of this sender are kept.</summary>
    public string Key => MessagingServiceSid ?? From ?? "none";
}

/// <summary>One attempt to hand one message to the provider.</summary>
/// <param name="AttemptId">Goes into the status callback's URL, which the provider's signature covers.</param>
/// <param name="To">The recipient.</param>
/// <param name="Body">The text, footer included; 1 to 1,600 UTF-16 units.</param>
/// <param name="Sender">Who it comes from.</param>
/// <param name="ValidityPeriod">How long the provider may keep it queued, 1 to 36,000 s; null: the provider's default.</param>
/// <param name="LeaveBy">The request must not leave after it.</param>
public sealed record ProviderRequest(
    Guid AttemptId, PhoneNumber To, string Body, Sender Sender, Duration? ValidityPeriod, Deadline LeaveBy);

/// <summary>
/// A moment on both clocks of a time provider; it has passed when it has on either. No step moves the monotonic clock back,
/// but it may stand while the machine is suspended.
/// </summary>
/// <param name="Timestamp">A <see cref="TimeProvider.GetTimestamp"/>.</param>
/// <param name="At">The same by <see cref="TimeProvider.GetUtcNow"/>.</param>
public sealed record Deadline(long Timestamp, Instant At)
{
    /// <summary>The moment so long after the present.</summary>
    public static Deadline After(TimeSpan span, TimeProvider time) => new(
        time.GetTimestamp() + (long)(span.TotalSeconds * time.TimestampFrequency),
        Instant.FromDateTimeOffset(time.GetUtcNow()) + Duration.FromTimeSpan(span));

    public bool HasPassed(TimeProvider time) => Left(time) < TimeSpan.Zero;

    /// <summary>How long it is until then; negative when it has passed.</summary>
    public TimeSpan Left(TimeProvider time)
    {
        var (monotonic, wall) = (time.GetElapsedTime(time.GetTimestamp(), Timestamp), (At - Instant.FromDateTimeOffset(time.GetUtcNow())).ToTimeSpan());
        return monotonic < wall ? monotonic : wall;
    }
}

/// <summary>What a look-up found. A closed set.</summary>
public abstract record LookupOutcome
{
    private LookupOutcome() { }

    /// <summary>The provider answered, and this is all there is.</summary>
    public sealed record Answered(IReadOnlyList<ProviderMessage> Messages) : LookupOutcome;

    /// <summary>It did not answer, or not in full: nothing follows from it.</summary>
    public sealed record Failed(string Reason) : LookupOutcome;
}
