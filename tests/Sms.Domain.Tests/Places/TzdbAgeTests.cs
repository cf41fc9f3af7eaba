using NodaTime;
using Sms.Domain.Places;
using Xunit;

namespace Sms.Domain.Tests.Places;

public sealed class TzdbAgeTests
{
    [Theory]
    [InlineData("2026f", "2027-04-01", false)]
    [InlineData("2026f", "2027-05-01", true)]
    // Not listed: it counts from the beginning of its year.
    [InlineData("2027a", "2027-06-01", false)]
    [InlineData("2027a", "2027-08-01", true)]
    [InlineData("nothing", "2027-08-01", true)]
    public void It_warns_after_half_a_year(string version, string day, bool warns)
    {
        var now = NodaTime.Text.LocalDatePattern.Iso.Parse(day).Value.AtStartOfDayInZone(DateTimeZone.Utc).ToInstant();

        Assert.Equal(warns, TzdbAge.Warning(version, now) is not null);
    }

    [Fact]
    public void The_release_in_use_is_dated() =>
        // Fails after an upgrade of NodaTime: add its release with its day.
        Assert.Null(TzdbAge.Warning(RecipientPlace.TzdbVersion, Instant.FromUtc(int.Parse(RecipientPlace.TzdbVersion[..4], System.Globalization.CultureInfo.InvariantCulture), 7, 4, 0, 0)));
}
