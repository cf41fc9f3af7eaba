using NodaTime;
using Sms.Domain.Places;

namespace Sms.Domain.Sending;

/// <summary>Days and months as the business counts them: in its own zone.</summary>
public static class BusinessCalendar
{
    /// <summary>The zone of a business that named none.</summary>
    public const string DefaultZone = "America/New_York";

    public static LocalDate Day(Instant now, string zone) => now.InZone(RecipientPlace.AllZones[zone]).Date;

    public static LocalDate Month(Instant now, string zone) => Day(now, zone).With(DateAdjusters.StartOfMonth);

    /// <summary>The first instant of the next day; exact where a zone skips midnight.</summary>
    public static Instant NextDay(Instant now, string zone) =>
        RecipientPlace.AllZones[zone].AtStartOfDay(Day(now, zone).PlusDays(1)).ToInstant();

    /// <summary>The first instant of the next month.</summary>
    public static Instant NextMonth(Instant now, string zone) =>
        RecipientPlace.AllZones[zone].AtStartOfDay(Month(now, zone).PlusMonths(1)).ToInstant();
}
