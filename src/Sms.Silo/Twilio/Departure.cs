using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>What became of the one moment at which a request may leave.</summary>
internal enum DepartureState
{
    Waiting,

    /// <summary>Bytes of the message may have reached the provider.</summary>
    Left,

    /// <summary>The moment by which it had to leave passed first.</summary>
    TooLate,

    /// <summary>No connection was to be had in time.</summary>
    TimedOut,

    /// <summary>The caller gave up first.</summary>
    Cancelled,

    /// <summary>Something else failed first: DNS, TCP, TLS.</summary>
    Failed,
}

/// <summary>
/// Decides once whether a request leaves or not. Its limits (leave-by, time-out, the caller's token) race with the
/// socket write; whichever comes first settles it, so that a request which did not leave is known not to have left,
/// and one which left is never given up because its caller lost interest.
/// </summary>
internal sealed class Departure : IAsyncDisposable
{
    private readonly TimeProvider time;
    private readonly Deadline leaveBy;
    private readonly TimeSpan timeout;
    private readonly CancellationTokenSource wire;
    private readonly ITimer limit;
    private readonly CancellationTokenRegistration caller;
    private volatile DepartureState state;

    /// <param name="time">The clock of all limits.</param>
    /// <param name="leaveBy">The last moment at which it may leave.</param>
    /// <param name="timeout">How long to wait for a connection, and after leaving for the whole reply.</param>
    /// <param name="cancellationToken">Ends the wait until it has left, and nothing afterwards.</param>
    public Departure(TimeProvider time, Deadline leaveBy, TimeSpan timeout, CancellationToken cancellationToken)
    {
        this.time = time;
        this.leaveBy = leaveBy;
        this.timeout = timeout;
        wire = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        var untilLeaveBy = leaveBy.Left(time);
        var (due, why) = untilLeaveBy < timeout
            ? (untilLeaveBy, DepartureState.TooLate)
            : (timeout, DepartureState.TimedOut);
        limit = time.CreateTimer(
            _ => Stop(why), state: null, due > TimeSpan.Zero ? due : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        caller = cancellationToken.Register(() => Stop(DepartureState.Cancelled));
    }

    /// <summary>Cancelled when the exchange is to end: stopped before it left, or timed out after.</summary>
    public CancellationToken Wire => wire.Token;

    public bool HasLeft => state == DepartureState.Left;

    /// <summary>True once, to the first who asks in time: the caller must write to the socket and nobody else.</summary>
    public bool TryLeave()
    {
        if (leaveBy.HasPassed(time))
            Stop(DepartureState.TooLate);
        if (!Settle(DepartureState.Left))
            return false;
        wire.CancelAfter(timeout);
        return true;
    }

    /// <summary>Ends the wait if it still lasts, and tells how it ended.</summary>
    public DepartureState Close()
    {
        Settle(DepartureState.Failed);
        return state;
    }

    public async ValueTask DisposeAsync()
    {
        // Both wait for a callback under way, which would otherwise cancel a disposed source.
        await caller.DisposeAsync();
        await limit.DisposeAsync();
        wire.Dispose();
    }

    private void Stop(DepartureState why)
    {
        if (Settle(why))
            wire.Cancel();
    }

    private bool Settle(DepartureState end) =>
        Interlocked.CompareExchange(ref state, end, DepartureState.Waiting) == DepartureState.Waiting;
}
