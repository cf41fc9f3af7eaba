using NodaTime;

namespace Sms.Domain.Sending;

/// <summary>
/// The slots of a sender that businesses share, in a book that outlives the process: the generic cell rate algorithm as in
/// <see cref="Pace"/>. What is booked runs ahead of what is dealt, so that few slots need an entry in the book; who goes
/// on with the book deals no slot twice, and a crash costs at most <see cref="Ahead"/> of the pace.
/// </summary>
public sealed class SharedPace
{
    /// <summary>An entry of the book is good for slots so much further on.</summary>
    public static readonly Duration Ahead = Duration.FromSeconds(5);

    /// <summary>A slot crosses the wire to the tenth of a microsecond.</summary>
    private static readonly Duration Tolerance = Duration.FromNanoseconds(1000);

    /// <summary>Slots given back, at most; more are lost.</summary>
    private const int MostFreed = 10_000;

    // Given back, and dealt again to whoever comes and fits.
    private readonly SortedSet<(Instant At, int Segments)> _freed = [];

    /// <summary>The end of all slots that were dealt.</summary>
    public Instant NextFree { get; private set; } = Instant.MinValue;

    /// <summary>The last entry of the book.</summary>
    public Instant BookedUntil { get; private set; } = Instant.MinValue;

    /// <summary>Whether slots were dealt beyond the last entry: none of them may be used before there is another.</summary>
    public bool IsOverdrawn => NextFree > BookedUntil;

    /// <summary>Goes on where the book ends.</summary>
    public void Resume(Instant bookedUntil) => NextFree = BookedUntil = bookedUntil;

    /// <summary>There is a new entry.</summary>
    public void Booked(Instant until) => BookedUntil = until;

    /// <summary>Takes the next slot: at <paramref name="notBefore"/> or later.</summary>
    /// <param name="notBefore">The present, or when its message may go.</param>
    /// <param name="segments">What the message costs, 1 or more.</param>
    /// <param name="segmentsPerSecond">The pace, above 0.</param>
    public Instant Reserve(Instant notBefore, int segments, double segmentsPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(segments, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(segmentsPerSecond, 0);
        _freed.RemoveWhere(f => f.At < notBefore);
        foreach (var freed in _freed)
        {
            if (freed.Segments < segments)
                continue;
            _freed.Remove(freed);
            return freed.At;
        }

        var slot = Instant.Max(notBefore, NextFree);
        NextFree = new PaceSlot(slot, segments).End(segmentsPerSecond);
        return slot;
    }

    /// <summary>Takes a slot back that was not used: it is dealt again.</summary>
    public void GiveBack(Instant slot, int segments, double segmentsPerSecond)
    {
        var missing = NextFree - new PaceSlot(slot, segments).End(segmentsPerSecond);
        if (missing <= Tolerance && missing >= -Tolerance)
            NextFree = slot;
        else if (_freed.Count < MostFreed)
            _freed.Add((slot, segments));
    }
}
