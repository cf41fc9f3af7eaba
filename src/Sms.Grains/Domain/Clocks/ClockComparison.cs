using NodaTime;

namespace Sms.Domain.Clocks;

/// <summary>
/// How far one clock is ahead of another that was asked for its time. The other was read at some moment between question
/// and answer, and how long those were apart is all that is not known.
/// </summary>
/// <param name="Offset">The likeliest; negative: it is behind.</param>
/// <param name="Doubt">The true difference is at most so much more or less.</param>
public sealed record ClockComparison(Duration Offset, Duration Doubt)
{
    /// <param name="asked">Our clock when the other was asked.</param>
    /// <param name="other">What the other said.</param>
    /// <param name="answered">Our clock when the answer was there; before <paramref name="asked"/> when it was put back meanwhile.</param>
    public static ClockComparison Of(Instant asked, Instant other, Instant answered)
    {
        var (first, last) = asked <= answered ? (asked, answered) : (answered, asked);
        var doubt = (last - first) / 2;
        return new ClockComparison(first + doubt - other, doubt);
    }

    /// <summary>Whether the clocks differ by no more than this; null: the answer took too long to tell.</summary>
    public bool? IsWithin(Duration most)
    {
        var offset = Duration.Max(Offset, -Offset);
        return offset + Doubt <= most ? true : offset - Doubt > most ? false : null;
    }
}
