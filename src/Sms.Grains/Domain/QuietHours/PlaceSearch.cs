using NodaTime;

namespace Sms.Domain.QuietHours;

/// <summary>Finds the first instant at which a place opens or closes, exact to the nanosecond.</summary>
internal static class PlaceSearch
{
    /// <summary>
    /// The first instant in [<paramref name="from"/>, <paramref name="limit"/>) at which the place allows sending, or
    /// forbids it; null when there is none.
    /// </summary>
    /// <remarks>
    /// The offset is constant within a <see cref="NodaTime.TimeZones.ZoneInterval"/>, so a local time in it is exactly
    /// one instant and nothing has to be resolved. The answer can change only where an interval begins, at midnight,
    /// and at the open and the closes of a day.
    /// </remarks>
    public static Instant? First(this Place place, bool allowed, Instant from, Instant limit)
    {
        var current = from;
        while (current < limit)
        {
            var interval = place.Zone.GetZoneInterval(current);
            var offset = interval.WallOffset;
            var end = interval.HasEnd && interval.End < limit ? interval.End : limit;

            if (IsAllowed(place.Hours, current, offset) == allowed) return current;
            if (FirstWithin(place.Hours, allowed, current, end, offset) is { } found) return found;

            current = end;
        }

        return null;
    }

    private static Instant? FirstWithin(IDailyHours hours, bool allowed, Instant from, Instant end, Offset offset)
    {
        var date = from.WithOffset(offset).Date;
        var midnight = date.AtMidnight().WithOffset(offset).ToInstant();
        Span<int> minutes = stackalloc int[4];
        for (; midnight < end; midnight += Duration.FromDays(1), date = date.PlusDays(1))
        {
            var today = hours.On(date);
            minutes[0] = 0;
            minutes[1] = today?.OpenMinute ?? 0;
            minutes[2] = today?.CloseMinute ?? 0;
            minutes[3] = hours.On(date.PlusDays(-1))?.CloseMinute ?? 0;
            minutes.Sort();

            foreach (var minute in minutes)
            {
                var candidate = midnight + Duration.FromMinutes(minute);
                if (candidate >= from && candidate < end && IsAllowed(hours, candidate, offset) == allowed)
                    return candidate;
            }
        }

        return null;
    }

    private static bool IsAllowed(IDailyHours hours, Instant at, Offset offset) =>
        WallClock.At(at, offset).ReasonToWait(hours) is null;
}
