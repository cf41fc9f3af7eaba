using Microsoft.Extensions.Logging.Abstractions;
using Sms.Integration.Tests.Api;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>
/// Somebody publishes all tables (replication, change data capture). Then PostgreSQL refuses changes of every table
/// without an identity, whatever wal_level is.
/// </summary>
public sealed class PublicationTests
{
    /// <summary>Tables that a publication would make unchangeable.</summary>
    private const string Nameless =
        """
        select coalesce(string_agg(c.oid::regclass::text, ' ' order by 1), '') from pg_class c
        where c.relkind = 'r' and c.relnamespace::regnamespace::text in ('public', 'sms', 'orleans', 'auth')
          and not case c.relreplident
            when 'f' then true
            when 'n' then false
            when 'd' then exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary)
            else exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisreplident) end
        """;

    [Fact]
    public async Task Every_table_of_an_empty_database_has_an_identity()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        Assert.Equal("", await database.ScalarAsync<string>(Nameless));
    }

    [Fact]
    public async Task Adopted_tables_without_one_get_one_and_those_with_one_keep_theirs()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(
            """
            create table businesses (id uuid not null unique, name text not null);
            create table customers (id uuid unique, business_id uuid not null, phone text, sms_consent_status text);
            create table contacts (id uuid primary key, business_id uuid, phone text);
            create table send_logs (id uuid primary key, business_id uuid, contact_id uuid, status text);
            create table scheduled_sends (id uuid, business_id uuid, scheduled_for timestamptz, status text);
            create table sms_retry_queue (id uuid default gen_random_uuid(), business_id uuid, send_log_id uuid, customer_id uuid,
              status text default 'pending', attempt_count int default 0, max_attempts int default 3, scheduled_for timestamptz, last_attempted_at timestamptz,
              last_error text, reason text, created_at timestamptz, updated_at timestamptz);
            alter table contacts replica identity full;
            insert into businesses values (md5('b')::uuid, 'One');
            insert into customers values (md5('c')::uuid, md5('b')::uuid, '(512) 555-0101', 'opted_out');
            insert into contacts values (md5('k')::uuid, md5('b')::uuid, '(512) 555-0102');
            insert into send_logs values (md5('l')::uuid, md5('b')::uuid, md5('k')::uuid, 'sent');
            """);
        // Only a superuser publishes all tables.
        await database.ExecuteAsync("create publication everything for all tables");

        await new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance, AdoptedPhones.ReadAsync).RunAsync(database.ConnectionString, CancellationToken.None);

        Assert.Equal("", await database.ScalarAsync<string>(Nameless));
        Assert.Equal("businesses i contacts f customers f scheduled_sends f send_logs d sms_retry_queue f", await database.ScalarAsync<string>(
            "select string_agg(relname || ' ' || relreplident::text, ' ' order by relname) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like '%templates'"));
        Assert.Equal(2, await database.ScalarAsync<long>("select count(*) from customers where phone_e164 is not null"));
        await database.ExecuteAsOwnerAsync("update sms_retry_queue set status = status; delete from customers; delete from scheduled_sends");
    }

    [Fact]
    public async Task Texts_go_and_a_STOP_is_kept_with_all_tables_published()
    {
        await using var api = await RunningApi.StartAsync();
        await api.Database.ExecuteAsync("create publication everything for all tables");
        var business = await api.NewBusinessAsync(new { quietHours = Hours.Always, quietHoursPolicy = "business" });
        var (webhooks, phone) = (new Webhooks(api), api.NewNumber());
        await business.NewCustomerAsync(phone);

        var sent = (await business.SendAsync(new { to = phone, body = "Sale" })).Id;
        var reply = await business.WhenSentAsync(sent);
        var attempt = await api.Database.ScalarAsync<Guid>("select id from sms.attempts where message_id = $1", sent);
        Assert.Equal(204, (await webhooks.StatusAsync(attempt, reply.Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>(), "delivered")).Status);
        await business.WhenAsync(sent, m => m.MessageStatus is "delivered");

        var waits = (await business.SendAsync(new { to = phone, body = "Later", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        Assert.Equal(200, (await webhooks.InboundAsync(phone, "STOP")).Status);
        await business.WhenAsync(waits, m => m.MessageStatus is "cancelled");
        Assert.Equal("opted_out", (await business.SendAsync(new { to = phone, body = "Sale" })).Code);

        var other = api.NewNumber();
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{other}", ApiClient.Json("{}"), business.Key)).Status);
        Assert.Equal("opted_out", (await business.SendAsync(new { to = other, body = "Hi", category = "transactional" })).Code);
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/{other}", null, business.Key)).Status);

        // What is appended beside the messages and the queue is folded into sums, and rows go when their customer goes.
        await api.Database.ExecuteAsync("select sms.fold_counts(1000)");
        Assert.Equal(200, (await api.Client.GetAsync("/health/ready")).Status);
        await api.Database.ExecuteAsync("delete from customers where business_id = $1", business.Id);
        Assert.Equal(0, await api.Silo.StopAsync());
    }
}
