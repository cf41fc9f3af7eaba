using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>
/// Reads the phones that others wrote (an adopted table, the e-mail product) as E.164, in the region of the business.
/// What is no number stays as it is and cannot be texted.
/// </summary>
internal sealed partial class PhoneReading(Database database, TimeProvider time, ILogger<PhoneReading> logger) : BackgroundService
{
    private const int Batch = 1000;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    /// <summary>Reads all that is unread; returns how many.</summary>
    public async Task<int> ReadAllAsync(CancellationToken cancellationToken)
    {
        var read = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            var unread = await database.AsQueueAsync(
                "select customer_id, phone, region from sms.unread_phones($1)",
                async r =>
                {
                    var rows = new List<(Guid Customer, string Phone, string? Region)>();
                    while (await r.ReadAsync(cancellationToken))
                        rows.Add((r.GetGuid(0), r.GetString(1), r.Text(2)));
                    return rows;
                },
                Batch);
            if (unread.Count == 0)
                break;
            await database.AsQueueAsync(
                "select sms.note_phones($1, $2, $3)", Database.Ignore,
                unread.Select(u => u.Customer).ToArray(), unread.Select(u => u.Phone).ToArray(),
                unread.Select(u => PhoneNumber.TryParse(u.Phone, u.Region ?? "US", out var number) ? number.E164 : null).ToArray());
            read += unread.Count;
        }

        return read;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            try
            {
                if (await ReadAllAsync(stoppingToken) is > 0 and var read)
                    LogRead(logger, read);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // A fault here must not end the silo, as an exception of a background service would.
                LogUnavailable(logger, e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(1, LogLevel.Information, "Read {Count} phones that others wrote")]
    private static partial void LogRead(ILogger logger, int count);

    [LoggerMessage(2, LogLevel.Warning, "Phones that others wrote are not read for now")]
    private static partial void LogUnavailable(ILogger logger, Exception e);
}
