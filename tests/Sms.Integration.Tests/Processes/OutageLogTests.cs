using Sms.Testing;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Processes;

/// <summary>What a person on call reads: an outage is a handful of lines, and one says that it is over.</summary>
[Collection(nameof(Alone))]
public sealed class OutageLogTests
{
    /// <summary>Warnings and errors of one process about one outage, at most.</summary>
    private const int Handful = 20;

    [Fact]
    public async Task A_database_that_is_away_is_a_handful_of_lines_with_the_reason_and_one_when_it_is_back()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 2, await PostgresServer.StartAsync(durable: true));
        await rig.SendAsync("before", 40);
        var sending = Task.CompletedTask;
        await rig.Server.CrashAsync(async () =>
        {
            sending = rig.SendAsync("during", 400, clients: 16);
            // Until every client has waited its twenty seconds in vain.
            await Postgres.Eventually.TrueAsync(() => Task.FromResult(rig.Errors >= 16));
        });
        await sending;
        var after = 0;
        await Postgres.Eventually.TrueAsync(async () =>
        {
            await rig.SendAsync($"after {after++}", 1);
            return rig.Processes.All(p => p.Output.Contains("The database answers again", StringComparison.Ordinal));
        });
        var verdict = await rig.JudgeAsync("logs of an outage of the database");
        Assert.Equal((0, 0, 0), (verdict.Lost, verdict.Twice, verdict.Open));

        foreach (var process in rig.Processes)
        {
            var lines = Loud(process.Output);
            Figures.Print($"An outage of the database in the log of a process: {lines.Length} warnings and errors\n{string.Join('\n', lines)}");
            Assert.InRange(lines.Length, 1, Handful);
            Assert.Contains(lines, l => l.Contains("The database does not answer: ", StringComparison.Ordinal));
            Assert.DoesNotContain(lines, l => l.Contains("NpgsqlException", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_silo_that_dies_is_said_to_be_lost_one_that_stops_to_have_left_and_one_that_comes_to_have_joined()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 2);
        await rig.SendAsync("before", 40);
        var sending = rig.SendAsync("during", 400, clients: 16);
        await rig.KillAndReplaceAsync(0);
        await sending;
        var witness = rig.Silos[1];
        await Said(witness, " is lost");
        Assert.Equal(0, await rig.Silos[0].StopAsync());
        await Said(witness, " left the cluster in good order");
        Assert.Contains(" joined the cluster, which has 2 now", witness.Output, StringComparison.Ordinal);
        await Said(rig.FrontEnd, "A silo is lost, or left");
        foreach (var process in new[] { witness, rig.FrontEnd })
        {
            var lines = Loud(process.Output);
            Figures.Print($"The loss of a silo in the log of a process: {lines.Length} warnings and errors\n{string.Join('\n', lines)}");
            Assert.InRange(lines.Length, 1, Handful);
            // Nothing went wrong that the program was not made for.
            Assert.DoesNotContain(lines, l => l.Contains("fail: ", StringComparison.Ordinal) || l.Contains("crit: ", StringComparison.Ordinal));
        }
    }

    private static Task Said(Sms.Testing.Processes.SiloProcess process, string words) =>
        Postgres.Eventually.TrueAsync(() => Task.FromResult(process.Output.Contains(words, StringComparison.Ordinal)));

    private static string[] Loud(string output) =>
        [.. output.Split('\n').Where(l => l.Contains(" warn: ", StringComparison.Ordinal) || l.Contains(" fail: ", StringComparison.Ordinal) || l.Contains(" crit: ", StringComparison.Ordinal))];
}
