using NodaTime;
using NodaTime.Text;
using Sms.Domain.Phones;
using Sms.Domain.QuietHours;
using Xunit;

namespace Sms.Domain.Tests.QuietHours;

public sealed class QuietHoursRulesTests
{
    private static readonly DateTimeZone NewYork = DateTimeZoneProviders.Tzdb["America/New_York"];
    private static readonly DateTimeZone LosAngeles = DateTimeZoneProviders.Tzdb["America/Los_Angeles"];

    [Theory]
    [InlineData("2026-07-01T11:59:59.999999999Z", "2026-07-01T12:00:00Z", "too_early")]
    [InlineData("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z", null)]
    [InlineData("2026-07-02T00:59:59.999999999Z", "2026-07-02T00:59:59.999999999Z", null)]
    [InlineData("2026-07-02T01:00:00Z", "2026-07-02T12:00:00Z", "too_late")]
    public void The_open_is_inclusive_and_the_close_exclusive(string at, string next, string? reason)
    {
        var decision = QuietHoursRules.Decide(Utc(at), [new Place(NewYork, WeeklyWindows.Default)]);

        Assert.Equal(reason is null, decision.CanSend);
        Assert.Equal(Utc(next), decision.NextSendTime);
        Assert.Equal(reason, decision.Reason?.ToWire());
    }

    [Fact]
    public void Without_places_everything_is_allowed_and_nothing_closes()
    {
        var at = Utc("2026-07-01T03:00:00Z");

        Assert.Equal(new QuietHoursDecision(CanSend: true, at, Reason: null), QuietHoursRules.Decide(at, []));
        Assert.Null(QuietHoursRules.OpenUntil(at, []));
    }

    [Fact]
    public void An_open_that_daylight_saving_skips_happens_when_the_gap_ends()
    {
        var place = new Place(NewYork, WeeklyWindows.Everyday(2 * 60 + 30, 20 * 60));

        Assert.Equal(Utc("2026-03-08T07:00:00Z"), QuietHoursRules.Decide(Utc("2026-03-08T06:00:00Z"), [place]).NextSendTime);
    }

    [Fact]
    public void A_close_within_a_repeated_hour_happens_in_both_passes()
    {
        Place[] place = [new(NewYork, WeeklyWindows.Everyday(8 * 60, 90))];

        Assert.Equal(Utc("2026-11-01T05:30:00Z"), QuietHoursRules.OpenUntil(Utc("2026-11-01T04:00:00Z"), place));
        Assert.Equal(Utc("2026-11-01T06:00:00Z"), QuietHoursRules.Decide(Utc("2026-11-01T05:30:00Z"), place).NextSendTime);
        Assert.Equal(Utc("2026-11-01T06:30:00Z"), QuietHoursRules.OpenUntil(Utc("2026-11-01T06:00:00Z"), place));
    }

    [Fact]
    public void A_weekday_that_a_zone_skipped_is_found_a_week_later()
    {
        // Samoa had no Friday 2011-12-30.
        var place = new Place(DateTimeZoneProviders.Tzdb["Pacific/Apia"], Windows("fri", "10:00", "11:00"));

        Assert.Equal(Utc("2012-01-05T20:00:00Z"), QuietHoursRules.Decide(Utc("2011-12-29T12:00:00Z"), [place]).NextSendTime);
    }

    [Fact]
    public void The_reason_is_that_of_the_first_place_that_forbids()
    {
        Place[] places = [new(NewYork, WeeklyWindows.Default), new(LosAngeles, WeeklyWindows.Default)];

        var early = QuietHoursRules.Decide(Utc("2026-07-01T13:00:00Z"), places);
        Assert.Equal((QuietHoursReason.TooEarly, Utc("2026-07-01T15:00:00Z")), (early.Reason, early.NextSendTime));

        var late = QuietHoursRules.Decide(Utc("2026-07-02T02:00:00Z"), places);
        Assert.Equal((QuietHoursReason.TooLate, Utc("2026-07-02T15:00:00Z")), (late.Reason, late.NextSendTime));
    }

