using System.Globalization;

namespace Sms.Integration.Tests.Api;

/// <summary>Places and hours chosen from the present, so that tests do not depend on the hour at which they run.</summary>
public static class Hours
{
    private static readonly string[] Days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// <summary>Open all day, every day; for policy <c>business</c>.</summary>
    public static Dictionary<string, string[]> Always { get; } = EveryDay("00:00", "24:00");

    /// <summary>A zone without summer time in which the local time is now within this hour of the day, 0 to 23.</summary>
    public static string ZoneWhereItIs(int hour)
    {
        var offset = hour - TimeProvider.System.GetUtcNow().Hour;
        offset = offset > 12 ? offset - 24 : offset < -12 ? offset + 24 : offset;
        // The names of these zones count westwards.
        return offset == 0 ? "Etc/UTC" : string.Create(CultureInfo.InvariantCulture, $"Etc/GMT{(offset > 0 ? "-" : "+")}{Math.Abs(offset)}");
    }

    /// <summary>It is between 02:00 and 03:59 there for an hour at least: no hour for marketing, and far from midnight and morning.</summary>
    public static string Night => ZoneWhereItIs(2);

    /// <summary>It is past noon there.</summary>
    public static string Noon => ZoneWhereItIs(12);

    public static Dictionary<string, string[]> EveryDay(string open, string close) => Days.ToDictionary(d => d, _ => new[] { open, close }, StringComparer.Ordinal);

    /// <summary>The next instant at which this hour begins in a zone of <see cref="ZoneWhereItIs"/>.</summary>
    public static DateTimeOffset Next(int hour, string zone)
    {
        var offset = zone is "Etc/UTC" ? 0 : -int.Parse(zone["Etc/GMT".Length..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var local = TimeProvider.System.GetUtcNow().ToOffset(TimeSpan.FromHours(offset));
        var today = new DateTimeOffset(local.Year, local.Month, local.Day, hour, 0, 0, local.Offset);
        return today > local ? today : today.AddDays(1);
    }
}
