using NodaTime;
using Npgsql;
using Sms.Silo.Postgres;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Facts about a database of their own, with the whole schema in it.</summary>
public abstract class DatabaseTest : IAsyncLifetime
{
    /// <summary>The present of the tests; the functions are told it.</summary>
    protected static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 18, 0);

    private TestDatabase? _database;

    protected TestDatabase Db => _database ?? throw new InvalidOperationException("The database is made before the test.");

    private protected Seed Seed => new(Db);

    private protected RetryQueue Queue => new(new Database(Db.App));

    private protected MessageStore Store() => new(new Database(Db.App));

    public async ValueTask InitializeAsync() => _database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>A business with one customer.</summary>
    protected async Task<(Guid Business, Guid Customer)> NewTenantAsync()
    {
        var business = await Seed.BusinessAsync();
        return (business, await Seed.CustomerAsync(business));
    }

    /// <summary>A connection that stays, as the superuser: for transactions that a test holds open.</summary>
    /// <param name="worksFor">The businesses that functions with their owner's rights find named.</param>
    protected async Task<NpgsqlConnection> ConnectAsync(params IEnumerable<Guid> worksFor)
    {
        var connection = new NpgsqlConnection(Db.AdminConnectionString);
        await connection.OpenAsync();
        if (worksFor.Any())
            await Statement.RunAsync(connection, "select set_config('sms.business_ids', $1, false)", string.Join(',', worksFor));
        return connection;
    }

    private protected static Task<List<T>> ListAsync<T>(NpgsqlConnection connection, string sql, params object?[] parameters) =>
        Statement.ListAsync<T>(connection, sql, parameters);

    /// <summary>Waits until so many sessions of the database wait for a lock.</summary>
    protected async Task SomebodyWaitsForALockAsync(int sessions = 1) => await Eventually.TrueAsync(
        async () => await Db.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") >= sessions);
}

/// <summary>Statements on a connection of the test's.</summary>
internal static class Statement
{
    public static async Task<List<T>> ListAsync<T>(NpgsqlConnection connection, string sql, params object?[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
            rows.Add(reader.GetFieldValue<T>(0));
        return rows;
    }

    public static async Task RunAsync(NpgsqlConnection connection, string sql, params object?[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>SQLSTATE of the error that the statement ends in; null: it succeeds.</summary>
    public static async Task<string?> FailureAsync(NpgsqlConnection connection, string sql, params object?[] parameters)
    {
        try
        {
            await RunAsync(connection, sql, parameters);
            return null;
        }
        catch (PostgresException e)
        {
            return e.SqlState;
        }
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object?[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(parameter as NpgsqlParameter ?? new NpgsqlParameter { Value = parameter ?? DBNull.Value });
        return command;
    }
}

/// <summary>Polls a condition, with a deadline that only a failure reaches.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!await condition())
            await Task.Delay(20, deadline.Token);
    }
}
