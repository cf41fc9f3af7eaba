using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Xunit;

namespace Sms.Domain.Tests.Sending;

/// <summary>Florida's law: three texts to one recipient in 24 hours, rolling. Hours are before the instant asked for.</summary>
public sealed class CapCountTests
{
    private const string Florida = "+13055550100";
    private const string Texas = "+15125550100";

    private static readonly Instant At = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Theory]
    [InlineData(new double[0], 0, null)]
    [InlineData(new double[] { 1, 2 }, 2, null)]
    [InlineData(new double[] { 1, 2, 3 }, 3, 21.0)]
    // The third last frees the place, in whatever order they come.
    [InlineData(new double[] { 10, 1, 5, 3 }, 4, 19.0)]
    // Exactly a day ago is a day ago.
    [InlineData(new double[] { 1, 2, 24 }, 2, null)]
    [InlineData(new double[] { 1, 2, 23.5 }, 3, 0.5)]
    [InlineData(new double[] { 25, 30, 48 }, 0, null)]
    // Under way, by a clock a little ahead of ours.
    [InlineData(new double[] { -0.001, 1, 2 }, 3, 22.0)]
    public void What_went_in_the_last_day_counts_and_the_third_last_frees_the_place(double[] hoursAgo, int counted, double? freeIn)
    {
        var cap = Count(Florida, hoursAgo)!;

        Assert.Equal(("US-FL/1", 3, 24, counted), (cap.Rule, cap.Limit, cap.Hours, cap.Counted));
        Assert.Equal(freeIn is { } hours ? At + Duration.FromHours(hours) : null, cap.FreeAt);
    }

    [Fact]
    public void When_the_place_is_free_there_is_room_for_one()
    {
        var recent = new double[] { 1, 5, 9, 20 }.Select(hours => At - Duration.FromHours(hours)).ToList();
        var free = CapCount.Of(Hours(Florida), recent, At)!.FreeAt!.Value;

        Assert.Null(CapCount.Of(Hours(Florida), recent, free)!.FreeAt);
        Assert.NotNull(CapCount.Of(Hours(Florida), recent, free - Duration.Epsilon)!.FreeAt);
        recent.Add(free);
        Assert.NotNull(CapCount.Of(Hours(Florida), recent, free)!.FreeAt);
    }

    [Fact]
    public void Where_no_law_caps_nothing_is_counted()
    {
        Assert.Null(Count(Texas, [1, 2, 3, 4]));
        Assert.Null(CapCount.Of(Hours(Florida, QuietHoursPolicy.Business), [At, At, At], At));
    }

    private static CapCount? Count(string phone, double[] hoursAgo) =>
        CapCount.Of(Hours(phone), [.. hoursAgo.Select(hours => At - Duration.FromHours(hours))], At);

    private static RecipientHours Hours(string phone, QuietHoursPolicy policy = QuietHoursPolicy.UsStates) => RecipientHours.Of(
        RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(phone), Zone: null, PostalCode: null, State: null), "America/New_York"),
        BusinessSettings.Default with { QuietHoursPolicy = policy }, BlackoutCalendar.Empty);
}
