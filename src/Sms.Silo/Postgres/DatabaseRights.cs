using Npgsql;

namespace Sms.Silo.Postgres;

/// <summary>As whom the application is connected.</summary>
internal enum DatabaseRights
{
    /// <summary>As sms_app, which becomes sms_drain for the queue.</summary>
    Roles,

    /// <summary>As the owner of the database, on whom row security is forced: the roles are not to be had here.</summary>
    Owner,
}

internal static class DatabaseRightsFinder
{
    /// <summary>What the schema was made for, and the login can do.</summary>
    public static async Task<DatabaseRights> FindAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            select exists (
              select 1 from pg_policy p
              where p.polrelid = 'sms.attempts'::regclass and p.polname = 'sms_app_tenant'
                and p.polroles = array[(select r.oid from pg_roles r where r.rolname = 'sms_app')])
            """,
            connection);
        return await command.ExecuteScalarAsync(cancellationToken) is true ? DatabaseRights.Roles : DatabaseRights.Owner;
    }
}
