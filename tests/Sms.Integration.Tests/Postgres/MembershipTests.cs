using Npgsql;
using NpgsqlTypes;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Orleans' providers on the SQL of this repository.</summary>
[Collection(nameof(Processes.Alone))]
public sealed class MembershipTests : DatabaseTest
{
    private const string AdminKey = "the-admin-key-of-the-tests";

    [Fact]
    public async Task Two_processes_form_a_cluster_and_a_killed_one_is_soon_known_to_be_dead()
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ConnectionStrings__Sms"] = Db.ConnectionString,
            ["SMS_ADMIN_KEY"] = AdminKey,
            ["SMS_PROVIDER"] = "simulator",
            ["Sms__Database__AllowUnsafe"] = "true",
        };
        var starting = new[] { SiloProcess.StartAsync(settings), SiloProcess.StartAsync(settings) };
        await using var one = await starting[0];
        await using var two = await starting[1];
        await Eventually.TrueAsync(async () => await MembersAsync(3) == 2);
        Assert.Equal(2, await Db.ScalarAsync<long>("select count(*) from orleans.cluster_member where proxyport > 0"));

        await one.KillAsync();
        await Eventually.TrueAsync(async () => await MembersAsync(6) == 1);

        Assert.Equal(1, await MembersAsync(3));
        two.UseKey(AdminKey);
        using var body = new StringContent("""{"name": "Fox & Sons"}""", System.Text.Encoding.UTF8, "application/json");
        using var reply = await two.Http.PostAsync(new Uri("/v1/businesses", UriKind.Relative), body, TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.Created, reply.StatusCode);
    }

    [Fact]
    public async Task Every_change_of_the_membership_names_the_version_it_saw_and_moves_it_or_does_nothing()
    {
        Assert.Equal(1, await AskAsync("InsertMembershipVersionKey"));
        Assert.Equal(0, await AskAsync("InsertMembershipVersionKey"));

        Assert.Equal(0, await InsertAsync(generation: 1, version: 7));
        Assert.Equal(1, await InsertAsync(generation: 1, version: 0));
        Assert.Equal(0, await InsertAsync(generation: 1, version: 1)); // a member already
        Assert.Equal(0, await InsertAsync(generation: 2, version: 0)); // somebody was faster
        Assert.Equal(1, await InsertAsync(generation: 2, version: 1));
        Assert.Equal(0, await UpdateAsync(generation: 3, status: 6, version: 2)); // no member
        Assert.Equal(0, await UpdateAsync(generation: 1, status: 6, version: 1));
        Assert.Equal(1, await UpdateAsync(generation: 1, status: 6, version: 2));

        Assert.Equal(3, await Db.ScalarAsync<int>("select version from orleans.cluster_version"));
        Assert.Equal("1:6 2:3", await Db.ScalarAsync<string>("select string_agg(generation || ':' || status, ' ' order by generation) from orleans.cluster_member"));
    }

    [Fact]
    public async Task Of_joins_that_saw_the_same_version_one_succeeds()
    {
        await AskAsync("InsertMembershipVersionKey");

        var joined = await Task.WhenAll(Enumerable.Range(1, 8).Select(generation => InsertAsync(generation, version: 0)));

        Assert.Equal(1, joined.Sum());
        Assert.Equal(1, await Db.ScalarAsync<int>("select version from orleans.cluster_version"));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from orleans.cluster_member"));
    }

    [Fact]
    public async Task A_heartbeat_moves_no_version()
    {
        await AskAsync("InsertMembershipVersionKey");
        await InsertAsync(generation: 1, version: 0);

        await AskAsync("UpdateIAmAlivetimeKey", Member(1, Later));

        Assert.Equal(1, await Db.ScalarAsync<int>("select version from orleans.cluster_version"));
        Assert.Equal(Later, await Db.ScalarAsync<DateTime>("select iamalivetime from orleans.cluster_member"));
    }

    [Fact]
    public async Task Reading_returns_the_version_even_without_a_member()
    {
        await AskAsync("InsertMembershipVersionKey");

        Assert.Equal(["0:"], await ReadAsync("MembershipReadAllKey"));
        Assert.Equal(["0:"], await ReadAsync("MembershipReadRowKey", Member(1, Later)));
        await InsertAsync(generation: 1, version: 0);
        await InsertAsync(generation: 2, version: 1);
        Assert.Equal(["2:1", "2:2"], await ReadAsync("MembershipReadAllKey"));
        Assert.Equal(["2:2"], await ReadAsync("MembershipReadRowKey", Member(2, Later)));
        Assert.Equal(["2:"], await ReadAsync("MembershipReadRowKey", Member(3, Later)));
    }

    [Fact]
    public async Task Clean_up_takes_the_long_dead_only()
    {
        await AskAsync("InsertMembershipVersionKey");
        for (var generation = 1; generation <= 4; generation++)
            await InsertAsync(generation, version: generation - 1);
        await UpdateAsync(generation: 1, status: 6, version: 4); // long dead
        await UpdateAsync(generation: 2, status: 6, version: 5, at: Later); // dead since a moment
        await UpdateAsync(generation: 3, status: 5, version: 6); // silent but not declared dead

        await AskAsync("CleanupDefunctSiloEntriesKey", ("IAmAliveTime", Later));

        Assert.Equal("2:6 3:5 4:3", await Db.ScalarAsync<string>("select string_agg(generation || ':' || status, ' ' order by generation) from orleans.cluster_member"));
    }

    [Fact]
    public async Task Deleting_the_entries_of_a_cluster_leaves_the_other_clusters_alone()
    {
        foreach (var cluster in new[] { "test", "other" })
        {
            await AskAsync("InsertMembershipVersionKey", ("DeploymentId", cluster));
            await AskAsync("InsertMembershipKey", [.. Inserted(1), ("Version", 0), ("DeploymentId", cluster)]);
        }

        await AskAsync("DeleteMembershipTableEntriesKey");

        Assert.Equal("other/other", await Db.ScalarAsync<string>(
            "select string_agg(v.deploymentid || '/' || m.deploymentid, ',') from orleans.cluster_version v full join orleans.cluster_member m using (deploymentid)"));
    }

    private static DateTime Joined => Now.ToDateTimeUtc();

    private static DateTime Later => Now.ToDateTimeUtc().AddMinutes(5);

    private async Task<long> MembersAsync(int status) =>
        await Db.ScalarAsync<long>("select count(*) from orleans.cluster_member where status = $1", status);

    private Task<int> InsertAsync(int generation, int version) => AskAsync("InsertMembershipKey", [.. Inserted(generation), ("Version", version)]);

    private Task<int> UpdateAsync(int generation, int status, int version, DateTime? at = null) => AskAsync(
        "UpdateMembershipKey", [.. Member(generation, at ?? Joined), ("Status", status), ("SuspectTimes", "a@1,t"), ("Version", version)]);

    private static (string, object)[] Member(int generation, DateTime alive) =>
        [("Address", "127.0.0.1"), ("Port", 11111), ("Generation", generation), ("IAmAliveTime", alive)];

    private static (string, object)[] Inserted(int generation) =>
        [.. Member(generation, Joined), ("SiloName", "s"), ("HostName", "h"), ("Status", 3), ("ProxyPort", 30000), ("StartTime", Joined)];

    /// <summary>Runs a query of the table as the provider does: by its key, with named parameters.</summary>
    private async Task<int> AskAsync(string key, params (string Name, object Value)[] parameters)
    {
        await using var command = await CommandAsync(key, parameters);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken) is int affected ? affected : -1;
    }

    private async Task<List<string>> ReadAsync(string key, params (string Name, object Value)[] parameters)
    {
        await using var command = await CommandAsync(key, parameters);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            var absent = await reader.IsDBNullAsync(reader.GetOrdinal("StartTime"), TestContext.Current.CancellationToken);
            rows.Add($"{reader["Version"]}:{(absent ? "" : reader["Generation"])}");
        }

        rows.Sort(StringComparer.Ordinal);
        return rows;
    }

    private async Task<NpgsqlCommand> CommandAsync(string key, (string Name, object Value)[] parameters)
    {
        var text = await Db.ScalarAsync<string>("select querytext from orleans.orleansquery where querykey = $1", key);
        var command = Db.App.CreateCommand(text!);
        command.Parameters.Add(new NpgsqlParameter("DeploymentId", "test"));
        foreach (var (name, value) in parameters)
        {
            if (name is "DeploymentId")
                command.Parameters.RemoveAt(0);
            command.Parameters.Add(value is DateTime
                ? new NpgsqlParameter(name, NpgsqlDbType.TimestampTz) { Value = value }
                : new NpgsqlParameter(name, value));
        }

        return command;
    }
}
