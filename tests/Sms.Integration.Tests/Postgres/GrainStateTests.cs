using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization.Configuration;
using Orleans.Storage;
using Orleans.TestingHost;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Orleans' own grain storage, in a silo, on the SQL of this repository.</summary>
public sealed class GrainStateTests(GrainStateTests.Silo silo) : IClassFixture<GrainStateTests.Silo>
{
    private static readonly GrainType Account = GrainType.Create("account");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task State_is_written_read_changed_and_cleared(bool deleteOnClear)
    {
        var storage = silo.Storage(deleteOnClear);
        var grain = GrainId.Create("account", $"key {Guid.NewGuid()}");

        var state = await ReadAsync(storage, grain);
        Assert.False(state.RecordExists);
        state.State!.Text = "one";
        await storage.WriteStateAsync("state", grain, state);
        state.State!.Text = "two";
        await storage.WriteStateAsync("state", grain, state);

        var read = await ReadAsync(storage, grain);
        Assert.Equal(("two", true, state.ETag), (read.State!.Text, read.RecordExists, read.ETag));

        await storage.ClearStateAsync("state", grain, read);
        Assert.Equal(deleteOnClear ? (0, 0) : (1, 0), await silo.RowsAsync(grain));
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
        var storage = silo.Storage(deleteOnClear);
        var grain = GrainId.Create("account", $"key {Guid.NewGuid()}");
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
        var storage = silo.Storage(deleteOnClear: false);
        for (var round = 0; round < 10; round++)
        {
            var grain = GrainId.Create("account", $"key {Guid.NewGuid()}");
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
            Assert.Equal((1, 1), await silo.RowsAsync(grain));
        }
    }

    [Fact]
    public async Task Keys_of_every_kind_have_states_of_their_own()
    {
        var storage = silo.Storage(deleteOnClear: false);
        var guid = Guid.NewGuid();
        GrainId[] grains =
        [
            GrainId.Create("account", "a key"), GrainId.Create("account", "A KEY"), GrainId.Create("account", "a-key"),
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

    /// <summary>One silo with both kinds of storage; the tests share it and have grains of their own.</summary>
    public sealed class Silo : IAsyncLifetime
    {
        private static readonly bool[] Choices = [false, true];

        private TestDatabase? _database;
        private InProcessTestCluster? _cluster;

        public async ValueTask InitializeAsync()
        {
            var database = _database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
            var builder = new InProcessTestClusterBuilder(initialSilosCount: 1);
            builder.ConfigureSilo((_, silo) =>
            {
                foreach (var deleteOnClear in Choices)
                {
                    silo.AddAdoNetGrainStorage($"delete-{deleteOnClear}", o =>
                        (o.Invariant, o.DataSource, o.DeleteStateOnClear) = ("Npgsql", database.App, deleteOnClear));
                }

                silo.Services.Configure<TypeManifestOptions>(o => o.AddAllowedType(typeof(Note)));
            });
            _cluster = builder.Build();
            await _cluster.DeployAsync();
        }

        public IGrainStorage Storage(bool deleteOnClear) =>
            _cluster!.Silos[0].ServiceProvider.GetRequiredKeyedService<IGrainStorage>($"delete-{deleteOnClear}");

        /// <summary>The rows of a grain, and those that have a state in them.</summary>
        public async Task<(long Rows, long States)> RowsAsync(GrainId grain)
        {
            var counts = await _database!.ScalarAsync<long[]>(
                "select array[count(*), count(payload)] from orleans.grain_state where grainidext like '%' || $1", grain.Key.ToString());
            return (counts![0], counts[1]);
        }

        public async ValueTask DisposeAsync()
        {
            if (_cluster is not null)
                await _cluster.DisposeAsync();
            if (_database is not null)
                await _database.DisposeAsync();
        }
    }
}
