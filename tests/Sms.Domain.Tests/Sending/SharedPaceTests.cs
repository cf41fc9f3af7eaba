using NodaTime;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

public sealed class SharedPaceTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 18, 0);

    private readonly SharedPace _pace = new();

    [Fact]
    public void Slots_follow_each_other_by_what_their_messages_cost_and_none_is_in_the_past()
    {
        Assert.Equal(0, At(_pace.Reserve(Now, 1, 2)));
        Assert.Equal(0.5, At(_pace.Reserve(Now, 3, 2)));
        Assert.Equal(2, At(_pace.Reserve(Now, 1, 2)));
        Assert.Equal(60, At(_pace.Reserve(Now + Duration.FromMinutes(1), 1, 2)));
    }

    [Fact]
    public void What_is_dealt_beyond_the_book_must_be_booked_first()
    {
        _pace.Resume(Now);
        _pace.Reserve(Now, 1, 1);
        Assert.True(_pace.IsOverdrawn);
        _pace.Booked(_pace.NextFree + SharedPace.Ahead);
        for (var n = 0; n < 5; n++)
        {
            _pace.Reserve(Now, 1, 1);
            Assert.False(_pace.IsOverdrawn);
        }

        _pace.Reserve(Now, 1, 1);
        Assert.True(_pace.IsOverdrawn);
    }

    [Fact]
    public void Whoever_goes_on_with_the_book_deals_no_slot_that_was_dealt()
    {
        _pace.Resume(Now);
        var last = Enumerable.Range(0, 20).Select(_ => _pace.Reserve(Now, 1, 1)).Last();
        _pace.Booked(_pace.NextFree + SharedPace.Ahead);
        var next = new SharedPace();
        next.Resume(_pace.BookedUntil);
        Assert.InRange(next.Reserve(Now, 1, 1) - last, Duration.FromSeconds(1), Duration.FromSeconds(1) + SharedPace.Ahead);
    }

    [Fact]
    public void A_book_that_ended_long_ago_holds_nobody_up()
    {
        _pace.Resume(Now - Duration.FromHours(1));
        Assert.Equal(Now, _pace.Reserve(Now, 1, 1));
    }

    [Fact]
    public void The_last_slot_can_be_given_back_and_then_the_one_before_it()
    {
        var slots = Enumerable.Range(0, 4).Select(_ => _pace.Reserve(Now, 2, 3)).ToArray();
        _pace.GiveBack(slots[3], 2, 3);
        _pace.GiveBack(slots[2], 2, 3);

        Assert.Equal(slots[2], _pace.NextFree);
        Assert.Equal(slots[2], _pace.Reserve(Now, 1, 3));
    }

    [Fact]
    public void A_slot_among_others_that_is_given_back_goes_to_the_next_message_that_fits_and_may_use_it()
    {
        var slots = Enumerable.Range(0, 4).Select(_ => _pace.Reserve(Now, 2, 3)).ToArray();
        var end = _pace.NextFree;
        _pace.GiveBack(slots[1], 2, 3);
        _pace.GiveBack(slots[2], 2, 3);

        Assert.Equal(end, _pace.Reserve(Now, 3, 3));
        Assert.Equal(slots[2], _pace.Reserve(slots[1] + Duration.Epsilon, 2, 3));
        // The first has passed by then.
        Assert.True(_pace.Reserve(Now, 1, 3) > end);
    }

    [Fact]
    public void A_slot_is_known_again_after_it_crossed_the_wire()
    {
        _pace.Reserve(Now, 1, 3);
        var slot = _pace.Reserve(Now, 1, 3);
        var read = Instant.FromDateTimeOffset(slot.ToDateTimeOffset());
        Assert.NotEqual(slot, read);
        _pace.GiveBack(read, 1, 3);
        Assert.Equal(read, _pace.NextFree);
    }

    private static double At(Instant slot) => (slot - Now).TotalSeconds;
}
