using Npgsql;

namespace Sms.Silo.Postgres;

/// <summary>Refuses a server on which a 2xx would be a promise that cannot be kept.</summary>
internal static class ServerCheck
{
    /// <summary>The oldest PostgreSQL: security_invoker views.</summary>
    public const int LeastVersion = 15;

    /// <returns>Null when the server will do, else one line.</returns>
    public static async Task<string?> FindFaultAsync(NpgsqlDataSource dataSource, bool allowUnsafe, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            select current_setting('server_version_num')::int / 10000, current_setting('fsync'), current_setting('synchronous_commit'),
              (select r.rolsuper or r.rolbypassrls from pg_roles r where r.rolname = current_user)
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (reader.GetInt32(0) is var version && version < LeastVersion)
            return $"ConnectionStrings__Sms: the server is PostgreSQL {version}; {LeastVersion} or later is needed.";
        if (reader.GetBoolean(3))
            return "ConnectionStrings__Sms: the application's role is a superuser or bypasses row security.";
        if (allowUnsafe)
            return null;
        foreach (var (column, name) in new[] { (1, "fsync"), (2, "synchronous_commit") })
        {
            if (string.Equals(reader.GetString(column), "off", StringComparison.Ordinal))
                return $"Sms__Database__AllowUnsafe: the server has {name} off, so what is accepted could be lost. Turn it on, or set this to true for tests.";
        }

        return null;
    }
}
