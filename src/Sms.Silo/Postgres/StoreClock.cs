using NodaTime;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>PostgreSQL's clock.</summary>
internal sealed class StoreClock(Database database) : IStoreClock
{
    public Task<Instant> ReadAsync() => database.AsQueueAsync(
        "select clock_timestamp()",
        async r =>
        {
            await r.ReadAsync();
            return r.Instant(0)!.Value;
        });
}
