using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Silo.Postgres;
using Sms.Silo.Postgres.Migrations;

namespace Sms.Testing.Databases;

/// <summary>A database of one test, dropped at its end.</summary>
public sealed class TestDatabase(PostgresServer server, string name, string? login = null) : IAsyncDisposable
{
    private NpgsqlDataSource? _app;

    /// <summary>As the login role, which owns the database: what an operator would configure.</summary>
    public string ConnectionString => server.ConnectionString(name, login);

    /// <summary>As the superuser, for looking at and changing whatever a test wants.</summary>
    public string AdminConnectionString => server.AdminConnectionString(name);

    /// <summary>As the application's role: row security holds.</summary>
    public NpgsqlDataSource App => _app ??= PostgresRegistration.CreateDataSource(
        new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = true }.ConnectionString, maxConnections: 16);

    /// <summary>Runs a statement as the superuser and returns its first value.</summary>
    public async Task<T?> ScalarAsync<T>(string sql, params object?[] parameters)
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter ?? DBNull.Value });
        return await command.ExecuteScalarAsync() is { } value and not DBNull ? (T)value : default;
    }

    /// <summary>Runs a statement as the superuser; returns the rows that it changed.</summary>
    public async Task<int> ExecuteAsync(string sql, params object?[] parameters)
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter ?? DBNull.Value });
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>Runs statements as the login role, which owns the database.</summary>
    public async Task ExecuteAsOwnerAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Brings it to the program's schema, as a start does; returns how many files were applied.</summary>
    public Task<int> MigrateAsync() => new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance, AdoptedPhones.ReadAsync)
        .RunAsync(ConnectionString, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        await server.AdminAsync($"drop database if exists {name} with (force)");
    }
}
