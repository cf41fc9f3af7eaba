using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>
/// The lock under which starts take turns at a database. PostgreSQL lets any login take it, so a start that waits says for
/// whom, and does not wait for ever.
/// </summary>
/// <param name="saidAfter">How long a start waits before its log says for whom. Default 3 s; then once for each minute.</param>
/// <param name="givenUpAfter">When it ends. Default 10 minutes.</param>
internal sealed partial class MigrationLock(TimeSpan saidAfter, TimeSpan givenUpAfter)
{
    /// <summary>Any number that nothing else in the database uses.</summary>
    public const long Key = 7_274_010_021;

    private static readonly TimeSpan SaidEvery = TimeSpan.FromMinutes(1);

    public static MigrationLock Default { get; } = new(TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(10));

    /// <summary>
    /// Takes a session lock: it goes with the connection, however this process ends. Asked for again and again: a
    /// session that waits in the server holds a snapshot, which "create index concurrently" of the one at work waits for.
    /// </summary>
    /// <exception cref="MigrationException">Somebody held it for the whole time.</exception>
    public async Task TakeAsync(NpgsqlConnection connection, ILogger logger, CancellationToken cancellationToken)
    {
        var (began, sayAfter) = (Stopwatch.GetTimestamp(), saidAfter);
        await using var command = new NpgsqlCommand($"select pg_try_advisory_lock({Key})", connection);
        while (await command.ExecuteScalarAsync(cancellationToken) is not true)
        {
            var waited = Stopwatch.GetElapsedTime(began);
            if (waited >= givenUpAfter)
            {
                var holder = await HolderAsync(connection, cancellationToken);
                throw new MigrationException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"Another session held the lock on migrations for {givenUpAfter.TotalMinutes:0.##} minutes: {holder}. If it is no silo that migrates, end it (select pg_terminate_backend(…)) and start again."));
            }

            if (waited >= sayAfter)
            {
                LogWaits(logger, await HolderAsync(connection, cancellationToken));
                sayAfter = waited + SaidEvery;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        }
    }

    private static async Task<string> HolderAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            select format('process %s of login %s, application ''%s''', a.pid, a.usename, a.application_name)
            from pg_locks l join pg_stat_activity a on a.pid = l.pid
            where l.locktype = 'advisory' and l.granted and l.database = (select d.oid from pg_database d where d.datname = current_database())
              and l.classid::bigint = {Key >> 32} and l.objid::bigint = {Key & uint.MaxValue} and l.objsubid = 1
            """,
            connection);
        return await command.ExecuteScalarAsync(cancellationToken) as string ?? "it is free at this moment";
    }

    [LoggerMessage(4, LogLevel.Warning, "Waiting for the lock on migrations, which {Holder} holds")]
    private static partial void LogWaits(ILogger logger, string holder);
}
