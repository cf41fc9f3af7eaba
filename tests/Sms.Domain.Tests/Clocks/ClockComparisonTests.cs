using NodaTime;
using Sms.Domain.Clocks;
using Xunit;

namespace Sms.Domain.Tests.Clocks;

public sealed class ClockComparisonTests
{
    private static readonly Instant Asked = Instant.FromUtc(2026, 11, 23, 18, 0);
    private static readonly Duration Most = Duration.FromSeconds(5);

    [Theory]
    // At once; within a second; after twenty.
    [InlineData(0, 0, 0, true)]
    [InlineData(5, 0, 0, true)]
    [InlineData(5.001, 0, 0, false)]
    [InlineData(-5.001, 0, 0, false)]
    [InlineData(3600, 1, 0, false)]
    [InlineData(4, 1, 0.5, true)]
    [InlineData(4.9, 1, 0, true)]
    [InlineData(4.9, 1, 0.5, null)]
    [InlineData(0, 20, 10, null)]
    [InlineData(60, 20, 10, false)]
    public void Clocks_agree_differ_or_were_asked_too_slowly(double storeIsAhead, double roundTrip, double readAfter, bool? agree)
    {
        var comparison = ClockComparison.Of(
            Asked, Asked + Duration.FromSeconds(readAfter) + Duration.FromSeconds(storeIsAhead), Asked + Duration.FromSeconds(roundTrip));
        Assert.Equal(agree, comparison.IsWithin(Most));
        Assert.InRange(Math.Abs(comparison.Offset.TotalSeconds + storeIsAhead), 0, (roundTrip / 2) + 1e-6);
    }

    [Fact]
    public void A_clock_that_was_put_back_between_question_and_answer_says_nothing_yet()
    {
        var comparison = ClockComparison.Of(Asked, Asked, Asked - Duration.FromHours(1));
        Assert.Null(comparison.IsWithin(Most));
    }
}
