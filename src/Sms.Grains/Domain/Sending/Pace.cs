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
    private int _mostSegments = 1;

    /// <summary>Takes the next slot: at <paramref name="now"/> or later.</summary>
    /// <param name="now">The present.</param>
    /// <param name="segments">What the message costs, 1 or more.</param>
    /// <param name="segmentsPerSecond">The pace, above 0.</param>
    public Instant Reserve(Instant now, int segments, double segmentsPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(segments, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(segmentsPerSecond, 0);
        var slot = Instant.Max(now, _nextFree);
        _nextFree = new PaceSlot(slot, segments).End(segmentsPerSecond);
        _mostSegments = Math.Max(_mostSegments, segments);
        return slot;
    }

    /// <summary>Slots after this one are void: they are dealt again, but none before what went last has had its time.</summary>
    /// <param name="now">The present.</param>
    /// <param name="last">The last slot that stays; null: none after the present.</param>
    /// <param name="segmentsPerSecond">The pace from now on, above 0.</param>
    public void DealAnew(Instant now, PaceSlot? last, double segmentsPerSecond)
    {
        var free = now + Duration.FromSeconds(_mostSegments / segmentsPerSecond);
        if (last is { } slot)
            free = Instant.Max(free, slot.End(segmentsPerSecond));
        _nextFree = Instant.Min(_nextFree, free);
    }

    /// <summary>Keeps to slots that were dealt before this pace came to life.</summary>
    /// <param name="last">The last of them.</param>
    /// <param name="segmentsPerSecond">The pace, above 0.</param>
    public void Resume(PaceSlot last, double segmentsPerSecond)
    {
        _nextFree = Instant.Max(_nextFree, last.End(segmentsPerSecond));
        _mostSegments = Math.Max(_mostSegments, last.Segments);
    }
}

/// <summary>A slot that was dealt.</summary>
/// <param name="At">When its message is due.</param>
/// <param name="Segments">What the message costs.</param>
public sealed record PaceSlot(Instant At, int Segments)
{
    internal Instant End(double segmentsPerSecond) => At + Duration.FromSeconds(Segments / segmentsPerSecond);
}
