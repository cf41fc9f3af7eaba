using NodaTime;

namespace Sms.Domain.QuietHours;

/// <summary>
/// Quiet hours over one or several places where the recipient may be: allowed when every place allows.
/// </summary>
/// <remarks>
/// Sending is judged by what the wall clock shows at an instant, never by windows mapped to instants. So both passes
/// of an hour that a fall-back repeats are judged alike, and an open that a spring-forward skips happens when the
/// skipped time is over.
/// </remarks>
public static class QuietHoursRules
{
    /// <summary>
    /// How far ahead an open or a close is looked for: 9 days. A weekly window comes back within 7; the rest covers a
    /// weekday that a zone skipped when it moved across the date line, and the hours of a change of offset.
    /// </summary>
    public static Duration Horizon { get; } = Duration.FromDays(9);

    /// <summary>
    /// The first and the last instant that can be asked about, from the year 1 to 9,999: room is left for the horizon
    /// and for offsets.
    /// </summary>
    public static Interval Range { get; } =
        new(Instant.FromUtc(1, 1, 10, 0, 0), Instant.FromUtc(9999, 12, 1, 0, 0));

    /// <summary>Whether a message may go at <paramref name="at"/>, and else when. No places allow everything.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="at"/> lies outside <see cref="Range"/>.</exception>
    public static QuietHoursDecision Decide(Instant at, IReadOnlyList<Place> places)
    {
        ArgumentNullException.ThrowIfNull(places);
        ThrowIfOutOfRange(at);

        foreach (var place in places)
            if (WallClock.At(at, place.Zone).ReasonToWait(place.Hours) is { } reason)
                return new QuietHoursDecision(CanSend: false, FirstAllowedByAll(at, places), reason);

        return new QuietHoursDecision(CanSend: true, at, Reason: null);
    }

    /// <summary>
    /// The first instant, not before <paramref name="at"/>, at which some place forbids sending: <paramref name="at"/>
    /// itself when it is already forbidden then. Windows that adjoin count as one.
    /// </summary>
    /// <returns>Null when nothing closes within <see cref="Horizon"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="at"/> lies outside <see cref="Range"/>.</exception>
    public static Instant? OpenUntil(Instant at, IReadOnlyList<Place> places)
    {
        ArgumentNullException.ThrowIfNull(places);
        ThrowIfOutOfRange(at);

        Instant? earliest = null;
        foreach (var place in places)
            if (place.First(allowed: false, at, earliest ?? at + Horizon) is { } close)
                earliest = close;

        return earliest;
    }

    // Every place pushes the instant on until it allows it; no place can be asked to go back, so the first instant
    // that a whole round leaves alone is the earliest that suits all. It ends: each push but the last of a round goes
    // to a boundary of a window or of an offset, and the horizon holds finitely many.
    private static Instant? FirstAllowedByAll(Instant at, IReadOnlyList<Place> places)
    {
        var limit = at + Horizon;
        var candidate = at;
        while (true)
        {
            var before = candidate;
            foreach (var place in places)
            {
                if (place.First(allowed: true, candidate, limit) is not { } next) return null;

                candidate = next;
            }

            if (candidate == before) return candidate;
        }
    }

    private static void ThrowIfOutOfRange(Instant at)
    {
        if (!Range.Contains(at))
            throw new ArgumentOutOfRangeException(nameof(at), at, "Quiet hours are known for the years 1 to 9999 only.");
    }
}
