using NodaTime;
using Sms.Domain.Retries;
using Xunit;

namespace Sms.Domain.Tests.Retries;

public sealed class QueueWatermarkTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 18, 0);

    private readonly QueueWatermark _mark = new();

    [Fact]
    public void The_first_claim_looks_for_all_and_the_next_from_what_it_left()
    {
        Assert.Null(_mark.At(Now));
        Assert.False(_mark.Claimed(low: null, full: true, Now - Duration.FromHours(1), Now));
        Assert.Equal(Now - Duration.FromHours(1), _mark.At(Now));
    }

    [Theory]
    [InlineData(-61, -61)]
    [InlineData(-60, -60)]
    [InlineData(-59, -60)]
    [InlineData(0, -60)]
    [InlineData(3600, -60)]
    [InlineData(null, -60)]
    public void It_never_comes_nearer_than_a_minute(int? nextDue, int mark)
    {
        _mark.Claimed(low: null, full: true, nextDue is { } s ? Now + Duration.FromSeconds(s) : null, Now);
        Assert.Equal(Now + Duration.FromSeconds(mark), _mark.At(Now));
    }

    [Fact]
    public void Too_little_found_with_it_is_looked_for_again_without_it_once()
    {
        _mark.Claimed(low: null, full: true, Now, Now);
        var low = _mark.At(Now);
        Assert.NotNull(low);
        Assert.True(_mark.Claimed(low, full: false, nextDue: null, Now));
        Assert.Null(_mark.At(Now));
        Assert.False(_mark.Claimed(low: null, full: false, nextDue: null, Now));
        Assert.NotNull(_mark.At(Now));
    }

    [Fact]
    public void Every_half_minute_and_when_rows_were_put_back_a_claim_goes_without_it()
    {
        _mark.Claimed(low: null, full: true, Now, Now);
        Assert.NotNull(_mark.At(Now + Duration.FromSeconds(29)));
        Assert.Null(_mark.At(Now + Duration.FromSeconds(30)));

        _mark.Sweep();
        Assert.Null(_mark.At(Now));
    }
}
