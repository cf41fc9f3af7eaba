using System.Diagnostics;
using System.Globalization;
using System.Net;
using Npgsql;
using Sms.Silo.Simulator;
using Sms.Testing;
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
            await Postgres.Eventually.TrueAsync(() => Task.FromResult(rig.Accepted >= before + 100 || load.IsCompleted));
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
        // How many commits so many sends share is nobody's promise: until enough of them were cut.
        var sent = 0;
        do
        {
            await rig.SendAsync($"cut {sent}", Sends / 2);
            sent += Sends / 2;
        }
        while (rig.Proxy!.Cuts <= 10);

        Assert.Equal(new Verdict(sent, 0, 0, 0, 0, 0), await rig.JudgeAsync($"{rig.Proxy.Cuts} cuts"));
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

    [Fact]
    public async Task The_databases_ills_lose_and_double_nothing_and_pass_by_themselves()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 1, await PostgresServer.StartAsync());
        var share = Sends / 5;
        await TimedAsync(rig, "clean", share);

        // Backends killed, five times a second.
        var load = rig.SendAsync("killed", share);
        for (var n = 0; n < 15; n++)
        {
            await rig.Server.AdminAsync(KillBackends);
            await Task.Delay(200);
        }

        await load;
        await TimedAsync(rig, "after backends were killed", share);

        // Every connection taken by others.
        var idle = new List<NpgsqlConnection>();
        load = Task.CompletedTask;
        try
        {
            await Postgres.Eventually.TrueAsync(async () =>
            {
                await rig.Server.AdminAsync(KillBackends);
                await TakeAllAsync(rig, idle);
                return !await rig.IsReadyAsync();
            });
            load = rig.SendAsync("exhausted", share);
        }
        finally
        {
            foreach (var connection in idle)
                await connection.DisposeAsync();
        }

        await load;
        await TimedAsync(rig, $"after {idle.Count} idle connections", share);

        // A transaction forgotten in a console, with a snapshot and the lock of a message that is to go.
        await rig.SendOneAsync("locked", "+15125579999", wait: TimeSpan.FromSeconds(6));
        await using (var console = new NpgsqlConnection(rig.Database.AdminConnectionString))
        {
            await console.OpenAsync();
            await using var forgotten = await console.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
            await using (var touch = new NpgsqlCommand("update send_logs set updated_at = updated_at where body = 'locked'", console))
                Assert.Equal(1, await touch.ExecuteNonQueryAsync());
            await TimedAsync(rig, "beside a forgotten transaction", share);
            // The others are sent while it lasts: it holds up the one that it has locked.
            await Postgres.Eventually.TrueAsync(async () => await rig.Database.ScalarAsync<long>(
                "select count(*) from send_logs where channel = 'sms' and status in ('pending', 'sent')") == 1);
        }

        await TimedAsync(rig, "after it", share);
        Assert.Equal(new Verdict((share * 7) + 1, 0, 0, 0, 0, 0), await rig.JudgeAsync("ills of the database"));
    }

    [Fact]
    public async Task Messages_to_one_recipient_go_in_the_order_of_acceptance_one_time_passwords_first_over_a_silos_death()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 2);
        rig.Simulator.Faults.Mix(seed: 3, new FaultShare(new SimulatedFault(SimulatedFaultKind.Latency, Latency: TimeSpan.FromMilliseconds(30)), 1));
        var next = -1;
        var load = Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var n = Interlocked.Increment(ref next); n < 240; n = Interlocked.Increment(ref next))
                await rig.SendOneAsync($"order {n}", $"+1512558000{n % 6}", n % 10 == 9 ? "otp" : "transactional");
        }));
        await Postgres.Eventually.TrueAsync(() => Task.FromResult(rig.Accepted >= 100 || load.IsCompleted));
        await rig.KillAndReplaceAsync(0);
        await load;
        Assert.Equal(new Verdict(240, 0, 0, 0, 0, 0), await rig.JudgeAsync("order"));

        // What was under way at the death is of unknown outcome, and holds up nobody; all else keeps its turn.
        const string Sure = "from sms.attempts a join send_logs l on l.id = a.message_id where a.number = 1 and a.unknown_at is null and a.state = 'accepted'";
        Assert.Equal(0, await rig.Database.ScalarAsync<long>(
            $"""
            with sure as (select a.customer_id, a.started_at, l.created_at, l.category = 'otp' as first {Sure})
            select count(*) from sure x join sure y on y.customer_id = x.customer_id and y.first = x.first
            -- Accepted is what is committed: of two at once either may be the first.
            where x.created_at < y.created_at - interval '250 milliseconds' and x.started_at > y.started_at
            """));
        // Of the others at most the one that was about to leave goes before a password that was accepted already.
        Assert.Equal(0, await rig.Database.ScalarAsync<long>(
            $"""
            with sure as (select a.customer_id, a.started_at, l.created_at, l.category = 'otp' as first {Sure})
            select count(*) from sure o
            where o.first and 1 < (select count(*) from sure x where x.customer_id = o.customer_id and not x.first
              and x.started_at > o.created_at and x.started_at < o.started_at)
            """));
    }

    private const string KillBackends = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sms%'";

    private static async Task TimedAsync(ChaosRig rig, string name, int sends)
    {
        var started = Stopwatch.GetTimestamp();
        await rig.SendAsync(name, sends);
        Figures.Print($"{name}: {sends / Stopwatch.GetElapsedTime(started).TotalSeconds:F0} accepted a second");
    }

    /// <summary>Opens connections until the server has no more.</summary>
    private static async Task TakeAllAsync(ChaosRig rig, List<NpgsqlConnection> idle)
    {
        while (true)
        {
            var connection = new NpgsqlConnection(rig.Database.ConnectionString);
            try
            {
                await connection.OpenAsync();
                idle.Add(connection);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.TooManyConnections)
            {
                await connection.DisposeAsync();
                return;
            }
        }
    }

    internal static int Number(string name, int fallback) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : fallback;
}
