using CsCheck;
using NodaTime;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

/// <summary>Instants are seconds from the start of the test.</summary>
public sealed class PaceTests
{
    private static readonly Instant Start = Instant.FromUtc(2026, 6, 15, 16, 0);

    private readonly Pace _pace = new();

    [Fact]
    public void The_first_goes_at_once_and_each_after_it_when_the_one_before_has_had_its_time() =>
        Assert.Equal((0.0, 0.5, 1.0, 2.5), (Reserve(0, pace: 2), Reserve(0, pace: 2), Reserve(0, segments: 3, pace: 2), Reserve(0, pace: 2)));

    [Fact]
    public void Time_that_nobody_used_is_not_saved_up()
    {
        Reserve(0);

        Assert.Equal((100.0, 101.0), (Reserve(100), Reserve(100)));
    }

    [Fact]
    public void Another_pace_holds_from_the_next_slot_on()
    {
        Reserve(0, pace: 1);

        Assert.Equal([1, 1.1, 1.2], Enumerable.Range(0, 3).Select(_ => Reserve(0, pace: 10)));
    }

    [Fact]
    public void Slots_that_are_void_are_dealt_again_but_for_those_that_stay()
    {
        for (var n = 0; n < 100; n++)
            Reserve(0);

        _pace.DealAnew(At(0), new PaceSlot(At(40), Segments: 2), segmentsPerSecond: 1);

        Assert.Equal(42, Reserve(0));
    }

    [Fact]
    public void Dealt_again_none_comes_before_what_went_last_has_had_its_time()
    {
        Reserve(0, segments: 3);
        Reserve(0);

        _pace.DealAnew(At(0), last: null, segmentsPerSecond: 1);

        Assert.Equal(3, Reserve(0));
    }

    [Fact]
    public void Dealing_again_never_makes_anybody_wait_longer()
    {
        Reserve(0);

        _pace.DealAnew(At(0), new PaceSlot(At(500), 1), segmentsPerSecond: 1);

        Assert.Equal(1, Reserve(0));
    }

    [Fact]
    public void Slots_that_were_dealt_before_it_came_to_life_are_kept()
    {
        _pace.Resume(new PaceSlot(At(30), Segments: 2), segmentsPerSecond: 1);
        Assert.Equal(32, Reserve(0));

        _pace.Resume(new PaceSlot(At(5), 1), segmentsPerSecond: 1);
        Assert.Equal(33, Reserve(0));
    }

    [Fact]
    public void In_no_stretch_of_time_do_more_segments_go_than_the_pace_allows() =>
        Gen.Select(Gen.Double[0.1, 50], Gen.Select(Gen.Double[0, 5], Gen.Int[1, 10]).Array[1, 40]).Sample((perSecond, wishes) =>
        {
            var (pace, now, sent) = (new Pace(), Start, new List<(Instant At, int Segments)>());
            foreach (var (passed, segments) in wishes)
            {
                now += Duration.FromSeconds(passed);
                sent.Add((pace.Reserve(now, segments, perSecond), segments));
                if (sent[^1].At < now)
                    return false;
            }

            // From any slot to any later one there is time for all that went before the later one.
            for (var first = 0; first < sent.Count; first++)
            {
                var segments = 0;
                for (var later = first; later < sent.Count; segments += sent[later++].Segments)
                {
                    if ((sent[later].At - sent[first].At).TotalSeconds < (segments / perSecond) - 1e-6)
                        return false;
                }
            }

            return true;
        });

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-1, 1)]
    [InlineData(1, 0)]
    [InlineData(1, -1)]
    public void A_slot_costs_something_and_a_pace_is_above_nothing(int segments, double pace) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Reserve(0, segments, pace));

    private static Instant At(double seconds) => Start + Duration.FromSeconds(seconds);

    private double Reserve(double now, int segments = 1, double pace = 1) => (_pace.Reserve(At(now), segments, pace) - Start).TotalSeconds;
}
