using NodaTime;
using Sms.Domain.QuietHours;
using Xunit;

namespace Sms.Domain.Tests.QuietHours;

public sealed class WeeklyWindowsTests
{
    [Fact]
    public void A_missing_day_is_closed()
    {
        var windows = Parsed(("mon", ["08:00", "21:00"]), ("sun", ["22:00", "06:00"]));

        Assert.Equal(new DailyWindow(480, 1_260), windows[IsoDayOfWeek.Monday]);
        Assert.Equal(new DailyWindow(1_320, 360), windows[IsoDayOfWeek.Sunday]);
        Assert.Null(windows[IsoDayOfWeek.Tuesday]);
    }

    [Fact]
    public void The_default_is_8_to_21_on_all_days()
    {
        var days = WeeklyWindows.Default.ToDictionary();

        Assert.Equal(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], days.Keys, StringComparer.Ordinal);
        Assert.All(days.Values, static times => Assert.Equal(["08:00", "21:00"], times));
    }

    [Fact]
    public void The_end_of_the_day_is_a_close_but_no_open()
    {
        Assert.Equal(1_440, Parsed(("fri", ["00:00", "24:00"]))[IsoDayOfWeek.Friday]?.CloseMinute);
        Assert.Equal("The open of 'fri' is not a time from 00:00 to 23:59, written HH:mm.", Error("fri", "24:00", "08:00"));
    }

    [Theory]
    [InlineData("8:00")]
    [InlineData("08:60")]
    [InlineData("24:01")]
    [InlineData("25:00")]
    [InlineData("08-00")]
    [InlineData("08:00:00")]
    [InlineData("-8:00")]
    [InlineData("٠٨:00")]
    [InlineData("")]
    [InlineData(null)]
    public void A_time_of_another_shape_is_refused_with_its_day(string? time)
    {
        Assert.Equal("The open of 'wed' is not a time from 00:00 to 23:59, written HH:mm.", Error("wed", time!, "21:00"));
        Assert.Equal("The close of 'wed' is not a time from 00:00 to 24:00, written HH:mm.", Error("wed", "08:00", time!));
    }

    [Theory]
    [InlineData("monday")]
    [InlineData("Mon")]
    [InlineData("")]
    public void Another_name_is_not_a_day(string name) =>
        Assert.Equal($"'{name}' is not a day: use mon, tue, wed, thu, fri, sat or sun.", Error(name, "08:00", "21:00"));

    [Fact]
    public void A_day_needs_exactly_two_times()
    {
        const string Needs = "'tue' needs exactly two times, the open and the close.";

        Assert.Equal(Needs, Error("tue"));
        Assert.Equal(Needs, Error("tue", "08:00"));
        Assert.Equal(Needs, Error("tue", "08:00", "12:00", "13:00"));
        Assert.Equal(Needs, Error("tue", null!));
    }

    [Fact]
    public void Windows_are_compared_by_value()
    {
        Assert.Equal(WeeklyWindows.Default, WeeklyWindows.Everyday(480, 1_260));
        Assert.NotEqual(WeeklyWindows.Default, WeeklyWindows.Everyday(480, 1_200));
        Assert.NotEqual(WeeklyWindows.Default, Parsed(("mon", ["08:00", "21:00"])));
    }

    [Theory]
    [InlineData(-1, 60)]
    [InlineData(1_440, 60)]
    [InlineData(60, -1)]
    [InlineData(60, 1_441)]
    public void Minutes_out_of_bounds_throw(int open, int close) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DailyWindow(open, close));

    private static WeeklyWindows Parsed(params (string Day, string[] Times)[] days)
    {
        var shape = days.ToDictionary(static day => day.Day, static day => day.Times, StringComparer.Ordinal);
        Assert.True(WeeklyWindows.TryParse(shape, out var windows, out var error), error);
        return windows;
    }

    private static string? Error(string day, params string[] times)
    {
        var shape = new Dictionary<string, string[]>(StringComparer.Ordinal) { [day] = times };
        Assert.False(WeeklyWindows.TryParse(shape, out var windows, out var error));
        Assert.Null(windows);
        return error;
    }
}
