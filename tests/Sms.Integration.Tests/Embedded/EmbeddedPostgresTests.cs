using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Silo.Embedded;

namespace Sms.Integration.Tests.Embedded;

/// <summary>Real servers. The durable ones follow each other on one folder, for making a cluster is what takes time; what must be fresh has a folder of its own.</summary>
public sealed class EmbeddedPostgresTests(EmbeddedPostgresTests.SharedFolder shared) : IClassFixture<EmbeddedPostgresTests.SharedFolder>, IDisposable
{
    private readonly ScratchFolder scratch = new();

    private string Data => shared.Data;

    private string Fresh => scratch.In("data");

    public void Dispose() => scratch.Dispose();

    [Fact]
    public async Task A_durable_server_flushes_every_commit_and_its_login_is_bound_by_row_level_security()
    {
        await using var postgres = await StartAsync();

        Assert.Equal("on", await ScalarAsync(postgres, "show fsync"));
        Assert.Equal("on", await ScalarAsync(postgres, "show synchronous_commit"));
        Assert.Equal("on", await ScalarAsync(postgres, "show full_page_writes"));
        Assert.Equal("4GB", await ScalarAsync(postgres, "show max_wal_size"));
        Assert.Equal("127.0.0.1", await ScalarAsync(postgres, "select setting from pg_settings where name = 'listen_addresses'"));
        Assert.Equal("UTF8", await ScalarAsync(postgres, "show server_encoding"));
        Assert.Equal("sms", await ScalarAsync(postgres, "select current_database()"));
        Assert.Equal(
            "sms false false true",
            await ScalarAsync(postgres, "select concat_ws(' ', rolname, rolsuper::text, rolbypassrls::text, rolcreaterole::text) from pg_roles where rolname = current_user"));
        Assert.Equal("sms", await ScalarAsync(postgres, "select pg_get_userbyid(datdba) from pg_database where datname = 'sms'"));
        Assert.True(postgres.MajorVersion >= 15);
    }

    [Fact]
    public async Task A_connection_without_the_password_is_refused()
    {
        await using var postgres = await StartAsync();
        var guess = new NpgsqlConnectionStringBuilder(postgres.AdminConnectionString) { Password = "postgres", Pooling = false };
        await using var connection = new NpgsqlConnection(guess.ConnectionString);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync());

