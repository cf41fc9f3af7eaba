using System.Globalization;
using System.Net;
using Sms.Silo.Simulator;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Processes;

/// <summary>
/// Whatever dies or breaks: what was answered 2xx goes out once, or fails for a recorded reason. The long forms are the
/// same tests with CHAOS_SENDS and CHAOS_KILLS set; see tests/README.md.
/// </summary>
[Collection(nameof(Alone))]
public sealed class ChaosTests
{
    private static readonly int Sends = Number("CHAOS_SENDS", 600);
    private static readonly int Kills = Number("CHAOS_KILLS", 3);

    private static readonly FaultShare[] CallbackFaults =
    [
        new(new SimulatedFault(SimulatedFaultKind.Lost), 0.3), new(new SimulatedFault(SimulatedFaultKind.Shuffled), 0.2),
        new(new SimulatedFault(SimulatedFaultKind.Tripled), 0.2), new(new SimulatedFault(SimulatedFaultKind.Forged), 0.1),
        new(new SimulatedFault(SimulatedFaultKind.Early), 0.1),
    ];

    private static readonly SimulatedFault[] CreateFaults =
    [
        new(SimulatedFaultKind.RateLimit), new(SimulatedFaultKind.RateLimit, RetryAfter: "1"),
        new(SimulatedFaultKind.ErrorBeforeAccepting), new(SimulatedFaultKind.ErrorAfterAccepting),
        new(SimulatedFaultKind.ResetBeforeAccepting), new(SimulatedFaultKind.ResetAfterAccepting),
        new(SimulatedFaultKind.HangBeforeAccepting), new(SimulatedFaultKind.HangAfterAccepting),
        new(SimulatedFaultKind.BadGateway), new(SimulatedFaultKind.UnreadableAfterAccepting),
    ];

    [Fact]
    public async Task Each_fault_of_the_provider_at_a_share_of_thirty_percent_with_broken_callbacks_loses_and_doubles_nothing()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 1);
        rig.Simulator.Faults.Mix(FaultTarget.Callback, seed: 1, CallbackFaults);
        for (var n = 0; n < CreateFaults.Length; n++)
        {
            rig.Simulator.Faults.Mix(seed: n, new FaultShare(CreateFaults[n], 0.3));
            await rig.SendAsync($"{CreateFaults[n].Kind} {n}", Sends / 10);
        }

        Assert.Equal(new Verdict(Sends / 10 * CreateFaults.Length, 0, 0, 0, Failed: 0, 0), await rig.JudgeAsync("fault mix"));
        Assert.Equal(0, rig.Errors);
    }

    [Fact]
    public async Task Two_silos_killed_in_turn_under_load_lose_and_double_nothing_and_no_client_sees_an_error()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 2);
        rig.Simulator.Faults.Mix(FaultTarget.Callback, seed: 2, CallbackFaults);
        var (round, done) = (0, false);
        var load = Task.Run(async () =>
        {
            while (!Volatile.Read(ref done) || rig.Accepted < Sends)
                await rig.SendAsync($"kill {round++}", 50);
        });

        for (var kill = 0; kill < Kills; kill++)
        {
            var before = rig.Accepted;
            await Postgres.Eventually.TrueAsync(() => Task.FromResult(rig.Accepted >= before + 100 || load.IsCompleted), seconds: 60);
            await rig.KillAndReplaceAsync(kill % 2);
        }

        Volatile.Write(ref done, true);
        await load;
        var verdict = await rig.JudgeAsync($"{Kills} kills", patience: 120);
        Assert.Equal(new Verdict(rig.Accepted, 0, 0, 0, 0, 0), verdict);
        Assert.Equal(0, rig.Errors);
    }

    [Fact]
    public async Task A_lone_silo_killed_and_restarted_is_ready_within_seconds_and_loses_and_doubles_nothing()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 1);
        var load = rig.SendAsync("alone", Sends / 2);
        await Postgres.Eventually.TrueAsync(() => Task.FromResult(rig.Accepted >= Sends / 6));
        await rig.KillAndReplaceAsync(0);
        await load;

        Assert.Equal(new Verdict(Sends / 2, 0, 0, 0, 0, 0), await rig.JudgeAsync("lone silo"));
    }

    [Fact]
    public async Task Connections_cut_when_the_commit_was_answered_lose_and_double_nothing()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 1, cuts: 0.02);
        await rig.SendAsync("cut", Sends / 2);

        Assert.Equal(new Verdict(Sends / 2, 0, 0, 0, 0, 0), await rig.JudgeAsync($"{rig.Proxy!.Cuts} cuts"));
        Assert.True(rig.Proxy.Cuts > 10, $"Only {rig.Proxy.Cuts} connections were cut.");
    }

    [Fact]
    public async Task The_database_killed_under_load_loses_and_doubles_nothing_and_health_says_so_meanwhile()
    {
        // Durable: what was committed must survive.
        await using var rig = await ChaosRig.StartAsync(silos: 2, await PostgresServer.StartAsync(durable: true));
        var load = rig.SendAsync("crash", Sends / 2);
        for (var crash = 1; crash <= 2; crash++)
        {
            await Postgres.Eventually.TrueAsync(() => Task.FromResult(rig.Accepted >= crash * Sends / 8));
            await rig.Server.CrashAsync(whileDown: () => Postgres.Eventually.TrueAsync(async () =>
            {
                using var ready = await rig.FrontEnd.Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
                return ready.StatusCode == HttpStatusCode.ServiceUnavailable;
            }));
        }

        await load;
        Assert.Equal(new Verdict(Sends / 2, 0, 0, 0, 0, 0), await rig.JudgeAsync("database crash"));
        // Nobody took a silo for dead because the database was away.
        Assert.All(rig.Silos, s => Assert.False(s.HasExited, s.Output));
    }

    internal static int Number(string name, int fallback) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : fallback;
}
