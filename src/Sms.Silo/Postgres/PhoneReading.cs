using Microsoft.Extensions.Logging;
using Npgsql;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>
/// Reads the phones that others wrote (the e-mail product, mostly) as E.164, in the region of the business.
/// What is no number stays as it is and cannot be texted.
/// </summary>
internal sealed partial class PhoneReading(Database database, ILogger<PhoneReading> logger)
{
    private const int Batch = 1000;

    /// <summary>One run of the upkeep.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (await ReadAllAsync(cancellationToken) is > 0 and var read)
            LogRead(logger, read);
    }

    /// <summary>Reads all that is unread; returns how many.</summary>
    public async Task<int> ReadAllAsync(CancellationToken cancellationToken)
    {
        var (read, after) = (0, (Guid?)null);
        while (!cancellationToken.IsCancellationRequested)
        {
            var unread = await database.AsQueueAsync(
                "select customer_id, phone, region from sms.unread_phones($1, $2::uuid)",
                async r =>
                {
                    var rows = new List<UnreadPhone>();
                    while (await r.ReadAsync(cancellationToken))
                        rows.Add(new UnreadPhone(r.GetGuid(0), r.GetString(1), r.Text(2)));
                    return rows;
                },
                Batch, after);
            if (unread.Count == 0)
                break;
            read += await NoteAsync(unread);
            after = unread[^1].Customer;
        }

        return read;
    }

    /// <summary>A row that cannot be noted (a trigger of somebody else's says no) keeps none of the others back.</summary>
    private async Task<int> NoteAsync(List<UnreadPhone> unread)
    {
        try
        {
            await database.AsQueueAsync(
                "select sms.note_phones($1, $2, $3)", Database.Ignore,
                unread.Select(u => u.Customer).ToArray(), unread.Select(u => u.Phone).ToArray(), unread.Select(u => u.E164).ToArray());
            return unread.Count;
        }
        catch (PostgresException) when (unread.Count > 1)
        {
            var read = 0;
            foreach (var one in unread)
                read += await NoteAsync([one]);
            return read;
        }
        catch (PostgresException e)
        {
            LogRefused(logger, unread[0].Customer, e.SqlState);
            return 0;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Read {Count} phones that others wrote")]
    private static partial void LogRead(ILogger logger, int count);

    [LoggerMessage(3, LogLevel.Debug, "The phone of customer {Customer} cannot be noted (SQLSTATE {SqlState}); it is read when it is texted")]
    private static partial void LogRefused(ILogger logger, Guid customer, string sqlState);
}

/// <summary>A phone as somebody wrote it.</summary>
/// <param name="Customer">Whose it is.</param>
/// <param name="Phone">As written.</param>
/// <param name="Region">Where it is read; null: the default region of businesses.</param>
internal sealed record UnreadPhone(Guid Customer, string Phone, string? Region)
{
    /// <summary>Null: it is no number.</summary>
    public string? E164 => PhoneNumber.TryParse(Phone, Region ?? Domain.Sending.BusinessSettings.Default.Region, out var number) ? number.E164 : null;
}
