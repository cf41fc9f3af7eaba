using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using NodaTime;

namespace Sms.Domain.Places;

/// <summary>Tells zones that show the same time from zones that do not, and places from mere offsets.</summary>
internal static class ZoneClock
{
    // Zones that parted before are the same clock now, and no law of the clock is known for longer.
    private static readonly Interval Compared = new(Instant.FromUtc(2024, 1, 1, 0, 0), Instant.FromUtc(2037, 1, 1, 0, 0));

    private static readonly ConcurrentDictionary<DateTimeZone, string> Readings = new();

    /// <summary>Whether clocks in both show the same from 2024 to 2036: Detroit and New York do, Phoenix and Denver do not.</summary>
    public static bool IsSame(DateTimeZone one, DateTimeZone other) =>
        ReferenceEquals(one, other) || string.Equals(Reading(one), Reading(other), StringComparison.Ordinal);

    /// <summary>Whether one of the zones shows the same.</summary>
    public static bool IsAmong(DateTimeZone zone, DateTimeZone[] zones)
    {
        foreach (var other in zones)
        {
            if (ReferenceEquals(zone, other))
                return true;
        }

        foreach (var other in zones)
        {
            if (IsSame(zone, other))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Whether an id or what was written in its stead says how far a clock is from Greenwich's, and not where it hangs:
    /// <c>UTC</c>, <c>Etc/GMT+5</c>, <c>EST</c>, <c>GMT-5</c>, <c>+05:30</c>. Programs that know no zone fill these in.
    /// </summary>
    public static bool IsNoPlace(string id)
    {
        var text = id.AsSpan().Trim();
        if (text.StartsWith("Etc/", StringComparison.OrdinalIgnoreCase))
            return true;
        foreach (var word in Words)
        {
            if (text.Equals(word, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        if (text.StartsWith("UTC", StringComparison.OrdinalIgnoreCase) || text.StartsWith("GMT", StringComparison.OrdinalIgnoreCase))
            text = text[3..].TrimStart();
        return text.Length > 1 && text[0] is '+' or '-' or '\u2212' && text.IndexOfAnyExcept(OfOffsets) < 0 && text.ContainsAnyInRange('0', '9');
    }

    // EST, MST and HST are offsets without summer time, and name no part of their zone.
    private static readonly string[] Words =
        ["UTC", "GMT", "UCT", "Zulu", "Universal", "Greenwich", "GMT0", "Z", "EST", "MST", "HST", "Factory"];

    private static readonly SearchValues<char> OfOffsets = SearchValues.Create("+-\u22120123456789: ");

    private static string Reading(DateTimeZone zone) => Readings.GetOrAdd(zone, static z =>
    {
        var text = new StringBuilder();
        foreach (var interval in z.GetZoneIntervals(Compared))
        {
            text.Append(interval.WallOffset.Seconds.ToString(CultureInfo.InvariantCulture)).Append('@')
                .Append(interval.HasStart && interval.Start > Compared.Start ? interval.Start.ToUnixTimeSeconds() : 0).Append(' ');
        }

        return text.ToString();
    });
}
