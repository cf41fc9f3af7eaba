using Sms.Silo.Simulator;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Processes;

/// <summary>
/// kill -9 of the real process on either side of each durable step, from outside: a proxy stops it at the commit, the
/// provider's simulator stops it at the request. The long form is the same with CHAOS_ROUNDS set; see tests/README.md.
/// </summary>
[Collection(nameof(Alone))]
public sealed class CrashPointTests
{
    /// <summary>So many messages are under way at each kill.</summary>
    private const int Sends = 12;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    private static readonly CrashPoint[] Points =
    [
        .. Sides("accept", "sms.accept_messages"),
        .. Sides("claim", "claim_due_sms_retries", Soon),
        .. Sides("begin", "sms.begin_attempts", Soon),
        new("before the provider accepts", rig => HangAsync(rig, SimulatedFaultKind.HangBeforeAccepting)),
        new("after the provider accepted", rig => HangAsync(rig, SimulatedFaultKind.HangAfterAccepting)),
        .. Sides("settle", "sms.settle_attempts"),
        .. Sides("callback", "sms.apply_callbacks"),
        .. Sides("look-up", "sms.settle_lookup", wait: null, new SimulatedFault(SimulatedFaultKind.ErrorAfterAccepting), new SimulatedFault(SimulatedFaultKind.ErrorBeforeAccepting)),
    ];

    [Fact]
    public async Task A_process_killed_on_either_side_of_each_durable_step_loses_and_doubles_nothing()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var rounds = ChaosTests.Number("CHAOS_ROUNDS", 1);
        for (var round = 0; round < rounds; round++)
        {
            foreach (var point in Points)
            {
                // No callback settles what is to be looked up.
                if (point.Faults.Length > 0)
                    rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.Lost), count: point.Faults.Length, target: FaultTarget.Callback);
                foreach (var fault in point.Faults)
                    rig.Simulator.Faults.Enqueue(fault);
                var reached = point.ReachedAsync(rig);
                var load = rig.SendAsync($"{point.Name} {round}", Sends, wait: point.Wait);
                await reached.WaitAsync(TimeSpan.FromSeconds(60));
                await rig.KillAndReplaceAsync();
                await load;
            }
        }

        var sends = rounds * Points.Length * Sends;
        Assert.Equal(new Verdict(sends, 0, 0, 0, 0, 0), await rig.JudgeAsync($"{rounds * Points.Length} kills at {Points.Length} points"));
    }

    private static CrashPoint[] Sides(string name, string statement, TimeSpan? wait = null, params SimulatedFault[] faults) =>
    [
        new($"before {name}", rig => rig.Statements.NextAsync(statement, TrapKind.HoldBeforeCommit)) { Wait = wait, Faults = faults },
        new($"after {name}", rig => rig.Statements.NextAsync(statement, TrapKind.HoldAfterCommit)) { Wait = wait, Faults = faults },
    ];

    private static async Task HangAsync(ChaosRig rig, SimulatedFaultKind kind)
    {
        rig.Simulator.Faults.Enqueue(new SimulatedFault(kind));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await rig.Simulator.Ledger.WhenAsync(l => l.Hanging > 0, patience.Token);
    }

    /// <param name="Name">For the bodies of its messages.</param>
    /// <param name="ReachedAsync">Sets the trap; completes when the process stands in it.</param>
    private sealed record CrashPoint(string Name, Func<ChaosRig, Task> ReachedAsync)
    {
        /// <summary>Its messages are to go so much later: only then are they claimed.</summary>
        public TimeSpan? Wait { get; init; }

        /// <summary>What its first creates meet.</summary>
        public SimulatedFault[] Faults { get; init; } = [];
    }
}
