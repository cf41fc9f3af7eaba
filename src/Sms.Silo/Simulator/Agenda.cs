namespace Sms.Silo.Simulator;

/// <summary>
/// What is to be done later, done one at a time in the order in which it falls due, first come first among equals.
/// One timer serves all of it, so that a million messages under way are a heap and not a million timers.
/// </summary>
internal sealed class Agenda : IAsyncDisposable
{
    private static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(1);
    private readonly Lock gate = new();
    private readonly PriorityQueue<Action, (long Due, long Turn)> entries = new();
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private long turns;
    private bool isRunning, isOver;

    public Agenda(TimeProvider time)
    {
        this.time = time;
        timer = time.CreateTimer(_ => Run(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <param name="wait">From now; none or less is as soon as possible, never within this call.</param>
    /// <param name="act">Short, and never throws.</param>
    public void After(TimeSpan wait, Action act)
    {
        lock (gate)
        {
            var due = time.GetTimestamp() + (long)(Math.Max(wait.TotalSeconds, 0) * time.TimestampFrequency);
            entries.Enqueue(act, (due, ++turns));
            // A run under way looks again before it ends; else only an entry that is now the first needs the timer.
            if (!isRunning && ReferenceEquals(entries.Peek(), act))
                Arm();
        }
    }

    /// <summary>What is not done by now never is.</summary>
    public ValueTask DisposeAsync()
    {
        lock (gate)
            isOver = true;
        return timer.DisposeAsync();
    }

    private void Run()
    {
        lock (gate)
        {
            if (isRunning)
                return;
            isRunning = true;
        }

        while (TakeDue() is { } act)
            act();
    }

    private Action? TakeDue()
    {
        lock (gate)
        {
            if (!isOver && entries.TryPeek(out var act, out var at) && at.Due <= time.GetTimestamp())
            {
                entries.Dequeue();
                return act;
            }

            isRunning = false;
            Arm();
            return null;
        }
    }

    // At least a millisecond: the timer's grain is coarser than the clock's, and a zero would spin.
    private void Arm()
    {
        if (isOver || !entries.TryPeek(out _, out var at))
            return;
        var wait = time.GetElapsedTime(time.GetTimestamp(), at.Due);
        timer.Change(wait > LeastWait ? wait : LeastWait, Timeout.InfiniteTimeSpan);
    }
}
