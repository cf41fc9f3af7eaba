using Npgsql;

namespace Sms.Silo.Embedded;

/// <summary>
/// The role and database of the application. initdb's own role is a superuser, whom row-level security never stops; so the
/// application gets one that is neither superuser nor BYPASSRLS, owns its database, and may make the roles of the schema.
/// </summary>
internal static class LoginRole
{
    public const string Name = "sms";

    public static async Task EnsureAsync(string adminConnectionString, string password, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(adminConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        if (!await ExistsAsync("select 1 from pg_roles where rolname = 'sms'"))
            await RunAsync($"create role sms login createrole nosuperuser nobypassrls nocreatedb password '{password}'");
        if (!await ExistsAsync("select 1 from pg_database where datname = 'sms'"))
            await RunAsync("create database sms owner sms");

        async Task<bool> ExistsAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            return await command.ExecuteScalarAsync(ct) is not null;
        }

        async Task RunAsync(string sql)
        {
            // A role's password cannot be a parameter; this one is ours, forty hexadecimal digits.
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(ct);
        }
    }
}
