using System.Collections.Concurrent;

namespace Sms.Silo.Simulator;

/// <summary>Where a message ends.</summary>
internal enum CarrierStatus
{
    /// <summary>Sent, then delivered.</summary>
    Delivered,

    /// <summary>Sent, then refused by the carrier or the phone.</summary>
    Undelivered,

    /// <summary>Never left Twilio.</summary>
    Failed,

    /// <summary>Sent, and no receipt ever comes.</summary>
    Sent,
}

/// <summary>What becomes of messages to one number.</summary>
/// <param name="Status">Where they end.</param>
/// <param name="ErrorCode">Why, when they are undelivered or failed: 30003, 30005, 30007, … Default: 30008, unknown error.</param>
internal sealed record CarrierOutcome(CarrierStatus Status, int? ErrorCode = null)
{
    private const int UnknownError = 30008;

    public static CarrierOutcome Delivered { get; } = new(CarrierStatus.Delivered);

    /// <summary>The code that the message gets; null unless it failed or was not delivered.</summary>
    public int? Code => Status is CarrierStatus.Undelivered or CarrierStatus.Failed ? ErrorCode ?? UnknownError : null;
}

/// <summary>Outcomes by recipient, until they are changed; everybody else's messages are delivered. Thread-safe.</summary>
internal sealed class CarrierOutcomes
{
    private readonly ConcurrentDictionary<string, CarrierOutcome> byRecipient = new(StringComparer.Ordinal);

    public void Set(string to, CarrierOutcome outcome) => byRecipient[to] = outcome;

    public void Clear() => byRecipient.Clear();

    public CarrierOutcome For(string to) => byRecipient.GetValueOrDefault(to, CarrierOutcome.Delivered);
}
