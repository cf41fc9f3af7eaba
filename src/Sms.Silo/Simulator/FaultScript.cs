namespace Sms.Silo.Simulator;

/// <summary>
/// What is to go wrong with one kind of target: a script first (the next ones, or the next ones to a number), else a
/// random mix, which the same seed repeats. Not thread-safe.
/// </summary>
internal sealed class FaultScript
{
    private readonly LinkedList<(SimulatedFault Fault, string? To)> lines = [];
    private FaultShare[] mix = [];
    private Random? dice;

    public int Pending => lines.Count;

    public void Add(SimulatedFault fault, string? to, int count)
    {
        for (var i = 0; i < count; i++)
            lines.AddLast((fault, to));
    }

    public void Mix(int seed, FaultShare[] shares) => (mix, dice) = (shares, new Random(seed));

    public void Clear()
    {
        lines.Clear();
        (mix, dice) = ([], null);
    }

    /// <summary>Takes what a target with this number meets; null: nothing.</summary>
    public SimulatedFault? Take(string? to)
    {
        for (var node = lines.First; node is not null; node = node.Next)
        {
            if (node.Value.To is { } only && !string.Equals(only, to, StringComparison.Ordinal))
                continue;
            lines.Remove(node);
            return node.Value.Fault;
        }

        return Draw();
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
}
