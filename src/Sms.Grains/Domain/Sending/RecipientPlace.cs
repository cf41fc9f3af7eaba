using System.Globalization;
using NodaTime;
using NodaTime.Text;
using NodaTime.TimeZones;
using Sms.Domain.Phones;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Sending;

/// <summary>Where a recipient may be, and the hours that hold there.</summary>
public static class RecipientPlace
{
    private static readonly LocalDateTimePattern LocalPattern = LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd HH:mm:ss");

    /// <summary>The tz database compiled into NodaTime: the machine's own may be years old.</summary>
    public static IDateTimeZoneProvider Zones { get; } = DateTimeZoneProviders.Tzdb;

    /// <summary>The version of <see cref="Zones"/>, for example 2026f.</summary>
    public static string TzdbVersion { get; } = TzdbDateTimeZoneSource.Default.TzdbVersion;

    /// <summary>
    /// The customer's zone, else every zone that the number may stand for, else the business's zone.
    /// </summary>
    public static (IReadOnlyList<DateTimeZone> Zones, string Source) Resolve(string? customerZone, PhoneNumber number, string businessZone)
    {
        if (customerZone is not null && Zones.GetZoneOrNull(customerZone) is { } own)
            return ([own], "customer");

        var byNumber = number.TimeZones().Select(Zones.GetZoneOrNull).OfType<DateTimeZone>().ToList();
        return byNumber.Count > 0 ? (byNumber, "number") : ([Zones[businessZone]], "business");
    }

    /// <summary>
    /// Each candidate zone with each rule in force: a message may go only when all of them allow it.
    /// </summary>
    public static IReadOnlyList<Place> Hours(IReadOnlyList<DateTimeZone> zones, BusinessSettings settings)
    {
        var places = new List<Place>(zones.Count * 2);
        foreach (var zone in zones)
        {
            if (settings.QuietHoursPolicy == QuietHoursPolicy.UsStates)
                places.Add(new Place(zone, WeeklyWindows.Default));
            if (settings.QuietHoursPolicy == QuietHoursPolicy.Business || !settings.QuietHours.Equals(WeeklyWindows.Default))
                places.Add(new Place(zone, settings.QuietHours));
        }

        return places;
    }

    /// <summary>The record of a decision for the instant <paramref name="at"/>.</summary>
    public static DecisionRecord Describe(IReadOnlyList<DateTimeZone> zones, string source, SendFacts facts, Instant at)
    {
        var deciding = zones[0];
        var held = facts.Category == Category.Marketing;
        var local = at.InZone(deciding).LocalDateTime;
        return new DecisionRecord(
            deciding.Id,
            [.. zones.Select(z => z.Id)],
            source,
            held ? WindowOn(local.DayOfWeek, facts.Settings) : null,
            !held ? $"{facts.Category.ToWire()}: not held to quiet hours"
                : facts.Settings.QuietHoursPolicy == QuietHoursPolicy.UsStates ? "us_states: 47 CFR 64.1200(c)(1) and the business's hours"
                : "business: the business's hours",
            TzdbVersion,
            at,
            LocalPattern.Format(local));
    }

    private static List<string>? WindowOn(IsoDayOfWeek day, BusinessSettings settings)
    {
        var own = settings.QuietHours[day];
        if (settings.QuietHoursPolicy == QuietHoursPolicy.Business || own is null)
            return Hours(own);

        var floor = WeeklyWindows.Default[day]!;
        var close = own.CloseMinute <= own.OpenMinute ? 24 * 60 : own.CloseMinute;
        var open = Math.Max(own.OpenMinute, floor.OpenMinute);
        close = Math.Min(close, floor.CloseMinute);
        return open < close ? Hours(new DailyWindow(open, close)) : null;
    }

    private static List<string>? Hours(DailyWindow? window) =>
        window is null ? null : [Clock(window.OpenMinute), Clock(window.CloseMinute)];

    private static string Clock(int minute) => string.Create(CultureInfo.InvariantCulture, $"{minute / 60:00}:{minute % 60:00}");
}