    [Fact]
    public void A_day_without_window_is_closed_but_for_what_yesterday_left_open()
    {
        Place[] place = [new(DateTimeZone.Utc, Windows("sat", "22:00", "02:00"))];

        Assert.True(QuietHoursRules.Decide(Utc("2026-07-05T01:59:00Z"), place).CanSend);
        Assert.Equal(QuietHoursReason.ClosedDay, QuietHoursRules.Decide(Utc("2026-07-05T02:00:00Z"), place).Reason);
    }

    [Fact]
    public void Places_that_are_never_open_together_have_no_next_time()
    {
        // Summer; 09:00 in Guam and 20:00 in Puerto Rico never leave an hour to a number that may be in either.
        var windows = WeeklyWindows.Everyday(9 * 60, 20 * 60);
        var places = PhoneNumber.FromE164("+18005551234").TimeZones()
            .Select(id => new Place(DateTimeZoneProviders.Tzdb[id], windows)).ToList();

        var decision = QuietHoursRules.Decide(Utc("2026-07-01T12:00:00Z"), places);

        Assert.False(decision.CanSend);
        Assert.Null(decision.NextSendTime);
        Assert.NotNull(decision.Reason);
    }

    [Fact]
    public void The_earliest_close_of_all_places_counts()
    {
        Place[] places = [new(LosAngeles, WeeklyWindows.Default), new(NewYork, WeeklyWindows.Default)];

        Assert.Equal(Utc("2026-07-02T01:00:00Z"), QuietHoursRules.OpenUntil(Utc("2026-07-01T18:00:00Z"), places));
    }

    [Fact]
    public void Windows_that_adjoin_at_midnight_count_as_one()
    {
        Assert.True(WeeklyWindows.TryParse(
            new Dictionary<string, string[]>(StringComparer.Ordinal)
            {
                ["mon"] = ["08:00", "24:00"],
                ["tue"] = ["00:00", "10:00"],
                ["wed"] = ["08:00", "21:00"],
            },
            out var windows,
            out _));

        Assert.Equal(
            Utc("2026-07-07T10:00:00Z"),
            QuietHoursRules.OpenUntil(Utc("2026-07-06T09:00:00Z"), [new Place(DateTimeZone.Utc, windows)]));
    }

    [Theory]
    [InlineData(0, 1_440)]
    [InlineData(0, 0)]
    [InlineData(480, 480)]
    public void A_week_that_is_always_open_never_closes(int open, int close)
    {
        Place[] place = [new(NewYork, WeeklyWindows.Everyday(open, close))];

        Assert.True(QuietHoursRules.Decide(Utc("2026-03-08T06:59:59Z"), place).CanSend);
        Assert.Null(QuietHoursRules.OpenUntil(Utc("2026-03-08T06:59:59Z"), place));
    }

    [Fact]
    public void Instants_at_the_ends_of_the_calendar_are_refused()
    {
        Place[] place = [new(NewYork, WeeklyWindows.Default)];

        Assert.Throws<ArgumentOutOfRangeException>(() => QuietHoursRules.Decide(Instant.MaxValue, place));
        Assert.Throws<ArgumentOutOfRangeException>(() => QuietHoursRules.OpenUntil(Instant.MinValue, place));
        Assert.NotNull(QuietHoursRules.Decide(QuietHoursRules.Range.Start, place).NextSendTime);
        Assert.NotNull(QuietHoursRules.Decide(QuietHoursRules.Range.End - Duration.Epsilon, place).NextSendTime);
    }

    private static WeeklyWindows Windows(string day, string open, string close)
    {
        var shape = new Dictionary<string, string[]>(StringComparer.Ordinal) { [day] = [open, close] };
        return WeeklyWindows.TryParse(shape, out var windows, out var error) ? windows : throw new InvalidDataException(error);
    }

    private static Instant Utc(string text) => InstantPattern.ExtendedIso.Parse(text).Value;
}
