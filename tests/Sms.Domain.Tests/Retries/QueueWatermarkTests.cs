using NodaTime;
using Sms.Domain.Retries;
using Xunit;

namespace Sms.Domain.Tests.Retries;

public sealed class QueueWatermarkTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 18, 0);

    private static readonly Duration Begun = Duration.FromHours(5);

    private readonly QueueWatermark _mark = new();

    [Fact]
    public void The_first_claim_looks_for_all_and_the_next_from_what_it_left()
    {
        Assert.Null(_mark.At(Begun));
        Assert.False(_mark.Claimed(low: null, full: true, Now - Duration.FromHours(1), Now, Begun));
        Assert.Equal(Now - Duration.FromHours(1), _mark.At(Begun));
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
        _mark.Claimed(low: null, full: true, nextDue is { } s ? Now + Duration.FromSeconds(s) : null, Now, Begun);
        Assert.Equal(Now + Duration.FromSeconds(mark), _mark.At(Begun));
    }

    [Fact]
    public void Too_little_found_with_it_is_looked_for_again_without_it_once()
    {
        _mark.Claimed(low: null, full: true, Now, Now, Begun);
        var low = _mark.At(Begun);
        Assert.NotNull(low);
        Assert.True(_mark.Claimed(low, full: false, nextDue: null, Now, Begun));
        Assert.Null(_mark.At(Begun));
        Assert.False(_mark.Claimed(low: null, full: false, nextDue: null, Now, Begun));
        Assert.NotNull(_mark.At(Begun));
    }

    [Fact]
    public void A_clock_that_is_put_back_delays_no_claim_without_it_and_the_mark_follows()
    {
        _mark.Claimed(low: null, full: true, Now, Now, Begun);
        var back = Now - Duration.FromHours(1);
        Assert.Null(_mark.At(Begun + Duration.FromSeconds(30)));
        Assert.True(_mark.Claimed(_mark.At(Begun), full: false, nextDue: null, back, Begun));
        _mark.Claimed(low: null, full: false, nextDue: back, back, Begun);
        Assert.Equal(back - Duration.FromSeconds(60), _mark.At(Begun));
    }

    [Fact]
    public void Every_half_minute_and_when_rows_were_put_back_a_claim_goes_without_it()
    {
        _mark.Claimed(low: null, full: true, Now, Now, Begun);
        Assert.NotNull(_mark.At(Begun + Duration.FromSeconds(29)));
        Assert.Null(_mark.At(Begun + Duration.FromSeconds(30)));

        _mark.Sweep();
        Assert.Null(_mark.At(Begun));
    }
}
