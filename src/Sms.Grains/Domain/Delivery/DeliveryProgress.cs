using System.Runtime.InteropServices;

namespace Sms.Domain.Delivery;

/// <summary>What an incoming status did to the one already known.</summary>
public enum DeliveryMove
{
    /// <summary>It became the known status.</summary>
    Forward,

    /// <summary>It repeats or precedes what is known, or speaks of inbound messages: nothing changed.</summary>
    Stale,

    /// <summary>It contradicts the known end: the first end stays, and both are worth recording.</summary>
    Conflict,
}

/// <summary>The status to keep, and how it came about.</summary>
/// <param name="Status">The known status afterwards.</param>
/// <param name="Move">What the incoming one did.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct DeliveryAdvance(DeliveryStatus Status, DeliveryMove Move);

/// <summary>
/// Moves a message's status forward only. Callbacks come late, twice and in any order, so what is known may be ahead
/// of what comes in.
/// </summary>
public static class DeliveryProgress
{
    private const int TerminalRank = 6;

    /// <summary>True for delivered, undelivered, failed, canceled and read.</summary>
    public static bool IsTerminal(this DeliveryStatus status) => status.Rank() >= TerminalRank;

    /// <summary>How far along a message is; ends share a rank. Inbound statuses have rank -1.</summary>
    public static int Rank(this DeliveryStatus status) => status switch
    {
        DeliveryStatus.Receiving or DeliveryStatus.Received => -1,
        DeliveryStatus.Scheduled => 0,
        DeliveryStatus.Accepted => 1,
        DeliveryStatus.Queued => 2,
        DeliveryStatus.Sending => 3,
        DeliveryStatus.Sent => 4,
        DeliveryStatus.PartiallyDelivered => 5,
        DeliveryStatus.Delivered or DeliveryStatus.Undelivered or DeliveryStatus.Failed or DeliveryStatus.Canceled => TerminalRank,
        DeliveryStatus.Read => TerminalRank + 1,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Not a delivery status."),
    };

    /// <summary>
    /// The status after an incoming one. An end stays, except that a delivered message can be read; another end after
    /// the first is a <see cref="DeliveryMove.Conflict"/>.
    /// </summary>
    /// <param name="current">What is known; null when nothing is yet.</param>
    /// <param name="incoming">What a callback or a look-up says.</param>
    public static DeliveryAdvance Advance(DeliveryStatus? current, DeliveryStatus incoming)
    {
        if (current is not { } known) return new DeliveryAdvance(incoming, DeliveryMove.Forward);

        if (!known.IsTerminal())
            return incoming.Rank() > known.Rank()
                ? new DeliveryAdvance(incoming, DeliveryMove.Forward)
                : new DeliveryAdvance(known, DeliveryMove.Stale);

        return (known, incoming) switch
        {
            (DeliveryStatus.Delivered, DeliveryStatus.Read) => new DeliveryAdvance(incoming, DeliveryMove.Forward),
            (DeliveryStatus.Read, DeliveryStatus.Delivered) => new DeliveryAdvance(known, DeliveryMove.Stale),
            _ when incoming == known || !incoming.IsTerminal() => new DeliveryAdvance(known, DeliveryMove.Stale),
            _ => new DeliveryAdvance(known, DeliveryMove.Conflict),
        };
    }
}
