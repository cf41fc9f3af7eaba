using System.Globalization;
using System.Net.Sockets;
using Npgsql;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>
/// Statements in the name of whom they are run for: a business, several, or the queue. The name is set for the
/// transaction in the same round trip as the statement, and row security does the rest.
/// </summary>
/// <param name="dataSource">The process's own.</param>
/// <param name="rights">As whom it is connected.</param>
/// <param name="outage">Is told whether the server answers; null: nobody is.</param>
/// <param name="readTimeout">How long a read may wait for a connection, and then run. Default 5 s.</param>
internal sealed class Database(NpgsqlDataSource dataSource, DatabaseRights rights = DatabaseRights.Roles, Outage? outage = null, TimeSpan? readTimeout = null) : IDisposable
{
    private readonly TimeSpan _readTimeout = readTimeout ?? TimeSpan.FromSeconds(5);

    /// <summary>Half of the connections: the other half is for sends, whatever is being read.</summary>
    private readonly SemaphoreSlim _readers = new(Math.Max(1, new NpgsqlConnectionStringBuilder(dataSource.ConnectionString).MaxPoolSize / 2));

    /// <summary>Runs one statement that sees the rows of one business.</summary>
    public Task<T> AsBusinessAsync<T>(Guid business, string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        AsBusinessesAsync([business], sql, read, parameters);

    /// <summary>Runs one statement that sees the rows of these businesses.</summary>
    public Task<T> AsBusinessesAsync<T>(IEnumerable<Guid> businesses, string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        RunAsync(Naming("sms.business_ids", string.Join(',', businesses)), read, new Statement(sql, parameters));

    /// <summary>
    /// Runs a read that somebody waits for and that may be long, such as a list. It has its share of the connections and of the
    /// server's time, in the same round trip.
    /// </summary>
    /// <exception cref="StoreUnavailableException">It was not done in time: asking again at once would only make it worse.</exception>
    public Task<T> ReadAsBusinessAsync<T>(Guid business, string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        ReadAsBusinessesAsync([business], sql, read, parameters);

    /// <summary>The same of several businesses.</summary>
    /// <inheritdoc cref="ReadAsBusinessAsync"/>
    public Task<T> ReadAsBusinessesAsync<T>(IEnumerable<Guid> businesses, string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        ReadAsync(Naming("sms.business_ids", string.Join(',', businesses), _readTimeout), read, new Statement(sql, parameters));

    /// <summary>The same of one of the queue's functions.</summary>
    /// <inheritdoc cref="ReadAsBusinessAsync"/>
    public Task<T> ReadAsQueueAsync<T>(string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        ReadAsync(NamingQueue(_readTimeout), read, new Statement(sql, parameters));

    /// <summary>Runs one of the queue's functions, which see all businesses.</summary>
    public Task<T> AsQueueAsync<T>(string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        AsQueueAsync(read, new Statement(sql, parameters));

    /// <summary>Runs several of the queue's functions in one transaction and one round trip.</summary>
    /// <param name="read">Begins at the first statement's rows and goes on to those of the next itself.</param>
    /// <param name="statements">In this order.</param>
    public Task<T> AsQueueAsync<T>(Func<NpgsqlDataReader, Task<T>> read, params Statement[] statements) => RunAsync(NamingQueue(), read, statements);

    /// <summary>Runs one statement in nobody's name: row security shows it no rows.</summary>
    public Task<T> AsNobodyAsync<T>(string sql, Func<NpgsqlDataReader, Task<T>> read, params object?[] parameters) =>
        AsBusinessesAsync([], sql, read, parameters);

    public void Dispose() => _readers.Dispose();

    public static async Task<bool> Ignore(NpgsqlDataReader reader)
    {
        await reader.ReadAsync();
        return true;
    }

    /// <summary>
    /// Statements go by an index, in its order, whatever is known of the tables: a plan that was made while one was small is kept when it
    /// no longer is.
    /// </summary>
    private static Statement Naming(string setting, string value, TimeSpan? timeout = null) => new(
        $"select set_config('{setting}', $1, true), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
            + (timeout is { } most ? string.Create(CultureInfo.InvariantCulture, $", set_config('statement_timeout', '{most.TotalMilliseconds:0}', true)") : ""),
        value);

    private Statement NamingQueue(TimeSpan? timeout = null) => rights == DatabaseRights.Roles
        ? Naming("role", "sms_drain", timeout)
        // The functions say it themselves.
        : Naming("sms.business_ids", "", timeout);

    private async Task<T> ReadAsync<T>(Statement naming, Func<NpgsqlDataReader, Task<T>> read, Statement statement)
    {
        if (!await _readers.WaitAsync(_readTimeout))
            throw new StoreUnavailableException("Too much is being read from the database already.") { IsUnwritten = true };
        try
        {
            return await RunAsync(naming, read, statement);
        }
        catch (StoreUnavailableException e) when (e.Cause is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } cause)
        {
            throw new StoreUnavailableException("The database took too long over a read.", cause) { IsUnwritten = true };
        }
        finally
        {
            _readers.Release();
        }
    }

    private async Task<T> RunAsync<T>(Statement naming, Func<NpgsqlDataReader, Task<T>> read, params Statement[] statements)
    {
        try
        {
            await using var connection = await dataSource.OpenConnectionAsync();
            // A batch is one round trip and one implicit transaction: the name is gone with it.
            await using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(Command(naming));
            foreach (var statement in statements)
                batch.BatchCommands.Add(Command(statement));
            await using var reader = await batch.ExecuteReaderAsync();
            await reader.NextResultAsync();
            var result = await read(reader);
            // An error after the last row, at the commit above all, is raised here and not swallowed by the disposal.
            while (await reader.NextResultAsync())
            {
            }

            outage?.Succeeded();
            return result;
        }
        catch (Exception e) when (IsUnavailable(e))
        {
            // A lock that is not had, or a read that takes too long, is an answer.
            if (!Replay.ConcernsOne(e) && e is not PostgresException { SqlState: PostgresErrorCodes.QueryCanceled })
                outage?.Failed(Describe(e));
            throw new StoreUnavailableException($"The database did not answer: {Describe(e)}", e) { MayConcernOne = Replay.ConcernsOne(e) };
        }
    }

    private static NpgsqlBatchCommand Command(Statement statement)
    {
        var command = new NpgsqlBatchCommand(statement.Sql);
        foreach (var parameter in statement.Parameters)
            command.Parameters.Add(parameter as NpgsqlParameter ?? new NpgsqlParameter { Value = parameter ?? DBNull.Value });
        return command;
    }

    private static bool IsUnavailable(Exception e) => e switch
    {
        // Serialisation failures and deadlocks are replayed by whoever can; the others say nothing of the write.
        PostgresException p => p.IsTransient || p.SqlState.StartsWith("08", StringComparison.Ordinal)
            || p.SqlState.StartsWith("57", StringComparison.Ordinal) || p.SqlState.StartsWith("53", StringComparison.Ordinal)
            || p.SqlState is "25006",
        NpgsqlException or SocketException or TimeoutException or IOException or OperationCanceledException => true,
        _ => false,
    };

    /// <summary>Such as "Connection refused": the driver's words say where to, which is nobody else's business.</summary>
    private static string Describe(Exception e) => e is PostgresException p ? $"{p.MessageText} (SQLSTATE {p.SqlState})" : e.GetBaseException().Message;
}

/// <param name="Sql">One statement; its parameters are $1 and on.</param>
/// <param name="Parameters">Values, or parameters where a value has no type of its own.</param>
internal sealed record Statement(string Sql, params object?[] Parameters);
