using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NodaTime;

namespace Sms.Integration.Tests.Api;

/// <summary>Places and hours chosen from the present, so that tests do not depend on the hour at which they run.</summary>
/// <remarks>
/// Law and place cannot be chosen so: a number is held to the clock of its state. A business of the tests has hours of its
/// own, by policy <c>business</c>, that are open now where its numbers are and closed now at the other side of the world.
/// </remarks>
public static class Hours
{
    /// <summary>Where the numbers of the tests are: open now, for hours.</summary>
    public const string Noon = "America/Chicago";

    /// <summary>Closed now, for hours. It keeps no summer time.</summary>
    public const string Night = "Asia/Tokyo";

    private static readonly string[] Days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    // When the tests began; eight hours of Tokyo's are closed, and Chicago's clock is 14 or 15 hours behind.
    private static readonly int Began = Local(Night).Hour;

    /// <summary>An hour of the day that <see cref="Usual"/> closes, long before it opens.</summary>
    public static int ClosedHour => Began;

    /// <summary>The hour of the day at which <see cref="Usual"/> opens.</summary>
    public static int OpeningHour => (Began + 7) % 24;

    /// <summary>The hours of a business of the tests, for policy <c>business</c>: closed from an hour ago in <see cref="Night"/> on, for eight hours.</summary>
    public static Dictionary<string, string[]> Usual { get; } = EveryDay(Clock(Began + 7), Clock(Began + 23));

    /// <summary>Open all day, every day; for policy <c>business</c>.</summary>
    public static Dictionary<string, string[]> Always { get; } = EveryDay("00:00", "24:00");

    /// <summary>A zone without summer time in which the local time is now within this hour of the day, 0 to 23. It is no place.</summary>
    public static string ZoneWhereItIs(int hour)
    {
        var offset = hour - TimeProvider.System.GetUtcNow().Hour;
        offset = offset > 12 ? offset - 24 : offset < -12 ? offset + 24 : offset;
        // The names of these zones count westwards.
        return offset == 0 ? "Etc/UTC" : string.Create(CultureInfo.InvariantCulture, $"Etc/GMT{(offset > 0 ? "-" : "+")}{Math.Abs(offset)}");
    }

    public static Dictionary<string, string[]> EveryDay(string open, string close) => Days.ToDictionary(d => d, _ => new[] { open, close }, StringComparer.Ordinal);

    /// <summary>On every day from so many hours after the present one in <see cref="Noon"/>, to so many after it.</summary>
    public static Dictionary<string, string[]> In(int open, int close) => EveryDay(Clock(Local(Noon).Hour + open), Clock(Local(Noon).Hour + close));

    /// <summary>The first hour of <see cref="In"/>.</summary>
    public static int HourIn(int open) => (Local(Noon).Hour + open) % 24;

    /// <summary>The settings asked for, with the hours of the tests where they say nothing of hours.</summary>
    public static JsonObject InForce(object settings)
    {
        var members = JsonSerializer.SerializeToNode(settings)!.AsObject();
        if (!members.ContainsKey("quietHoursPolicy"))
            members["quietHoursPolicy"] = "business";
        if (!members.ContainsKey("quietHours") && members["quietHoursPolicy"]!.GetValue<string>() is "business")
            members["quietHours"] = JsonSerializer.SerializeToNode(Usual);
        return members;
    }

    /// <summary>The next instant at which this hour begins in a zone.</summary>
    public static DateTimeOffset Next(int hour, string zone)
    {
        var local = Local(zone);
        var today = new DateTimeOffset(local.Year, local.Month, local.Day, hour, 0, 0, local.Offset);
        return today > local ? today : today.AddDays(1);
    }

    private static DateTimeOffset Local(string zone) => Instant.FromDateTimeOffset(TimeProvider.System.GetUtcNow()).InZone(DateTimeZoneProviders.Tzdb[zone]).ToDateTimeOffset();

    private static string Clock(int hour) => string.Create(CultureInfo.InvariantCulture, $"{hour % 24:00}:00");
}
