using NodaTime;
using NodaTime.Text;
using Sms.Domain.Statutes;
using Xunit;

namespace Sms.Domain.Tests.Statutes;

/// <summary>Days that were looked up in statutes, proclamations and published lists.</summary>
public sealed class HolidayTests
{
    private static readonly Dictionary<string, HolidayCalendar> Calendars =
        LegalHoliday.ReadEmbedded().ToDictionary(static c => c.Key, static c => new HolidayCalendar(c.Value), StringComparer.Ordinal);

    [Theory]
    [InlineData("UT", "2027-03-26 2028-04-14", "2026-04-03 2027-06-21 2029-06-18")]
    [InlineData("UT", "2026-06-15 2026-07-24 2027-07-24 2027-07-23", "2027-06-14")]
    [InlineData("RI", "2027-06-21 2027-12-27 2028-01-03 2028-11-13 2020-07-06 2021-12-27 2015-07-06", "2027-06-18 2028-01-04")]
    [InlineData("AL", "2025-12-01 2026-12-01 2027-12-01", "2024-12-01 2026-12-02")]
    [InlineData("AL-strict", "2026-02-17 2027-02-09", "2026-12-01")]
    [InlineData("LA", "2022-06-03", "2023-06-03 2026-06-03 2027-06-03")]
    [InlineData("LA", "2020-12-24 2020-12-31 2023-12-26 2024-01-02 2026-12-24 2026-12-31 2027-02-09 2028-11-07", "2026-12-26 2027-01-02 2027-11-02 2019-12-24")]
    [InlineData("federal", "2027-12-31 2027-06-18 2026-07-03 2026-11-26", "2027-06-21 2026-11-27")]
    [InlineData("PA", "2026-06-14 2026-11-03 2027-11-02", "2026-12-24")]
    [InlineData("FR", "2027-01-01 2027-03-29 2027-05-01 2027-05-06 2027-05-08 2027-05-17 2027-07-14 2027-08-15 2027-11-01 2027-11-11 2027-12-25", "2027-03-26 2027-12-26")]
    [InlineData("DE", "2027-03-26 2027-03-29 2027-05-06 2027-05-17 2027-10-03 2027-12-26", "2027-11-01")]
    [InlineData("AU", "2027-01-26 2027-03-26 2027-04-25 2027-12-26", "2027-05-01")]
    [InlineData("BR", "2024-11-20 2027-03-26 2027-04-21 2027-09-07 2027-10-12 2027-11-02 2027-11-15", "2023-11-20 2027-02-09")]
    public void A_calendar_has_its_days_and_not_others(string calendar, string holidays, string others)
    {
        Assert.All(Dates(holidays), d => Assert.Equal(0, Calendars[calendar].ClosesAt(d, postalCode: null)));
        Assert.All(Dates(others), d => Assert.Equal(1_440, Calendars[calendar].ClosesAt(d, postalCode: null)));
    }

    [Fact]
    public void A_half_holiday_closes_at_its_hour()
    {
        var saturday = new LocalDate(2026, 12, 5);
        Assert.Equal(720, Calendars["PA-strict"].ClosesAt(saturday, "19103"));
        Assert.Equal(1_440, Calendars["PA-strict"].ClosesAt(saturday.PlusDays(-1), "19103"));
    }

    [Theory]
    [InlineData("36602", 0)]
    [InlineData("36526", 0)]
    [InlineData("35203", 1_440)]
    // Nobody knows where in the state it is.
    [InlineData(null, 0)]
    public void A_holiday_of_some_counties_is_kept_by_postal_code(string? postalCode, int closesAt) =>
        Assert.Equal(closesAt, Calendars["AL"].ClosesAt(new LocalDate(2027, 2, 9), postalCode));

    [Theory]
    [InlineData(2, "13-45", "'13-45' is no day of every year")]
    [InlineData(2, "every noon", "'every noon' is no rule")]
    [InlineData(2, "2026-02-30", "'2026-02-30' is no rule")]
    [InlineData(3, "sun-tue", "'sun-tue' is not sat-fri, sat-mon or sun-mon")]
    [InlineData(4, "soon", "'soon' is no number")]
    [InlineData(5, "1", "ends before it begins")]
    [InlineData(6, "noon", "'noon' is no time")]
    [InlineData(8, "", "cites nothing")]
    public void A_bad_row_is_told_in_one_line(int column, string value, string what)
    {
        string[] row = ["UT", "Day", "07-24", "-", "-", "-", "-", "-", "Utah Code"];
        row[column] = value;

        Assert.Equal($"holidays.tsv, UT Day: {what}.", Assert.Throws<InvalidDataException>(() => LegalHoliday.Read([row])).Message);
    }

    private static IEnumerable<LocalDate> Dates(string text) => text.Split(' ').Select(static d => LocalDatePattern.Iso.Parse(d).Value);
}
