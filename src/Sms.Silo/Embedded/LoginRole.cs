using Npgsql;

namespace Sms.Silo.Embedded;

/// <summary>
/// The database and its two logins. initdb's own role is a superuser, whom row-level security never stops; so there is an
/// owner, who is neither superuser nor BYPASSRLS and may make the roles of the schema, for migrations; and a login that
/// owns nothing, for the application.
/// </summary>
internal static class LoginRole
{
    /// <summary>The owner, and the database.</summary>
    public const string Name = "sms";

    /// <summary>The application's login: migrations let it into the roles that it works in.</summary>
    public const string Application = "sms_login";

    public static async Task EnsureAsync(string adminConnectionString, string password, string applicationPassword, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(adminConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        if (!await ExistsAsync("select 1 from pg_roles where rolname = 'sms'"))
            await RunAsync($"create role sms login createrole nosuperuser nobypassrls nocreatedb password '{password}'");
        if (!await ExistsAsync($"select 1 from pg_roles where rolname = '{Application}'"))
            await RunAsync($"create role {Application} login nocreaterole nosuperuser nobypassrls nocreatedb password '{applicationPassword}'");
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
