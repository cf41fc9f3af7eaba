using NodaTime;

namespace Sms.Domain.Retries;

/// <summary>
/// From which due time on a claimer looks for rows. Behind a transaction that somebody left open the entries of finished
/// rows stay in the index of due rows, and without a mark every claim would go past all of them again. A row can be put
/// back to before the mark; so a claim that finds too little is repeated without it, and every half minute one goes
/// without it in any case.
/// </summary>
public sealed class QueueWatermark
{
    /// <summary>The mark stays so far behind the present: a transaction that adds rows may take its time to commit.</summary>
    public static readonly Duration Distance = Duration.FromSeconds(60);

    /// <summary>The time between claims without the mark.</summary>
    public static readonly Duration SweepEvery = Duration.FromSeconds(30);

    private Instant? _low;
    private Duration _nextSweep = Duration.MinValue;

    /// <summary>The mark for the next claim; null: look for all.</summary>
    /// <param name="elapsed">By a clock that nobody puts back.</param>
    public Instant? At(Duration elapsed) => elapsed < _nextSweep ? _low : null;

    /// <summary>The next claim looks for all: rows were put back.</summary>
    public void Sweep() => _nextSweep = Duration.MinValue;

    /// <summary>Notes what a claim left; true when it must be repeated at once, without the mark.</summary>
    /// <param name="low">The mark that it was given.</param>
    /// <param name="full">It took all that it asked for.</param>
    /// <param name="nextDue">The first due time that it left, from the mark on; null: nothing waits.</param>
    /// <param name="now">The instant that it was given.</param>
    /// <param name="elapsed">By a clock that nobody puts back.</param>
    public bool Claimed(Instant? low, bool full, Instant? nextDue, Instant now, Duration elapsed)
    {
        if (low is null)
            _nextSweep = elapsed + SweepEvery;
        var furthest = now - Distance;
        _low = nextDue is { } due && due < furthest ? due : furthest;
        if (full || low is null)
            return false;
        Sweep();
        return true;
    }
}
