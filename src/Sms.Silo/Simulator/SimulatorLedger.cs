namespace Sms.Silo.Simulator;

/// <summary>What the simulator was asked and what it accepted: the truth by which doubles are counted. Thread-safe.</summary>
internal sealed class SimulatorLedger
{
    private readonly Lock gate = new();
    private readonly List<SimulatedMessage> messages = [];
    private readonly Dictionary<string, int> positions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<int>> byRecipient = new(StringComparer.Ordinal);
    private TaskCompletionSource changed = NewSignal();
    private int requests, lookups, hanging;

    /// <summary>A snapshot, in the order of acceptance.</summary>
    public IReadOnlyList<SimulatedMessage> Messages
    {
        get
        {
            lock (gate)
                return [.. messages];
        }
    }

    /// <summary>Creates that arrived, those refused or broken off included.</summary>
    public int Requests => Volatile.Read(ref requests);

    /// <summary>Look-ups (lists and single messages) that arrived with credentials, those that failed included.</summary>
    public int Lookups => Volatile.Read(ref lookups);

    /// <summary>Creates and look-ups that hang now, each of which <see cref="TwilioFaults.ReleaseHangs"/> will reach.</summary>
    public int Hanging => Volatile.Read(ref hanging);

    /// <summary>A snapshot of what was accepted for one recipient, in the order of acceptance.</summary>
    public IReadOnlyList<SimulatedMessage> MessagesTo(string to)
    {
        lock (gate)
            return byRecipient.TryGetValue(to, out var found) ? [.. found.Select(at => messages[at])] : [];
    }

    public SimulatedMessage? Find(string sid)
    {
        lock (gate)
            return positions.TryGetValue(sid, out var at) ? messages[at] : null;
    }

    /// <summary>Completes when the ledger meets the condition, at once if it does already.</summary>
    public async Task WhenAsync(Func<SimulatorLedger, bool> condition, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the condition is asked, so that no change falls between the two.
            Task next;
            lock (gate)
                next = changed.Task;
            if (condition(this))
                return;
            await next.WaitAsync(cancellationToken);
        }
    }

    internal void CountRequest()
    {
        Interlocked.Increment(ref requests);
        Signal();
    }

    internal void CountLookup()
    {
        Interlocked.Increment(ref lookups);
        Signal();
    }

    internal void CountHanging(int change)
    {
        Interlocked.Add(ref hanging, change);
        Signal();
    }

    internal void Add(SimulatedMessage message)
    {
        lock (gate)
        {
            positions.Add(message.Sid, messages.Count);
            if (!byRecipient.TryGetValue(message.To, out var found))
                byRecipient.Add(message.To, found = []);
            found.Add(messages.Count);
            messages.Add(message);
        }

        Signal();
    }

    /// <summary>Replaces a message by what <paramref name="change"/> makes of it; null when there is none.</summary>
    internal SimulatedMessage? Change(string sid, Func<SimulatedMessage, SimulatedMessage> change)
    {
        SimulatedMessage changedMessage;
        lock (gate)
        {
            if (!positions.TryGetValue(sid, out var at))
                return null;
            changedMessage = messages[at] = change(messages[at]);
        }

        Signal();
        return changedMessage;
    }

    private void Signal()
    {
        TaskCompletionSource earlier;
        lock (gate)
            (earlier, changed) = (changed, NewSignal());
        earlier.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
