using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Orleans' own grain storage, in a silo, on the SQL of this repository.</summary>
public sealed class GrainStateTests : DatabaseTest
{
    private static readonly GrainType Account = GrainType.Create("account");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task State_is_written_read_changed_and_cleared(bool deleteOnClear)
    {
        await using var cluster = await StartAsync(deleteOnClear);
        var storage = Storage(cluster);
        var grain = GrainId.Create("account", Guid.NewGuid().ToString("N"));

        var state = await ReadAsync(storage, grain);
        Assert.False(state.RecordExists);
        state.State!.Text = "one";
        await storage.WriteStateAsync("state", grain, state);
        state.State!.Text = "two";
        await storage.WriteStateAsync("state", grain, state);

        var read = await ReadAsync(storage, grain);
        Assert.Equal(("two", true, state.ETag), (read.State!.Text, read.RecordExists, read.ETag));

        await storage.ClearStateAsync("state", grain, read);
        Assert.Equal(deleteOnClear ? 0 : 1, await Db.ScalarAsync<long>("select count(*) from orleans.grain_state"));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(payload) from orleans.grain_state"));
        var cleared = await ReadAsync(storage, grain);
        Assert.Equal(("", false), (cleared.State!.Text, cleared.RecordExists));

        // The grain that cleared it may go on, and so may the one that found it cleared.
        read.State = new Note { Text = "three" };
        await storage.WriteStateAsync("state", grain, deleteOnClear ? cleared : read);
        Assert.True((await ReadAsync(storage, grain)).RecordExists);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_read_an_older_state_is_told_of_the_conflict_and_changes_nothing(bool deleteOnClear)
    {
        await using var cluster = await StartAsync(deleteOnClear);
        var storage = Storage(cluster);
        var grain = GrainId.Create("account", "key");
        var first = await ReadAsync(storage, grain);
        await storage.WriteStateAsync("state", grain, first);
        var second = await ReadAsync(storage, grain);
        second.State!.Text = "newer";
        await storage.WriteStateAsync("state", grain, second);

        first.State!.Text = "older";
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", grain, first));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("state", grain, first));

        Assert.Equal("newer", (await ReadAsync(storage, grain)).State!.Text);
    }

    [Fact]
    public async Task Of_first_writes_at_once_one_wins_and_the_others_are_told()
    {
        await using var cluster = await StartAsync(deleteOnClear: false);
        var storage = Storage(cluster);
        for (var round = 0; round < 10; round++)
        {
            var grain = GrainId.Create("account", $"{round}");
            var writers = new List<GrainState<Note>>();
            for (var n = 0; n < 4; n++)
                writers.Add(await ReadAsync(storage, grain));

            var won = await Task.WhenAll(writers.Select(async (writer, n) =>
            {
                writer.State!.Text = $"{n}";
                try
                {
                    await storage.WriteStateAsync("state", grain, writer);
                    return true;
                }
                catch (InconsistentStateException)
                {
                    return false;
                }
            }));

            Assert.Single(won, w => w);
            Assert.Equal($"{Array.IndexOf(won, true)}", (await ReadAsync(storage, grain)).State!.Text);
        }

        Assert.Equal(10, await Db.ScalarAsync<long>("select count(*) from orleans.grain_state"));
    }

    [Fact]
    public async Task Keys_of_every_kind_have_states_of_their_own()
    {
        await using var cluster = await StartAsync(deleteOnClear: false);
        var storage = Storage(cluster);
        var guid = Guid.NewGuid();
        GrainId[] grains =
        [
            GrainId.Create("account", "a"), GrainId.Create("account", "A"), GrainId.Create("other", "a"),
            GrainId.Create(Account, GrainIdKeyExtensions.CreateGuidKey(guid)), GrainId.Create(Account, GrainIdKeyExtensions.CreateIntegerKey(7)),
            GrainId.Create(Account, GrainIdKeyExtensions.CreateIntegerKey(7, "east")), GrainId.Create(Account, GrainIdKeyExtensions.CreateGuidKey(guid, "east")),
        ];
        foreach (var grain in grains)
        {
            var state = await ReadAsync(storage, grain);
            Assert.False(state.RecordExists);
            state.State!.Text = grain.ToString();
            await storage.WriteStateAsync("state", grain, state);
        }

        foreach (var grain in grains)
            Assert.Equal(grain.ToString(), (await ReadAsync(storage, grain)).State!.Text);
    }

    private async Task<InProcessTestCluster> StartAsync(bool deleteOnClear)
    {
        var builder = new InProcessTestClusterBuilder(initialSilosCount: 1);
        builder.ConfigureSilo((_, silo) => silo.AddAdoNetGrainStorage("notes", o =>
        {
            o.Invariant = "Npgsql";
            o.DataSource = Db.App;
            o.DeleteStateOnClear = deleteOnClear;
        }));
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return cluster;
    }

    private static IGrainStorage Storage(InProcessTestCluster cluster) =>
        cluster.Silos[0].ServiceProvider.GetRequiredKeyedService<IGrainStorage>("notes");

    private static async Task<GrainState<Note>> ReadAsync(IGrainStorage storage, GrainId grain)
    {
        var state = new GrainState<Note>(new Note());
        await storage.ReadStateAsync("state", grain, state);
        return state;
    }

    /// <summary>What a grain keeps.</summary>
    public sealed class Note
    {
        public string Text { get; set; } = "";
    }
}
