using NodaTime;

namespace Sms.Domain.Sending;

/// <summary>
/// Deals each message its own slot so that a sender keeps to a number of segments a second: the generic
/// cell rate algorithm with a burst of one message. A message is due at its slot instead of being claimed
/// and put back until it may go.
/// </summary>
public sealed class Pace
{
    private Instant _nextFree = Instant.MinValue;

    /// <summary>The earliest slot that is still free.</summary>
    public Instant NextFree => _nextFree;

    /// <summary>Takes the next slot: at <paramref name="now"/> or later.</summary>
    /// <param name="now">The present.</param>
    /// <param name="segments">What the message costs, 1 or more.</param>
    /// <param name="segmentsPerSecond">The pace, above 0.</param>
    public Instant Reserve(Instant now, int segments, double segmentsPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(segments, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(segmentsPerSecond, 0);
        var slot = Instant.Max(now, _nextFree);
        _nextFree = slot + Duration.FromSeconds(segments / segmentsPerSecond);
        return slot;
    }

    /// <summary>Slots that were dealt are void; the next one is at <paramref name="from"/>, unless it would have been earlier.</summary>
    public void DealAnew(Instant from) => _nextFree = Instant.Min(_nextFree, from);

    /// <summary>Keeps to slots that were dealt before this pace came to life.</summary>
    public void NotBefore(Instant nextFree) => _nextFree = Instant.Max(_nextFree, nextFree);
}
