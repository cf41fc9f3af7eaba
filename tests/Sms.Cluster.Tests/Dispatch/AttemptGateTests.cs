using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Testing;

namespace Sms.Cluster.Tests.Dispatch;

public sealed class AttemptGateTests : IClock
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 11, 23, 18, 0);
    private static readonly Sender Ours = new("+15005550006", MessagingServiceSid: null);

    private readonly ProviderBreaker _breaker;
    private readonly PaceBook _pace;
    private readonly AttemptGate _gate;
    private readonly FakeTimeProvider _time = new();
    private Instant _now = Noon;
    private bool _canOptOut = true;
    private PaceSlot? _lastStored;

    public AttemptGateTests()
    {
        _breaker = new ProviderBreaker(this, new MonotonicClock(_time));
        _pace = new PaceBook(Guid.NewGuid(), () => Task.FromResult(_lastStored), senders: null, this, NullLogger.Instance);
        _gate = new AttemptGate(new FakeProvider(this), _breaker, () => _canOptOut, _pace);
    }

    public Instant GetCurrentInstant() => _now;

    [Fact]
    public async Task Nothing_stands_in_the_way_of_a_text_without_a_pace()
    {
        Assert.Equal(new GateAnswer.Begin(Ours, Slot: null), await AskAsync());
        Assert.Equal(new GateAnswer.Begin(Ours, Slot: null), await AskAsync());
    }

    [Fact]
    public async Task Without_a_sender_it_is_looked_at_again_in_a_minute() =>
        Assert.Equal(new GateAnswer.Wait(Noon + Duration.FromMinutes(1), WaitCause.ProviderUnreachable),
            await _gate.AskAsync(sender: null, Category.Transactional, 1, segmentsPerSecond: null, slot: null, Noon));

    [Fact]
    public async Task A_refused_sender_lets_one_probe_a_minute_through()
    {
        _breaker.Trip(Ours.Key, WaitCause.SenderRefused, 20003, "suspended");

        var wait = Assert.IsType<GateAnswer.Wait>(await AskAsync());
        Assert.Equal((Noon + Duration.FromMinutes(1), WaitCause.SenderRefused, 20003, true), (wait.Until, wait.Cause, wait.Code, wait.IsForSender));
        _now += Duration.FromMinutes(1);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.IsType<GateAnswer.Begin>(await AskAsync());
        Assert.IsType<GateAnswer.Wait>(await AskAsync());
    }

    [Theory]
    [InlineData(Category.Marketing, false)]
    [InlineData(Category.Transactional, true)]
    [InlineData(Category.Otp, true)]
    public async Task While_nobody_can_opt_out_marketing_waits(Category category, bool goes)
    {
        _canOptOut = false;

        var answer = await AskAsync(category);

        Assert.Equal(goes, answer is GateAnswer.Begin);
        if (!goes)
            Assert.Equal(new GateAnswer.Wait(Noon + Duration.FromSeconds(5), WaitCause.Busy) { IsBrief = true }, answer);
    }

    [Fact]
    public async Task Each_text_is_dealt_its_own_slot_of_the_pace()
    {
        Assert.IsType<GateAnswer.Begin>(await AskAsync(pace: 2, segments: 4));
        Assert.Equal(Waits(2), await AskAsync(pace: 2, segments: 1));
        Assert.Equal(Waits(2.5), await AskAsync(pace: 2, segments: 1));
    }

    [Fact]
    public async Task A_one_time_password_takes_a_slot_and_does_not_wait_for_it()
    {
        await AskAsync(pace: 1);
        Assert.IsType<GateAnswer.Begin>(await AskAsync(Category.Otp, pace: 1));
        Assert.Equal(Waits(2), await AskAsync(pace: 1));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(4.9, true)]
    [InlineData(5, false)] // it passed during an outage
    [InlineData(-1, false)] // it is not due yet
    public async Task A_slot_that_was_dealt_is_used_within_five_seconds(double secondsAgo, bool isUsed)
    {
        await AskAsync(pace: 1);
        var slot = Noon - Duration.FromSeconds(secondsAgo);

        var answer = await _gate.AskAsync(Ours, Category.Transactional, 1, segmentsPerSecond: 1, slot, Noon);

        Assert.Equal(isUsed ? new GateAnswer.Begin(Ours, slot) : Waits(1), answer);
    }

    [Fact]
    public async Task Slots_of_cancelled_texts_are_dealt_again_once_no_slot_is_on_its_way_into_the_database()
    {
        for (var n = 0; n < 10; n++)
            await AskAsync(pace: 1);
        Assert.Equal(Waits(10), await AskAsync(pace: 1));
        _lastStored = new PaceSlot(Noon + Duration.FromSeconds(3), 1);

        await _pace.GiveBackAsync(Ours, new PaceSlot(Noon + Duration.FromSeconds(5), 1));
        using (_pace.Placing())
        using (_pace.Placing())
            Assert.Equal(Waits(11), await AskAsync(pace: 1));

        Assert.Equal(Waits(4), await AskAsync(pace: 1));
    }

    private static GateAnswer.Wait Waits(double seconds) =>
        new(Noon + Duration.FromSeconds(seconds), WaitCause.Pace) { Slot = Noon + Duration.FromSeconds(seconds) };

    private Task<GateAnswer> AskAsync(Category category = Category.Transactional, double? pace = null, int segments = 1) =>
        _gate.AskAsync(Ours, category, segments, pace, slot: null, _now);
}
