using Npgsql;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>
/// Reads the phones that an adopted table came with, before anything is sent. The database cannot do it: the plans of
/// all countries are in the program.
/// </summary>
internal static class AdoptedPhones
{
    private const int Batch = 1000;

    /// <summary>Reads all that is unread, a batch a transaction; triggers of others stay out of it.</summary>
    /// <param name="connection">As the owner of the tables.</param>
    /// <returns>How many.</returns>
    public static async Task<int> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var (read, after) = (0, (Guid?)null);
        while (true)
        {
            var unread = await UnreadAsync(connection, after, cancellationToken);
            if (unread.Count == 0)
                return read;
            await MigrationRunner.PatientlyAsync(() => NoteAsync(connection, unread, cancellationToken), cancellationToken);
            read += unread.Count;
            after = unread[^1].Customer;
        }
    }

    private static async Task NoteAsync(NpgsqlConnection connection, List<UnreadPhone> unread, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var still = new NpgsqlCommand("select sms.still_triggers('public.customers')", connection, transaction);
        var back = (string)(await still.ExecuteScalarAsync(cancellationToken))!;
        await using var note = new NpgsqlCommand("select sms.note_phones($1, $2, $3)", connection, transaction)
        {
            Parameters =
            {
                new() { Value = unread.Select(u => u.Customer).ToArray() },
                new() { Value = unread.Select(u => u.Phone).ToArray() },
                new() { Value = unread.Select(u => u.E164).ToArray() },
            },
        };
        try
        {
            await note.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UniqueViolation)
        {
            // A silo at work made a customer of that number at this moment: it reads the rest.
            return;
        }

        if (back.Length > 0)
        {
            await using var restore = new NpgsqlCommand(back, connection, transaction);
            await restore.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<List<UnreadPhone>> UnreadAsync(NpgsqlConnection connection, Guid? after, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select customer_id, phone, region from sms.unread_phones($1, $2)", connection)
        {
            Parameters = { new() { Value = Batch }, new() { Value = (object?)after ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var unread = new List<UnreadPhone>();
        while (await reader.ReadAsync(cancellationToken))
            unread.Add(new UnreadPhone(reader.GetGuid(0), reader.GetString(1), reader.Text(2)));
        return unread;
    }
}
