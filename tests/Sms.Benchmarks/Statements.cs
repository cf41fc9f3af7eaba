using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>Where PostgreSQL's time goes, statement by statement, those within functions too: for looking, it costs some itself.</summary>
internal static class Statements
{
    /// <summary>The extension must be loaded at the server's start, so it starts again.</summary>
    public static async Task RecordAsync(PostgresServer server)
    {
        await using var database = await server.CreateEmptyDatabaseAsync();
        await database.ExecuteAsync("alter system set shared_preload_libraries = 'pg_stat_statements'");
        await server.CrashAsync();
        // Known only now.
        await database.ExecuteAsync("alter system set pg_stat_statements.track = 'all'");
        await database.ExecuteAsync("select pg_reload_conf()");
    }

    public static async Task PrintAsync(PostgresServer server, int most = 25)
    {
        await using var database = await server.CreateEmptyDatabaseAsync();
        await database.ExecuteAsync("create extension pg_stat_statements");
        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync();
        await using var top = new NpgsqlCommand("""
            select format('%s s, %s calls, %s ms and %s rows each, planned %s times, WAL %s KB each: %s', round((total_exec_time / 1000)::numeric, 1), calls, round(mean_exec_time::numeric, 2),
              rows / calls, plans, round(wal_bytes / calls / 1024, 1), left(regexp_replace(query, '\s+', ' ', 'g'), 150))
            from pg_stat_statements where query !~ 'vacuum|checkpoint' order by total_exec_time desc limit $1
            """, connection);
        top.Parameters.Add(new NpgsqlParameter { Value = most });
        await using var rows = await top.ExecuteReaderAsync();
        while (await rows.ReadAsync())
            Console.WriteLine(rows.GetString(0));
    }
}
