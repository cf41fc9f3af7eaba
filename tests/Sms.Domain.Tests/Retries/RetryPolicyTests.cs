using CsCheck;
using NodaTime;
using Sms.Domain.Retries;
using Xunit;

namespace Sms.Domain.Tests.Retries;

public sealed class RetryPolicyTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 5)]
    [InlineData(3, 15)]
    [InlineData(4, 15)]
    [InlineData(int.MaxValue, 15)]
    public void The_last_wait_holds_for_all_further_attempts(int attemptsMade, int minutes) =>
        Assert.Equal(Duration.FromMinutes(minutes), RetryPolicy.Default.DelayAfter(attemptsMade, jitter: 0));

    [Fact]
    public void Jitter_lengthens_a_wait_by_up_to_a_fifth() =>
        Assert.Equal(Duration.FromSeconds(66), RetryPolicy.Default.DelayAfter(1, jitter: 0.5));

    [Fact]
    public void A_wait_is_never_shorter_than_the_backoff_nor_a_fifth_longer() =>
        Gen.Select(Gen.Int[1, 10], Gen.Double[0, 0.999_999]).Sample(static (attemptsMade, jitter) =>
        {
            var backoff = RetryPolicy.Default.Backoff[Math.Min(attemptsMade, 3) - 1];
            var delay = RetryPolicy.Default.DelayAfter(attemptsMade, jitter);
            return delay >= backoff && delay < backoff * 1.2;
        });

    [Theory]
    [InlineData(0, 0.0)]
    [InlineData(-1, 0.0)]
    [InlineData(1, -0.1)]
    [InlineData(1, 1.0)]
    [InlineData(1, double.NaN)]
    public void Arguments_out_of_bounds_throw(int attemptsMade, double jitter) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RetryPolicy.Default.DelayAfter(attemptsMade, jitter));

    [Fact]
    public void A_backoff_needs_waits_that_are_not_negative()
    {
        Assert.Throws<ArgumentException>(() => new RetryPolicy([]));
        Assert.Throws<ArgumentException>(() => new RetryPolicy([Duration.FromSeconds(-1)]));
    }

    [Fact]
    public void Policies_are_compared_by_value_and_do_not_change_with_their_source()
    {
        var waits = new[] { Duration.FromMinutes(1), Duration.FromMinutes(5), Duration.FromMinutes(15) };
        var policy = new RetryPolicy(waits);
        waits[0] = Duration.Zero;

        Assert.Equal(RetryPolicy.Default, policy);
        Assert.Equal(RetryPolicy.Default.GetHashCode(), policy.GetHashCode());
        Assert.NotEqual(RetryPolicy.Default, new RetryPolicy(waits));
    }
}
