namespace Sms.Silo.Simulator;

/// <summary>What is to go wrong with creates, look-ups and callbacks. May be set at any time. Thread-safe.</summary>
internal sealed class TwilioFaults
{
    private readonly Lock gate = new();
    private readonly Dictionary<FaultTarget, FaultScript> scripts =
        Enum.GetValues<FaultTarget>().ToDictionary(target => target, _ => new FaultScript());

    private TaskCompletionSource release = NewSignal();

    /// <summary>Faults of the scripts that have not happened yet.</summary>
    public int Pending
    {
        get
        {
            lock (gate)
                return scripts.Values.Sum(script => script.Pending);
        }
    }

    /// <summary>The next target, or the next one with the number <paramref name="to"/>, meets the fault; earlier ones go first.</summary>
    /// <exception cref="ArgumentException">The fault cannot happen to the target.</exception>
    public void Enqueue(SimulatedFault fault, string? to = null, int count = 1, FaultTarget target = FaultTarget.Create)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ThrowUnlessFits(fault, target);
        lock (gate)
            scripts[target].Add(fault, to, count);
    }

    /// <summary>Creates that the script leaves alone meet these faults, each in its share; the shares sum to at most 1.</summary>
    public void Mix(int seed, params FaultShare[] shares) => Mix(FaultTarget.Create, seed, shares);

    /// <summary>Targets that the script leaves alone meet these faults, each in its share; the shares sum to at most 1.</summary>
    /// <exception cref="ArgumentException">A fault cannot happen to the target, or the shares are wrong.</exception>
    public void Mix(FaultTarget target, int seed, params FaultShare[] shares)
    {
        if (shares.Any(share => share.Share is not (>= 0 and <= 1)) || shares.Sum(share => share.Share) > 1 + 1e-9)
            throw new ArgumentException("Shares are 0 to 1 each and at most 1 together.", nameof(shares));
        foreach (var share in shares)
            ThrowUnlessFits(share.Fault, target);
        lock (gate)
            scripts[target].Mix(seed, shares);
    }

    /// <summary>Ends the scripts and the mixes; what hangs stays so.</summary>
    public void Clear()
    {
        lock (gate)
        {
            foreach (var script in scripts.Values)
                script.Clear();
        }
    }

    /// <summary>What hangs now goes on.</summary>
    public void ReleaseHangs()
    {
        TaskCompletionSource earlier;
        lock (gate)
            (earlier, release) = (release, NewSignal());
        earlier.SetResult();
    }

    /// <summary>Takes what a target with this number meets; null: nothing.</summary>
    internal SimulatedFault? Take(string? to, FaultTarget target = FaultTarget.Create)
    {
        lock (gate)
            return scripts[target].Take(to);
    }

    internal Task HangAsync(CancellationToken cancellationToken)
    {
        lock (gate)
            return release.Task.WaitAsync(cancellationToken);
    }

    private static void ThrowUnlessFits(SimulatedFault fault, FaultTarget target)
    {
        if (!SimulatedFault.Fits(fault.Kind, target))
            throw new ArgumentException($"{fault.Kind} cannot happen to a {target}.", nameof(fault));
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
