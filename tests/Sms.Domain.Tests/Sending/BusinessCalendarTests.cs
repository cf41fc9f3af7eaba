using NodaTime;
using NodaTime.Text;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

public sealed class BusinessCalendarTests
{
    [Theory]
    // The day is the business's, whatever day it is elsewhere.
    [InlineData("2026-06-15T03:59:59Z", "America/New_York", "2026-06-14", "2026-06-15T04:00:00Z")]
    [InlineData("2026-06-15T04:00:00Z", "America/New_York", "2026-06-15", "2026-06-16T04:00:00Z")]
    [InlineData("2026-06-15T12:00:00Z", "Pacific/Kiritimati", "2026-06-16", "2026-06-16T10:00:00Z")]
    // 23 and 25 hours.
    [InlineData("2026-03-08T12:00:00Z", "America/New_York", "2026-03-08", "2026-03-09T04:00:00Z")]
    [InlineData("2026-11-01T12:00:00Z", "America/New_York", "2026-11-01", "2026-11-02T05:00:00Z")]
    // Midnight is skipped: the day begins at one.
    [InlineData("2018-11-04T02:59:59Z", "America/Sao_Paulo", "2018-11-03", "2018-11-04T03:00:00Z")]
    public void A_day_ends_where_the_next_one_begins_in_the_businesss_zone(string now, string zone, string day, string next)
    {
        Assert.Equal(LocalDatePattern.Iso.Parse(day).Value, BusinessCalendar.Day(At(now), zone));
        Assert.Equal(At(next), BusinessCalendar.NextDay(At(now), zone));
    }

    [Theory]
    [InlineData("2026-06-15T12:00:00Z", "America/Chicago", "2026-06-01", "2026-07-01T05:00:00Z")]
    [InlineData("2026-07-01T04:59:59Z", "America/Chicago", "2026-06-01", "2026-07-01T05:00:00Z")]
    [InlineData("2026-07-01T05:00:00Z", "America/Chicago", "2026-07-01", "2026-08-01T05:00:00Z")]
    [InlineData("2026-12-31T23:00:00Z", "America/Chicago", "2026-12-01", "2027-01-01T06:00:00Z")]
    [InlineData("2028-02-29T12:00:00Z", "Asia/Tokyo", "2028-02-01", "2028-02-29T15:00:00Z")]
    public void A_month_ends_where_the_next_one_begins(string now, string zone, string month, string next)
    {
        Assert.Equal(LocalDatePattern.Iso.Parse(month).Value, BusinessCalendar.Month(At(now), zone));
        Assert.Equal(At(next), BusinessCalendar.NextMonth(At(now), zone));
    }

    [Fact]
    public void At_the_end_of_a_day_the_next_one_has_begun_in_every_zone()
    {
        var years = Enumerable.Range(0, 4 * 365).Select(day => Instant.FromUtc(2026, 1, 1, 0, 30) + Duration.FromDays(day)).ToList();
        foreach (var zone in RecipientPlace.AllZones.Ids)
        {
            foreach (var now in years)
            {
                var next = BusinessCalendar.NextDay(now, zone);
                Assert.True(next > now, $"{zone} {now}");
                Assert.Equal(BusinessCalendar.Day(now, zone).PlusDays(1), BusinessCalendar.Day(next, zone));
                Assert.Equal(BusinessCalendar.Day(now, zone), BusinessCalendar.Day(next - Duration.Epsilon, zone));
            }
        }
    }

    [Fact]
    public void The_default_zone_is_one() => Assert.NotNull(RecipientPlace.AllZones.GetZoneOrNull(BusinessCalendar.DefaultZone));

    private static Instant At(string text) => InstantPattern.ExtendedIso.Parse(text).Value;
}
