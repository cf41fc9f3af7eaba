namespace Sms.Silo.Simulator;

/// <summary>
/// What is to go wrong: a script first (the next creates, or the next ones to a number), else a random mix, which
/// the same seed repeats. May be set at any time. Thread-safe.
/// </summary>
internal sealed class TwilioFaults
{
    private readonly Lock gate = new();
    private readonly LinkedList<(SimulatedFault Fault, string? To)> script = [];
    private FaultShare[] mix = [];
    private Random? dice;
    private TaskCompletionSource release = NewSignal();

    /// <summary>Faults of the script that have not happened yet.</summary>
    public int Pending
    {
        get
        {
            lock (gate)
                return script.Count;
        }
    }

    /// <summary>The next create, or the next one to <paramref name="to"/>, meets the fault; earlier ones go first.</summary>
    public void Enqueue(SimulatedFault fault, string? to = null, int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        lock (gate)
        {
            for (var i = 0; i < count; i++)
                script.AddLast((fault, to));
        }
    }

    /// <summary>Creates that the script leaves alone meet these faults, each in its share; the shares sum to at most 1.</summary>
    public void Mix(int seed, params FaultShare[] shares)
    {
        if (shares.Any(share => share.Share is not (>= 0 and <= 1)) || shares.Sum(share => share.Share) > 1 + 1e-9)
            throw new ArgumentException("Shares are 0 to 1 each and at most 1 together.", nameof(shares));
        lock (gate)
            (mix, dice) = (shares, new Random(seed));
    }

    /// <summary>Ends the script and the mix; what hangs stays so.</summary>
    public void Clear()
    {
        lock (gate)
        {
            script.Clear();
            (mix, dice) = ([], null);
        }
    }

    /// <summary>Creates that hang now go on.</summary>
    public void ReleaseHangs()
    {
        TaskCompletionSource earlier;
        lock (gate)
            (earlier, release) = (release, NewSignal());
        earlier.SetResult();
    }

    /// <summary>Takes what a create to this number meets; null: nothing.</summary>
    internal SimulatedFault? Take(string? to)
    {
        lock (gate)
        {
            for (var node = script.First; node is not null; node = node.Next)
            {
                if (node.Value.To is { } only && !string.Equals(only, to, StringComparison.Ordinal))
                    continue;
                script.Remove(node);
                return node.Value.Fault;
            }

            return Draw();
        }
    }

    internal Task HangAsync(CancellationToken cancellationToken)
    {
        lock (gate)
            return release.Task.WaitAsync(cancellationToken);
    }

    private SimulatedFault? Draw()
    {
        var left = dice?.NextDouble() ?? 0;
        foreach (var (fault, share) in mix)
        {
            if (left < share)
                return fault;
            left -= share;
        }

        return null;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
