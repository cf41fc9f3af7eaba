namespace Sms.Benchmarks;

/// <summary>The runs of one load, and what each message of them cost.</summary>
internal sealed class Series
{
    private readonly List<(LoadResult Load, Spent Spent, double Messages)> _runs = [];

    /// <summary>Messages a second.</summary>
    public List<double> Rates => [.. _runs.Select(r => r.Messages / r.Load.Took.TotalSeconds)];

    /// <param name="rig">Whose cost is noted.</param>
    /// <param name="load">One run; a reply that was not expected fails the benchmark.</param>
    /// <param name="perReply">Messages.</param>
    public async Task AddAsync(Rig rig, Func<Task<LoadResult>> load, int perReply = 1)
    {
        var before = await rig.SpentAsync();
        var result = await load();
        var spent = await rig.SpentAsync() - before;
        if (result.Others.Count > 0)
            throw new InvalidOperationException($"Unexpected replies: {string.Join(", ", result.Others)}");
        _runs.Add((result, spent, result.Replies * (double)perReply));
    }

    /// <param name="share">0 to 1.</param>
    public List<double> Percentiles(double share) => [.. _runs.Select(r => r.Load.Percentile(share))];

    public void AddLatency(Report report, string name, string target = "")
    {
        report.Add($"{name}, p50", "ms", Percentiles(.5));
        report.Add($"{name}, p99", "ms", Percentiles(.99), target: target);
    }

    public void AddCosts(Report report, string name, string each = "message")
    {
        report.Add($"{name}: CPU of the program", $"µs/{each}", Each(s => s.Silo.TotalMicroseconds));
        report.Add($"{name}: CPU of PostgreSQL", $"µs/{each}", Each(s => s.Postgres.TotalMicroseconds));
        report.Add($"{name}: CPU of the load", $"µs/{each}", Each(s => s.Load.TotalMicroseconds));
        report.Add($"{name}: WAL", $"B/{each}", Each(s => s.Wal));
        // The runtime's counter stands still at times: the greatest is the one that missed nothing.
        report.Add($"{name}: allocated", $"B/{each}", [Each(s => s.Allocated).Max()]);
    }

    private List<double> Each(Func<Spent, double> cost) => [.. _runs.Select(r => cost(r.Spent) / r.Messages)];
}
