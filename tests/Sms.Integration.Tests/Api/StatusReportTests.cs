using System.Collections.Concurrent;
using Sms.Api;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Integration.Tests.Api;

/// <summary>Status callbacks on their way into the cluster, without one.</summary>
public sealed class StatusReportTests
{
    private const int Many = 100;

    [Fact]
    public async Task Those_that_come_together_share_a_call_and_each_gets_its_own_outcome()
    {
        var (gate, sizes) = (new TaskCompletionSource(), new ConcurrentQueue<int>());
        await using var reports = new StatusReports(async callbacks =>
        {
            sizes.Enqueue(callbacks.Length);
            await gate.Task;
            return [.. callbacks.Select(c => $"outcome of {c.Sid}")];
        });

        var outcomes = Enumerable.Range(0, Many).Select(n => reports.AddAsync(Callback(n))).ToArray();
        gate.SetResult();

        Assert.Equal(Enumerable.Range(0, Many).Select(n => $"outcome of SM{n}"), await Task.WhenAll(outcomes));
        Assert.Equal(Many, sizes.Sum());
        // Two at once while the gate is closed, the rest behind it.
        Assert.InRange(sizes.Count, 1, 3);
    }

    [Fact]
    public async Task A_call_that_is_lost_is_told_to_all_of_them_at_once()
    {
        var (gate, calls) = (new TaskCompletionSource(), 0);
        await using var reports = new StatusReports(async _ =>
        {
            Interlocked.Increment(ref calls);
            await gate.Task;
            throw new TimeoutException("The silo is gone.");
        });

        var outcomes = Enumerable.Range(0, Many).Select(n => reports.AddAsync(Callback(n))).ToArray();
        gate.SetResult();

        foreach (var outcome in outcomes)
            Assert.False((await Assert.ThrowsAsync<StoreUnavailableException>(() => outcome)).IsUnwritten);
        Assert.InRange(calls, 1, 3);
    }

    [Fact]
    public async Task One_whose_row_is_locked_keeps_no_other_waiting()
    {
        await using var reports = new StatusReports(callbacks => callbacks.Any(c => c.Sid == "SM7")
            ? throw new StoreUnavailableException("Locked.") { MayConcernOne = true }
            : Task.FromResult(callbacks.Select(_ => "applied").ToArray()));

        var outcomes = Enumerable.Range(0, Many).Select(n => (n, Task: reports.AddAsync(Callback(n)))).ToArray();

        foreach (var (n, outcome) in outcomes.Where(o => o.n != 7))
            Assert.Equal((n, "applied"), (n, await outcome));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => outcomes[7].Task);
    }

    private static StatusCallback Callback(int n) => new(AttemptId: null, $"SM{n}", "sent", ErrorCode: null);
}
