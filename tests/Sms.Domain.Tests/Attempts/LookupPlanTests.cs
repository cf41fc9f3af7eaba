using NodaTime;
using Sms.Domain.Attempts;
using Xunit;

namespace Sms.Domain.Tests.Attempts;

public sealed class LookupPlanTests
{
    private static readonly Instant Unknown = Instant.FromUtc(2026, 6, 15, 16, 0);

    private static readonly TimeSpan[] Delays = [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)];

    [Theory]
    [InlineData(0, false, 30)]
    [InlineData(30, false, 120)]
    [InlineData(120, false, 600)]
    [InlineData(599, false, 600)]
    [InlineData(600, true, 600)]
    [InlineData(9000, true, 9000)]
    public void An_absence_is_final_once_the_last_delay_has_passed(int askedAfter, bool isFinal, int nextAfter)
    {
        var plan = LookupPlan.After(Unknown, Unknown + Duration.FromSeconds(askedAfter), Delays);

        Assert.Equal((isFinal, Unknown + Duration.FromSeconds(nextAfter)), (plan.IsFinal, plan.Next));
    }

    [Fact]
    public void With_one_delay_there_is_one_look_up() =>
        Assert.True(LookupPlan.After(Unknown, Unknown + Duration.FromSeconds(30), [TimeSpan.FromSeconds(30)]).IsFinal);

    [Fact]
    public void Asked_before_its_outcome_was_unknown_it_waits_for_the_first_delay() =>
        Assert.Equal(
            new LookupPlan(IsFinal: false, Unknown + Duration.FromSeconds(30)),
            LookupPlan.After(Unknown, Unknown - Duration.FromSeconds(5), Delays));
}
