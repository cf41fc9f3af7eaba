using System.Globalization;
using NodaTime;

namespace Sms.Domain.Places;

/// <summary>Whether the tz database has grown old: with an old one, hours are wrong where the law has moved the clock since.</summary>
public static class TzdbAge
{
    /// <summary>The most that goes without a warning.</summary>
    public static readonly Duration Limit = Duration.FromDays(183);

    /// <summary>
    /// The days on which releases were compiled into NodaTime: the database itself does not tell its date. A release
    /// that is not listed counts from the first day of its year.
    /// </summary>
    private static readonly Dictionary<string, LocalDate> Known = new(StringComparer.Ordinal) { ["2026f"] = new(2026, 10, 28) };

    /// <summary>One sentence when the database in use is older than <see cref="Limit"/>; else null.</summary>
    public static string? Warning(Instant now) => Warning(RecipientPlace.TzdbVersion, now);

    internal static string? Warning(string version, Instant now)
    {
        if (!Known.TryGetValue(version, out var date)
            && int.TryParse(version.AsSpan(0, Math.Min(4, version.Length)), NumberStyles.None, CultureInfo.InvariantCulture, out var year) && year is > 1900 and < 9999)
        {
            date = new LocalDate(year, 1, 1);
        }

        return now - date.AtStartOfDayInZone(DateTimeZone.Utc).ToInstant() > Limit
            ? $"The tz database {version} is more than six months old: update NodaTime, or local hours may be wrong."
            : null;
    }
}