        Assert.Equal(PostgresErrorCodes.InvalidPassword, refused.SqlState);
    }

    [Fact]
    public async Task Secrets_and_data_are_readable_by_their_owner_only()
    {
        await using var postgres = await StartAsync();
        if (OperatingSystem.IsWindows())
            return; // It has no such modes.

        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        var cluster = Path.Combine(Data, string.Create(CultureInfo.InvariantCulture, $"pg{postgres.MajorVersion}"));
        foreach (var path in new[] { cluster, cluster + ".password", cluster + ".admin-password" })
            Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & ~owner);
    }

    [Fact]
    public async Task Data_survive_a_stop_and_start()
    {
        await using (var first = await StartAsync())
            await ScalarAsync(first, "create table kept as select 7 as number");

        await using var second = await StartAsync();

        Assert.Equal(7, await ScalarAsync(second, "select number from kept"));
    }

    [Fact]
    public async Task Two_hosts_share_one_server_and_the_first_to_leave_does_not_stop_it()
    {
        var starts = await Task.WhenAll(StartAsync(Fresh), StartAsync(Fresh));
        await using var first = starts[0];
        await using var second = starts[1];
        Assert.Equal(first.Port, second.Port);
        var server = PostmasterFile.Read(PostmasterPath(Fresh))!.ProcessId;

        await first.DisposeAsync();
        Assert.Equal(1, await ScalarAsync(second, "select 1"));
        await second.DisposeAsync();

        Assert.False(LiveProcess.IsAlive(server, "0"));
        Assert.Empty(Directory.GetFiles(Path.Combine(Fresh, "hosts")));
    }

    [Fact]
    public async Task A_throw_away_server_flushes_nothing_and_removes_its_folder()
    {
        await using (var postgres = await StartAsync(Fresh, durable: false))
        {
            Assert.Equal("off", await ScalarAsync(postgres, "show fsync"));
            Assert.Equal("off", await ScalarAsync(postgres, "show full_page_writes"));
            Assert.Equal("300", await ScalarAsync(postgres, "show max_connections"));
            Assert.DoesNotContain("fsync = off", await File.ReadAllTextAsync(ServerFile(Fresh, "postgresql.conf")), StringComparison.Ordinal);
        }

        Assert.False(Directory.Exists(Fresh));
    }

    [Fact]
    public async Task A_throw_away_server_takes_no_folder_that_holds_something()
    {
        Directory.CreateDirectory(Fresh);
        await File.WriteAllTextAsync(Path.Combine(Fresh, "thesis.txt"), "years of work");

        var refused = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => StartAsync(Fresh, durable: false));

        Assert.Contains("is not empty", refused.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Fresh, "thesis.txt")));
    }

    [Fact]
    public async Task A_server_starts_after_a_start_that_was_interrupted()
    {
        Directory.CreateDirectory(Path.Combine(Data, "pg15.new-0badcafe", "base"));
        Directory.CreateDirectory(Path.Combine(Data, "pg18.new-0badcafe", "base"));

        await using var postgres = await StartAsync();

        Assert.Equal(1, await ScalarAsync(postgres, "select 1"));
        Assert.Empty(Directory.GetDirectories(Data, string.Create(CultureInfo.InvariantCulture, $"pg{postgres.MajorVersion}.new-*")));
    }

    [Fact]
    public async Task A_server_starts_after_one_that_was_killed_and_whose_number_another_process_has_now()
    {
        await using (var killed = await StartAsync())
        {
            await ScalarAsync(killed, "create table rescued as select 7 as number");
            using var server = Process.GetProcessById(PostmasterFile.Read(PostmasterPath(Data))!.ProcessId);
            server.Kill();
            await server.WaitForExitAsync();
        }

        var file = PostmasterPath(Data);
        var lines = await File.ReadAllLinesAsync(file);
        lines[0] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllLinesAsync(file, lines);

        await using var postgres = await StartAsync();

        Assert.Equal(7, await ScalarAsync(postgres, "select number from rescued"));
    }

    [Fact]
    public async Task Programs_that_are_none_are_named_in_one_line()
    {
        var missing = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => EmbeddedPostgres.StartAsync(
            new EmbeddedPostgresOptions { DataDirectory = Fresh, BinDirectory = scratch.Path }, NullLogger.Instance, CancellationToken.None));

        Assert.Contains($"SMS_PG_BIN={scratch.Path} holds no PostgreSQL 15", missing.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', missing.Message);
    }

    [Fact]
    public async Task A_server_that_does_not_start_says_why_in_one_line()
    {
        await using (await StartAsync())
        {
        }

        var settings = ServerFile(Data, "postgresql.conf");
        var good = await File.ReadAllTextAsync(settings);
        await File.WriteAllTextAsync(settings, good + "no_such_setting = 1\n");

        var failed = await Assert.ThrowsAsync<EmbeddedPostgresException>(() => StartAsync());

        await File.WriteAllTextAsync(settings, good);

        Assert.Contains("no_such_setting", failed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failed.Message);
    }

    private Task<EmbeddedPostgres> StartAsync(string? folder = null, bool durable = true) => EmbeddedPostgres.StartAsync(
        EmbeddedPostgresOptions.FromEnvironment(folder ?? Data) with { Durable = durable, MaxConnections = durable ? 100 : 300 },
        NullLogger.Instance,
        CancellationToken.None);

    private static string PostmasterPath(string folder) => ServerFile(folder, "postmaster.pid");

    private static string ServerFile(string folder, string name) => Directory.GetFiles(folder, name, SearchOption.AllDirectories).Single();

    private static async Task<object?> ScalarAsync(EmbeddedPostgres postgres, string sql)
    {
        await using var connection = new NpgsqlConnection(postgres.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>One folder for the tests of this class, which xunit runs one after the other.</summary>
    public sealed class SharedFolder : IDisposable
    {
        private readonly ScratchFolder scratch = new();

        internal string Data => scratch.In("data");

        public void Dispose() => scratch.Dispose();
    }
}
