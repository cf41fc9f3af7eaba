using Microsoft.Extensions.Time.Testing;
using Sms.Ports;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class DepartureTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(35);
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task Only_the_first_may_leave()
    {
        await using var departure = new Departure(time, InTenSeconds(time), Limit, CancellationToken.None);

        Assert.True(departure.TryLeave());
        Assert.False(departure.TryLeave());
        Assert.Equal(DepartureState.Left, departure.Close());
    }

    [Fact]
    public async Task A_late_timer_lets_nothing_leave_late()
    {
        var stalled = new StalledTimers();
        await using var departure = new Departure(stalled, InTenSeconds(stalled), Limit, CancellationToken.None);

        stalled.Advance(TimeSpan.FromSeconds(10) + TimeSpan.FromTicks(1));

        Assert.False(departure.TryLeave());
        Assert.Equal(DepartureState.TooLate, departure.Close());
    }

    [Fact]
    public async Task A_machine_that_was_suspended_lets_nothing_leave_late()
    {
        var suspended = new SuspendedMachine();
        await using var departure = new Departure(suspended, InTenSeconds(suspended), Limit, CancellationToken.None);

        suspended.Sleep(TimeSpan.FromSeconds(11));

        Assert.False(departure.TryLeave());
        Assert.Equal(DepartureState.TooLate, departure.Close());
    }

    [Fact]
    public async Task Once_left_neither_its_moment_nor_its_caller_ends_the_wait()
    {
        using var caller = new CancellationTokenSource();
        await using var departure = new Departure(time, InTenSeconds(time), Limit, caller.Token);
        departure.TryLeave();

        await caller.CancelAsync();
        time.Advance(TimeSpan.FromSeconds(34));
        Assert.False(departure.Wire.IsCancellationRequested);

        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(departure.Wire.IsCancellationRequested);
        Assert.True(departure.HasLeft);
    }

    [Fact]
    public async Task The_reply_has_its_full_time_however_long_the_connection_took()
    {
        await using var departure = new Departure(time, InTenSeconds(time), Limit, CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(9));
        departure.TryLeave();

        time.Advance(TimeSpan.FromSeconds(34));

        Assert.False(departure.Wire.IsCancellationRequested);
    }

    [Fact]
    public async Task Whoever_comes_first_settles_it()
    {
        using var caller = new CancellationTokenSource();
        await using var departure = new Departure(time, InTenSeconds(time), Limit, caller.Token);

        await caller.CancelAsync();
        time.Advance(TimeSpan.FromSeconds(60));

        Assert.False(departure.TryLeave());
        Assert.Equal(DepartureState.Cancelled, departure.Close());
        Assert.True(departure.Wire.IsCancellationRequested);
    }

    private static Deadline InTenSeconds(FakeTimeProvider time) => Deadline.After(TimeSpan.FromSeconds(10), time);

    /// <summary>One whose monotonic clock and timers stood meanwhile.</summary>
    private sealed class SuspendedMachine : FakeTimeProvider
    {
        private TimeSpan _slept;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _slept;

        // The base class would take it from the clock above.
        public override long GetTimestamp() => base.GetUtcNow().Ticks;

        public void Sleep(TimeSpan time) => _slept += time;
    }

    /// <summary>A machine too busy to run its timers on time.</summary>
    private sealed class StalledTimers : FakeTimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
