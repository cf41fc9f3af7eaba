using Npgsql;
using Sms.Silo.Postgres.Migrations;

namespace Sms.Silo.Postgres;

/// <summary>Where migrations have a login of their own, the application's must be let in.</summary>
internal static class ApplicationLogin
{
    /// <summary>Makes the application's login a member of the application's roles, if it is none yet.</summary>
    /// <exception cref="MigrationException">One line that says what an administrator must do.</exception>
    public static async Task AdmitAsync(string ownerConnectionString, string connectionString, CancellationToken cancellationToken)
    {
        await using var owner = new NpgsqlConnection(Single(ownerConnectionString));
        await using var application = new NpgsqlConnection(Single(connectionString));
        await owner.OpenAsync(cancellationToken);
        await application.OpenAsync(cancellationToken);
        var login = await ScalarAsync<string>(application, "select session_user::text");
        if (string.Equals(login, await ScalarAsync<string>(owner, "select session_user::text"), StringComparison.Ordinal))
            return;
        if (await DatabaseRightsFinder.FindAsync(ownerConnectionString, cancellationToken) == DatabaseRights.Owner)
            throw new MigrationException(
                "ConnectionStrings__SmsOwner: its login can make no roles, so the application must work as it: leave this out, or give the login CREATEROLE before the first start.");
        if (await ScalarAsync<bool>(
            application,
            """
            select bool_and(pg_has_role(current_user, r.oid, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end))
            from pg_roles r where r.rolname in ('sms_app', 'sms_drain')
            """))
        {
            return;
        }

        var quoted = new NpgsqlCommandBuilder().QuoteIdentifier(login);
        try
        {
            await using var grant = new NpgsqlCommand($"grant sms_app, sms_drain to {quoted}", owner);
            await grant.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new MigrationException($"ConnectionStrings__Sms: its login is no member of the application's roles. Run as an administrator: grant sms_app, sms_drain to {quoted};", e);
        }
    }

    private static string Single(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString;

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
