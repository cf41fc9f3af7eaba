using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>What other writers of the database rely on, in a schema made by an ordinary owner.</summary>
public sealed class SchemaTests : DatabaseTest
{
    [Fact]
    public async Task The_columns_of_the_email_products_tables_are_there()
    {
        Assert.Equal(
            "channel text 'email'::text not null; customer_id uuid - not null; provider_message_id jsonb '{}'::jsonb not null",
            await ColumnsAsync("public.send_logs", "channel", "provider_message_id", "customer_id"));
        Assert.Equal("FOREIGN KEY (customer_id) REFERENCES customers(id) ON DELETE CASCADE", await Db.ScalarAsync<string>(
            "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'public.send_logs'::regclass and contype = 'f' and confrelid = 'public.customers'::regclass"));
        Assert.Equal("CREATE INDEX idx_send_logs_channel ON public.send_logs USING btree (channel)", await Db.ScalarAsync<string>(
            "select indexdef from pg_indexes where indexname = 'idx_send_logs_channel'"));

        // A row of the e-mail writers is still valid.
        await Db.ExecuteAsync(
            """
            with b as (insert into businesses (name) values ('b') returning id),
              c as (insert into customers (business_id) select id from b returning id, business_id)
            insert into send_logs (business_id, customer_id, subject, status) select business_id, id, 'Hi', 'opened' from c
            """);
        Assert.Equal("email {}", await Db.ScalarAsync<string>("select channel || ' ' || provider_message_id from send_logs"));
    }

    [Fact]
    public async Task The_queue_has_the_columns_defaults_and_checks_it_always_had()
    {
        Assert.Equal(
            "attempt_count integer 0 not null; business_id uuid - not null; created_at timestamp with time zone now() null; "
            + "customer_id uuid - not null; id uuid gen_random_uuid() not null; last_attempted_at timestamp with time zone - null; "
            + "last_error text - null; max_attempts integer 3 not null; reason text - null; "
            + "scheduled_for timestamp with time zone - not null; send_log_id uuid - not null; status text 'pending'::text not null; "
            + "updated_at timestamp with time zone now() null",
            await ColumnsAsync(
                "public.sms_retry_queue", "id", "business_id", "send_log_id", "customer_id", "status", "attempt_count", "max_attempts",
                "scheduled_for", "last_attempted_at", "last_error", "reason", "created_at", "updated_at"));
        Assert.True(await Db.ScalarAsync<bool>("select relrowsecurity from pg_class where oid = 'public.sms_retry_queue'::regclass"));

        var business = await Seed.BusinessAsync();
        var row = await Seed.RowAsync(business, await Seed.CustomerAsync(business), Now);
        await using var connection = await ConnectAsync();
        foreach (var (column, value) in new[] { ("status", "sent"), ("reason", "weather") })
        {
            Assert.Equal(
                PostgresErrorCodes.CheckViolation,
                await Statement.FailureAsync(connection, $"update sms_retry_queue set {column} = '{value}' where id = $1", row));
        }

        foreach (var reason in new[] { "quiet_hours", "twilio_error", "rate_limit" })
            await Statement.RunAsync(connection, "update sms_retry_queue set reason = $2 where id = $1", row, reason);
        foreach (var status in new[] { "processing", "completed", "failed", "cancelled", "pending" })
            await Statement.RunAsync(connection, "update sms_retry_queue set status = $2 where id = $1", row, status);
    }

    [Fact]
    public async Task The_queue_notes_when_a_row_was_last_changed()
    {
        Assert.False(await Db.ScalarAsync<bool>("select exists (select 1 from pg_extension where extname = 'moddatetime')"));
        await AssertUpdatesAreNotedAsync(Db);
    }

    internal static async Task AssertUpdatesAreNotedAsync(TestDatabase database)
    {
        var seed = new Seed(database);
        var business = await seed.BusinessAsync();
        var row = await seed.RowAsync(business, await seed.CustomerAsync(business), Now);

        Assert.True(await database.ScalarAsync<bool>(
            "update sms_retry_queue set last_error = 'x', updated_at = '2000-01-01' where id = $1 returning updated_at = now() and updated_at > created_at", row));
    }

    private async Task<string?> ColumnsAsync(string table, params string[] columns) => await Db.ScalarAsync<string>(
        """
        select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), coalesce(pg_get_expr(d.adbin, d.adrelid), '-'),
          case when a.attnotnull then 'not null' else 'null' end), '; ' order by a.attname)
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = $1::text::regclass and a.attname = any ($2)
        """,
        table, columns);
}
