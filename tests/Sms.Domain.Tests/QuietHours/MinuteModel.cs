using NodaTime;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Tests.QuietHours;

/// <summary>
/// Quiet hours as slowly and plainly as possible: a week of 10,080 minutes, each open or not, and a walk through time
/// a minute at a time. Right for zones whose offsets are whole minutes.
/// </summary>
internal sealed class MinuteModel(Place place)
{
    private const int MinutesPerDay = 24 * 60;

    private readonly bool[] _open = OpenMinutes((WeeklyWindows)place.Hours);

    public bool Allows(Instant at)
    {
        var local = at.InZone(place.Zone);
        return _open[((int)local.DayOfWeek - 1) * MinutesPerDay + local.Hour * 60 + local.Minute];
    }

    public static Instant? First(IReadOnlyList<MinuteModel> models, bool allowed, Instant at)
    {
        var limit = at + Duration.FromDays(9);
        for (var time = at; time < limit; time = NextMinute(time))
            if (models.All(model => model.Allows(time)) == allowed)
                return time;

        return null;
    }

    private static Instant NextMinute(Instant time) =>
        Instant.FromUnixTimeSeconds((time.ToUnixTimeSeconds() / 60 + 1) * 60);

    private static bool[] OpenMinutes(WeeklyWindows windows)
    {
        var open = new bool[7 * MinutesPerDay];
        for (var day = 0; day < 7; day++)
        {
            if (windows[(IsoDayOfWeek)(day + 1)] is not { } window) continue;

            var length = window.CloseMinute - window.OpenMinute;
            if (length <= 0) length += MinutesPerDay;
            for (var minute = 0; minute < length; minute++)
                open[(day * MinutesPerDay + window.OpenMinute + minute) % open.Length] = true;
        }

        return open;
    }
}
