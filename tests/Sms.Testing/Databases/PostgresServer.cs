using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Silo.Embedded;
using Sms.Silo.Postgres.Migrations;

namespace Sms.Testing.Databases;

/// <summary>
/// One throw-away PostgreSQL for the test process, with a migrated template from which each test gets a database of
/// its own in some 30 ms. SMS_PG_BIN chooses the version.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Template = "sms_template";

    private static readonly SemaphoreSlim Gate = new(1);
    private static Task<PostgresServer>? _shared;

    private readonly EmbeddedPostgres _server;
    private readonly string? _folder;
    private int _created;

    private PostgresServer(EmbeddedPostgres server, string? folder) => (_server, _folder) = (server, folder);

    /// <summary>The process's own; started by whoever asks first, stopped when the process ends.</summary>
    public static Task<PostgresServer> SharedAsync()
    {
        lock (Template)
            return _shared ??= StartAsync();
    }

    /// <summary>A server of the caller's own, for tests that stop it or race on its roles.</summary>
    /// <param name="durable">Every commit is on disk before it is answered, for those who measure; the folder is deleted at the end.</param>
    /// <param name="bare">Without the migrated template: no role but the login's is there.</param>
    public static async Task<PostgresServer> StartAsync(bool durable = false, bool bare = false)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"sms-test-{Guid.NewGuid():N}");
        var options = EmbeddedPostgresOptions.FromEnvironment(folder) with { Durable = durable, MaxConnections = 300 };
        var server = new PostgresServer(await EmbeddedPostgres.StartAsync(options, NullLogger.Instance, CancellationToken.None), durable ? folder : null);
        if (bare)
            return server;
        await server.CreateAsync(Template, from: null);
        await new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance).RunAsync(server.ConnectionString(Template), CancellationToken.None);
        await server.AdminAsync($"alter database {Template} is_template true allow_connections false");
        return server;
    }

    /// <summary>A database with the whole schema.</summary>
    public async Task<TestDatabase> CreateDatabaseAsync()
    {
        var name = $"t{Interlocked.Increment(ref _created)}";
        // One copy at a time: the server makes a checkpoint for each.
        await Gate.WaitAsync();
        try
        {
            await CreateAsync(name, Template);
        }
        finally
        {
            Gate.Release();
        }

        return new TestDatabase(this, name);
    }

    /// <summary>A database with nothing in it, owned by the login role.</summary>
    public async Task<TestDatabase> CreateEmptyDatabaseAsync()
    {
        var name = $"e{Interlocked.Increment(ref _created)}";
        await CreateAsync(name, from: null);
        return new TestDatabase(this, name);
    }

    /// <summary>A database owned by a login of its own that can make no roles and is a member of none.</summary>
    public async Task<TestDatabase> CreatePlainDatabaseAsync()
    {
        var name = $"p{Interlocked.Increment(ref _created)}";
        await AdminAsync($"create role {name} login password '{name}' nosuperuser nocreaterole");
        await AdminAsync($"create database {name} owner {name}");
        return new TestDatabase(this, name, login: name);
    }

    /// <summary>kill -9, then the same server again, on the same port and data.</summary>
    /// <param name="whileDown">Awaited in between.</param>
    public Task CrashAsync(Func<Task>? whileDown = null) => PostmasterCrash.RunAsync(AdminConnectionString("postgres"), whileDown);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>As the login role, which owns the database and is no superuser.</summary>
    internal string ConnectionString(string database, string? login = null)
    {
        var settings = new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Database = database, Pooling = false };
        if (login is not null)
            (settings.Username, settings.Password) = (login, login);
        return settings.ConnectionString;
    }

    /// <summary>As the superuser.</summary>
    internal string AdminConnectionString(string database) =>
        new NpgsqlConnectionStringBuilder(_server.AdminConnectionString) { Database = database, Pooling = false }.ConnectionString;

    internal async Task AdminAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString("postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private Task CreateAsync(string name, string? from) =>
        AdminAsync($"create database {name} owner sms" + (from is null ? "" : $" template {from} strategy file_copy"));
}
