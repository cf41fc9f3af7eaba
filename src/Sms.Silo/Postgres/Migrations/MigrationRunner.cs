using Microsoft.Extensions.Logging;
using Npgsql;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>
/// Brings a database to the schema of this program: under an advisory lock, so that silos starting together take
/// turns, with a journal of what was applied and its checksums. Each file and its journal entry are one transaction.
/// </summary>
/// <param name="migrations">The files, in their order.</param>
/// <param name="logger">Told of each applied file.</param>
/// <param name="finish">What the program itself does to the rows of a database that has the schema, at every start; tells how many.</param>
/// <param name="turns">The lock; null: <see cref="MigrationLock.Default"/>.</param>
internal sealed partial class MigrationRunner(
    IReadOnlyList<Migration> migrations, ILogger<MigrationRunner> logger, Func<NpgsqlConnection, CancellationToken, Task<int>>? finish = null,
    MigrationLock? turns = null)
{
    /// <summary>Shorter than the server's deadlock_timeout (1 s), so that no writer is chosen to die instead.</summary>
    private const string LockTimeout = "300ms";

    /// <summary>Some ten minutes against a table that is never free for 300 ms.</summary>
    private const int MaxAttempts = 1500;

    /// <summary>Where the journal is. It is made together with the first file, so that a refused database stays as it was.</summary>
    private const string Journal =
        """
        create schema if not exists sms;
        create table if not exists sms.migrations (
          name text primary key,
          checksum text not null,
          applied_at timestamptz not null default now());
        """;

    /// <summary>Which files are not applied yet; changes nothing.</summary>
    /// <exception cref="MigrationException">The database is newer than this program, or was made from other files.</exception>
    public async Task<IReadOnlyList<Migration>> PlanAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(connectionString, cancellationToken);
        await ExecuteAsync(connection, "set default_transaction_read_only = on", cancellationToken);
        return await PendingAsync(connection, cancellationToken);
    }

    /// <returns>How many files were applied.</returns>
    /// <exception cref="MigrationException">One line that says which file and what to do.</exception>
    public async Task<int> RunAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(connectionString, cancellationToken);
        await (turns ?? MigrationLock.Default).TakeAsync(connection, logger, cancellationToken);
        var pending = await PendingAsync(connection, cancellationToken);

        var roles = await DatabaseRoles.FindAsync(connection, cancellationToken);
        if (roles.Missing.Count > 0)
            LogWithoutRoles(logger, string.Join(", ", roles.Missing));
        foreach (var migration in pending)
        {
            await ApplyAsync(connection, migration, roles, cancellationToken);
            LogApplied(logger, migration.Name);
        }

        if (finish is not null && await finish(connection, cancellationToken) is > 0 and var read)
            LogRead(logger, read);
        return pending.Count;
    }

    private static async Task<NpgsqlConnection> ConnectAsync(string connectionString, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = 0, SearchPath = null, ApplicationName = "sms migrations" };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        // What is right for a login's requests is too short for a million rows.
        await ExecuteAsync(connection, "set search_path = public; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = 0", cancellationToken);
        return connection;
    }

    private async Task<IReadOnlyList<Migration>> PendingAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var journal = await ReadJournalAsync(connection, cancellationToken);
        Compare(journal);
        return [.. migrations.Where(m => !journal.ContainsKey(m.Name))];
    }

    private void Compare(Dictionary<string, string> journal)
    {
        var known = migrations.ToDictionary(m => m.Name, StringComparer.Ordinal);
        foreach (var (name, checksum) in journal)
        {
            if (!known.TryGetValue(name, out var migration))
                throw new MigrationException($"The database is newer than this program: it has {name}, which this program does not know. Start a newer version.");
            if (!string.Equals(migration.Checksum, checksum, StringComparison.Ordinal))
                throw new MigrationException($"{name} was changed after it was applied to this database. Put it back as it was and add a new file instead.");
        }
    }

    private static async Task<Dictionary<string, string>> ReadJournalAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using (var exists = new NpgsqlCommand("select 1 from pg_tables where schemaname = 'sms' and tablename = 'migrations'", connection))
        {
            if (await exists.ExecuteScalarAsync(cancellationToken) is null)
                return [];
        }

        await using var command = new NpgsqlCommand("select name, checksum from sms.migrations", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var journal = new Dictionary<string, string>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellationToken))
            journal[reader.GetString(0)] = reader.GetString(1);
        return journal;
    }

    private static async Task ApplyAsync(
        NpgsqlConnection connection, Migration migration, DatabaseRoles roles, CancellationToken cancellationToken)
    {
        try
        {
            if (migration.RunsOutsideTransaction)
            {
                await DropInvalidIndexesAsync(connection, migration, cancellationToken);
                foreach (var statement in migration.Statements)
                    await PatientlyAsync(() => ExecuteAsync(connection, roles.Fit(statement), cancellationToken), cancellationToken);
                await NoteAsync(connection, migration, transaction: null, cancellationToken);
                return;
            }

            await PatientlyAsync(
                async () =>
                {
                    await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                    await ExecuteAsync(connection, $"set local lock_timeout = '{LockTimeout}'", cancellationToken);
                    await ExecuteAsync(connection, Journal, cancellationToken);
                    await ExecuteAsync(connection, roles.Fit(migration.Sql), cancellationToken);
                    await NoteAsync(connection, migration, transaction, cancellationToken);
                    await transaction.CommitAsync(cancellationToken);
                },
                cancellationToken);
        }
        catch (PostgresException e)
        {
            var left = migration.RunsOutsideTransaction ? "It may have left part of its work; it can be run again." : "Nothing of it was kept.";
            throw new MigrationException($"{migration.Name} failed: {e.MessageText} (SQLSTATE {e.SqlState}). {left} Mend the cause and start again.", e);
        }
    }

    /// <summary>
    /// Others may be writing. Whoever waits for a table's lock keeps all that come later waiting too, and two that wait
    /// for each other would cost one of them its transaction: so it is we who give up soon, and try again.
    /// </summary>
    internal static async Task PatientlyAsync(Func<Task> apply, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await apply();
                return;
            }
            catch (PostgresException e) when (attempt < MaxAttempts
                && e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50 + Random.Shared.Next(200)), cancellationToken);
            }
        }
    }

    /// <summary>An index whose concurrent making was cut short stays, invalid, and "if not exists" would take it for done.</summary>
    private static async Task DropInvalidIndexesAsync(NpgsqlConnection connection, Migration migration, CancellationToken cancellationToken)
    {
        var invalid = new List<string>();
        await using (var command = new NpgsqlCommand(
            "select c.relname, i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid", connection))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                if (migration.Sql.Contains($" {reader.GetString(0)} on ", StringComparison.Ordinal))
                    invalid.Add(reader.GetString(1));
            }
        }

        foreach (var index in invalid)
            await ExecuteAsync(connection, $"drop index concurrently {index}", cancellationToken);
    }

    private static async Task NoteAsync(NpgsqlConnection connection, Migration migration, NpgsqlTransaction? transaction, CancellationToken cancellationToken)
    {
        await using var note = new NpgsqlCommand("insert into sms.migrations (name, checksum) values ($1, $2)", connection, transaction)
        {
            Parameters = { new() { Value = migration.Name }, new() { Value = migration.Checksum } },
        };
        await note.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(1, LogLevel.Information, "Applied {Migration}")]
    private static partial void LogApplied(ILogger logger, string migration);

    [LoggerMessage(3, LogLevel.Information, "Read {Count} phones that the database came with")]
    private static partial void LogRead(ILogger logger, int count);

    [LoggerMessage(2, LogLevel.Information, "The login can neither make nor become {Roles}: the owner of the database works in their place, and row security is forced on it")]
    private static partial void LogWithoutRoles(ILogger logger, string roles);
}

/// <summary>The database cannot be brought to this program's schema.</summary>
internal sealed class MigrationException : Exception
{
    public MigrationException(string message)
        : base(message)
    {
    }

    public MigrationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
