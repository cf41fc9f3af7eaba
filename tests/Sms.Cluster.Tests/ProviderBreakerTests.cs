using Microsoft.Extensions.Time.Testing;
using NodaTime;
using Sms.Dispatch;
using Sms.Domain.Sending;

namespace Sms.Cluster.Tests;

/// <summary>One probe a minute while the provider refuses a sender or cannot be reached.</summary>
public sealed class ProviderBreakerTests
{
    private const string Sender = "+15005550006", Other = "+15005550007";

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 6, 15, 16, 0, 0, TimeSpan.Zero));
    private readonly Clock _clock;
    private readonly ProviderBreaker _breaker;

    public ProviderBreakerTests()
    {
        _clock = new Clock(_time);
        _breaker = new ProviderBreaker(_clock, new MonotonicClock(_time));
    }

    [Fact]
    public void A_sender_that_is_not_refused_may_send()
    {
        Assert.Null(_breaker.Stops(Sender)?.Until);
        Assert.Null(_breaker.Complaint);
        _breaker.Reset(Sender);
        Assert.False(_breaker.IsOpen(Sender));
    }

    [Fact]
    public void While_a_sender_is_refused_one_probe_a_minute_goes_and_other_senders_go_on()
    {
        _breaker.Trip(Sender, WaitCause.SenderRefused, 20003, "no");
        Assert.Equal(_clock.GetCurrentInstant() + ProviderBreaker.ProbeEvery, _breaker.Stops(Sender)?.Until);
        Assert.Null(_breaker.Stops(Other)?.Until);
        Pass(59);
        // Never at once: whoever asks comes back after a second at the earliest.
        Assert.Equal(_clock.GetCurrentInstant() + Duration.FromSeconds(1), _breaker.Stops(Sender)?.Until);
        Pass(1);
        Assert.Null(_breaker.Stops(Sender)?.Until);
        Assert.Equal(_clock.GetCurrentInstant() + ProviderBreaker.ProbeEvery, _breaker.Stops(Sender)?.Until);
        Assert.True(_breaker.IsOpen(Sender));
    }

    [Fact]
    public void What_the_provider_takes_closes_it()
    {
        _breaker.Trip(Sender, WaitCause.SenderRefused, 20003, "no");
        _breaker.Trip(Other, WaitCause.SenderRefused, 20003, "no");
        Assert.Equal("no", _breaker.Complaint);
        _breaker.Reset(Sender);
        Assert.Null(_breaker.Stops(Sender)?.Until);
        Assert.Equal("no", _breaker.Complaint);
        _breaker.Reset(Other);
        Assert.Null(_breaker.Complaint);
    }

    [Fact]
    public void Five_requests_in_a_row_that_could_not_leave_stop_it_and_one_that_left_begins_the_count_anew()
    {
        for (var n = 0; n < 4; n++)
            Assert.False(_breaker.CouldNotLeave(Sender, "DNS"));
        _breaker.Left();
        for (var n = 0; n < 4; n++)
            Assert.False(_breaker.CouldNotLeave(Sender, "DNS"));
        Assert.True(_breaker.CouldNotLeave(Sender, "DNS"));
        Assert.Contains("DNS", _breaker.Complaint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_that_is_put_back_delays_no_probe()
    {
        _breaker.Trip(Sender, WaitCause.SenderRefused, 20003, "no");
        _clock.Step = -Duration.FromHours(1);
        Assert.Equal(_clock.GetCurrentInstant() + ProviderBreaker.ProbeEvery, _breaker.Stops(Sender)?.Until);
        Pass(60);
        Assert.Null(_breaker.Stops(Sender)?.Until);
    }

    private void Pass(int seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));

    private sealed class Clock(TimeProvider time) : IClock
    {
        public Duration Step { get; set; }

        public Instant GetCurrentInstant() => Instant.FromDateTimeOffset(time.GetUtcNow()) + Step;
    }
}
