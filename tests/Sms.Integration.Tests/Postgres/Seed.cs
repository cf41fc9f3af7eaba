using NodaTime;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Rows as the superuser, for a test to start from.</summary>
internal sealed class Seed(TestDatabase database)
{
    private static int _phones;

    public async Task<Guid> BusinessAsync(Guid? userId = null)
    {
        if (userId is not null)
            await database.ExecuteAsync("insert into auth.users (id) values ($1) on conflict do nothing", userId);
        return await database.ScalarAsync<Guid>("insert into businesses (name, user_id) values ('Fox & Sons', $1::uuid) returning id", userId);
    }

    public async Task<Guid> CustomerAsync(Guid business) => (await CustomersAsync(business, 1))[0];

    public async Task<Guid[]> CustomersAsync(Guid business, int customers) => await database.ScalarAsync<Guid[]>(
        """
        with made as (insert into customers (business_id, phone, phone_e164) select $1, p, p from unnest($2) p returning id)
        select array_agg(id) from made
        """,
        business, Enumerable.Range(0, customers).Select(_ => Phone()).ToArray()) ?? [];

    /// <summary>A number that no other row of the test has.</summary>
    public static string Phone() => $"+1512{5_550_000 + Interlocked.Increment(ref _phones)}";

    /// <summary>A message that waits; returns its queue row, which has the message's id.</summary>
    public async Task<Guid> RowAsync(
        Guid business, Guid customer, Instant due, short lane = 1, int attempts = 0, string? held = null, Instant? acceptedAt = null)
    {
        var id = Guid.CreateVersion7();
        await database.ExecuteAsync(
            """
            with l as (
              insert into send_logs (id, business_id, customer_id, channel, status, to_phone, body, category, encoding, segments, attempt_count, created_at)
              select $1, $2, c.id, 'sms', 'pending', c.phone_e164, 'Hello', 'marketing', 'gsm7', 1, $6, $8 from customers c where c.id = $3
              returning id)
            insert into sms_retry_queue (id, business_id, send_log_id, customer_id, scheduled_for, lane, attempt_count, held, accepted_at)
            select l.id, $2, l.id, $3, $4, $5, $6, $7, $8 from l
            """,
            id, business, customer, due.ToDateTimeUtc(), lane, attempts, held, (acceptedAt ?? due).ToDateTimeUtc());
        return id;
    }

    /// <summary>Many rows of one customer; the n-th is due n milliseconds after the instant given.</summary>
    public async Task BurstAsync(Guid business, Guid customer, int rows, Instant due, string status = "pending") => await database.ExecuteAsync(
        """
        with l as (
          insert into send_logs (id, business_id, customer_id, channel, to_phone, body, category, encoding, segments)
          select gen_random_uuid(), $1, c.id, 'sms', c.phone_e164, 'Hello', 'marketing', 'gsm7', 1
          from customers c, generate_series(1, $3) where c.id = $2
          returning id)
        insert into sms_retry_queue (id, business_id, send_log_id, customer_id, status, scheduled_for)
        select l.id, $1, l.id, $2, $5, $4::timestamptz + row_number() over () * interval '1 ms' from l
        """,
        business, customer, rows, due.ToDateTimeUtc(), status);
}
