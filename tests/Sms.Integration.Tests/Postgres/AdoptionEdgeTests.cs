using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Databases that are not quite as the e-mail product would have made them.</summary>
public sealed class AdoptionEdgeTests : IAsyncLifetime
{
    private const string Businesses =
        """
        create table public.businesses (id uuid primary key, user_id uuid, name text not null);
        insert into public.businesses values (md5('b1')::uuid, md5('u1')::uuid, 'One'), (md5('b2')::uuid, md5('u2')::uuid, 'Two');
        """;

    private const string Customers =
        Businesses +
        """
        create table public.customers (id uuid primary key, business_id uuid not null references public.businesses (id), email text, phone text);
        insert into public.customers select md5('c' || n)::uuid, md5('b1')::uuid, n || '@example.com', '512-555-000' || n from generate_series(1, 3) n;
        """;

    private const string Logs =
        """
        create table public.send_logs (
          id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id), contact_id uuid,
          status text not null, subject text);
        """;

    private TestDatabase? _database;

    private TestDatabase Db => _database ?? throw new InvalidOperationException("The database is made before the test.");

    public async ValueTask InitializeAsync() => _database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
    }

    [Theory]
    [InlineData("create type mood as enum ('pending', 'sent'); create table public.send_logs (id uuid primary key, business_id uuid, status mood)",
        "public.send_logs.status is of type mood, which does not hold what texting writes there ('delivered')")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status varchar(8))",
        "public.send_logs.status is of type character varying(8), which does not hold what texting writes there ('delivered')")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status int)", "public.send_logs.status is of type integer, and texting needs text there")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status text, body varchar(320))",
        "public.send_logs.body is of type character varying(320), which does not hold what texting writes there (1600 characters)")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status text, error_code smallint)",
        "public.send_logs.error_code is of type smallint, which does not hold what texting writes there ('99999')")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status text, provider_message_id text)",
        "public.send_logs.provider_message_id is of type text, and texting needs json there")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status text, sent_at date)", "public.send_logs.sent_at is of type date, and texting needs timestamptz there")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status text, created_at timestamptz(0))",
        "public.send_logs.created_at is of type timestamp(0) with time zone, which does not hold what texting writes there ('2026-01-01 00:00:00.000001+00')")]
    [InlineData("create domain phone as varchar(12); create table public.customers (id uuid primary key, business_id uuid, phone phone)",
        "public.customers.phone is of type phone, which does not hold what texting writes there ('+123456789012345')")]
    [InlineData("create domain consent as text check (value in ('opted_in', 'opted_out')); create table public.customers (id uuid primary key, business_id uuid, sms_consent_status consent)",
        "public.customers.sms_consent_status is of type consent, which does not hold what texting writes there ('unknown')")]
    [InlineData("create table public.sms_retry_queue (id uuid primary key, send_log_id uuid, status text); insert into public.sms_retry_queue select gen_random_uuid(), md5('m')::uuid, s from unnest(array['pending', 'processing']) s",
        "public.sms_retry_queue has several pending or processing rows for message 6f8f5771-5090-da26-3245-3988d9a1501b, and one is meant")]
    [InlineData("create table public.customers (id text primary key, business_id uuid)", "public.customers.id is of type text, and texting needs uuid there")]
    [InlineData("create table public.customers (id bigint primary key, business_id uuid)", "public.customers.id is of type bigint, and texting needs uuid there")]
    [InlineData("create table public.customers (id uuid primary key, business_id uuid, mobile text, phone text generated always as (lower(mobile)) stored)",
        "public.customers.phone is generated, and texting needs text there")]
    [InlineData("create table public.people (id uuid); create view public.customers as select * from public.people", "public.customers is a view, and a table is needed")]
    [InlineData("create table public.send_logs (id uuid, business_id uuid, status text) partition by hash (id)", "public.send_logs is a partitioned table, and a table is needed")]
    [InlineData("create table public.businesses (id uuid, name text)", "public.businesses has no primary or unique key on id alone")]
    [InlineData("create table public.businesses (id uuid primary key, name text); create table public.message_templates (id uuid primary key, business_id uuid, html text)",
        "public.message_templates has no column body, content, message or text")]
    [InlineData("create table public.send_logs (id uuid primary key, business_id uuid, status text); alter table public.send_logs enable row level security, force row level security",
        "row security is forced on public.send_logs, and login sms is not above it (BYPASSRLS)")]
    public async Task What_cannot_be_adopted_is_refused_by_name_and_left_as_it_was(string sql, string fault)
    {
        await Db.ExecuteAsOwnerAsync(sql);
        const string Everything = "select string_agg(c.oid::regclass::text, ' ' order by 1) || ' ' || (select count(*) from pg_namespace) from pg_class c";
        var before = await Db.ScalarAsync<string>(Everything);

        var refusal = await Assert.ThrowsAsync<MigrationException>(MigrateAsync);

        Assert.Equal(
            $"001_base_tables.sql failed: this database cannot be adopted as it is: {fault}", refusal.Message.Split(" (SQLSTATE", 2)[0]);
        Assert.EndsWith("Nothing of it was kept. Mend the cause and start again.", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, await Db.ScalarAsync<string>(Everything));
    }

    [Fact]
    public async Task Logs_of_nobody_stay_writable()
    {
        await Db.ExecuteAsOwnerAsync(
            Customers + Logs + "insert into public.send_logs (business_id, contact_id, status) values (md5('b1')::uuid, null, 'sent'), (md5('b1')::uuid, md5('c1')::uuid, 'sent'), (md5('b1')::uuid, md5('nobody')::uuid, 'sent')");

        await MigrateAsync();

        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id = md5('c1')::uuid"));
        Assert.Equal(2, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id is null"));
        await Db.ExecuteAsOwnerAsync("update send_logs set status = 'failed'; insert into send_logs (business_id, status) values (md5('b1')::uuid, 'sent')");
    }

    [Fact]
    public async Task A_table_contacts_beside_customers_of_other_ids_keeps_its_writers()
    {
        await Db.ExecuteAsOwnerAsync(
            Customers + Logs +
            """
            alter table public.customers add constraint one_address unique (business_id, email);
            create table public.contacts (id uuid primary key, business_id uuid not null, email text, phone text);
            insert into public.contacts values (md5('k1')::uuid, md5('b1')::uuid, '1@example.com', '512-555-0001'), (md5('k4')::uuid, md5('b1')::uuid, '4@example.com', '512-555-0004');
            insert into public.send_logs (business_id, contact_id, status) values (md5('b1')::uuid, md5('k1')::uuid, 'sent'), (md5('b1')::uuid, md5('k4')::uuid, 'sent');
            """);

        await MigrateAsync();

        Assert.Equal(4, await Db.ScalarAsync<long>("select count(*) from customers"));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id = md5('k4')::uuid"));
        await Db.ExecuteAsOwnerAsync(
            """
            insert into contacts values (md5('k2')::uuid, md5('b1')::uuid, '2@example.com', null);
            update contacts set email = '3@example.com' where id = md5('k4')::uuid;
            """);
        Assert.Equal("2@example.com 3@example.com", await Db.ScalarAsync<string>(
            "select string_agg(email, ' ' order by email) from contacts where id in (md5('k2')::uuid, md5('k4')::uuid)"));
    }

    [Fact]
    public async Task A_queue_and_columns_that_the_product_made_for_texts_itself_are_taken_over()
    {
        await Db.ExecuteAsOwnerAsync(
            Customers +
            """
            alter table public.customers
              add sms_consent_status text check (sms_consent_status in ('opted_in', 'opted_out', 'unknown')), add sms_consent_at timestamptz,
              add sms_consent_method text check (sms_consent_method in ('website_form', 'verbal_in_person'));
            create table public.send_logs (
              id uuid primary key default gen_random_uuid(), business_id uuid not null, contact_id uuid, customer_id uuid not null references public.customers (id),
              channel text check (channel in ('email')), provider_message_id jsonb, status text not null, subject text, metadata jsonb not null default '{"source": "app"}');
            insert into public.send_logs (business_id, customer_id, status) values (md5('b1')::uuid, md5('c1')::uuid, 'sent');
            create table public.sms_retry_queue (
              id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id) on delete cascade,
              send_log_id uuid not null references public.send_logs (id) on delete cascade, customer_id uuid not null references public.customers (id) on delete cascade,
              status text not null default 'pending', attempt_count int not null default 0, max_attempts int not null default 3,
              scheduled_for timestamptz not null, last_attempted_at timestamptz, last_error text,
              reason text check (reason in ('quiet_hours', 'twilio_error', 'rate_limit')), created_at timestamptz default now(), updated_at timestamptz default now());
            create function public.claim_due_sms_retries(limit_count int default 50) returns table (id uuid) language sql as 'select null::uuid';
            create function public.recover_stuck_sms_retries(stale_minutes int default 10) returns int language sql as 'select 0';
            """);

        await MigrateAsync();

        Assert.Equal(2, await Db.ScalarAsync<long>("select count(*) from pg_proc where proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries')"));
        Assert.Equal("'email'::text", await Db.ScalarAsync<string>(
            "select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'send_logs'::regclass and adnum = (select attnum from pg_attribute where attrelid = adrelid and attname = 'channel')"));
        await Db.ExecuteAsync(
            """
            update customers set sms_consent_status = 'under_review', sms_consent_method = 'sms_keyword', phone_e164 = '+15125550001' where id = md5('c1')::uuid;
            insert into send_logs (business_id, customer_id, channel, to_phone, body, category, encoding, segments, status, metadata)
              values (md5('b1')::uuid, md5('c1')::uuid, 'sms', '+15125550001', 'Hi', 'otp', 'gsm7', 1, 'cancelled', '{}'::json);
            insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for, reason)
              select business_id, id, customer_id, now(), 'scheduled' from send_logs where channel = 'sms';
            """);
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from claim_due_sms_retries(5)"));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from recover_stuck_sms_retries()"));
    }

    [Fact]
    public async Task Texts_that_the_product_has_sent_itself_are_listed_and_counted_by_their_status()
    {
        await Db.ExecuteAsOwnerAsync(
            Customers +
            """
            create table public.send_logs (
              id uuid primary key default gen_random_uuid(), business_id uuid not null, customer_id uuid not null references public.customers (id),
              channel text not null default 'email', provider_message_id jsonb, status text not null, created_at timestamptz not null default now());
            insert into public.send_logs (business_id, customer_id, channel, status)
              select md5('b1')::uuid, md5('c1')::uuid, c, s from (values ('sms', 'delivered'), ('sms', 'sent'), ('sms', 'sent'), ('email', 'sent')) r (c, s);
            """);

        await MigrateAsync();

        Assert.Equal("delivered 1 sent 2", await Db.ScalarAsync<string>(
            "select string_agg(status || ' ' || n, ' ' order by status) from (select status, count(*) as n from sms.message_states group by status) s"));
        Assert.Equal("delivered 1 sent 2", await Db.ScalarAsync<string>(
            "select string_agg(status || ' ' || n, ' ' order by status) from sms.count_changes"));
        Assert.Equal(
            "accepted {}", await Db.ScalarAsync<string>("select string_agg(distinct type || ' ' || data::text, ', ') from sms.timeline having count(*) = 3"));
    }

    [Fact]
    public async Task Who_read_the_tables_goes_on_reading_and_what_row_security_does_not_hold_back_is_no_clients()
    {
        var reader = $"reader_{Guid.NewGuid():N}";
        await Db.ExecuteAsync($"create role {reader}");
        try
        {
            await Db.ExecuteAsOwnerAsync(
                $"""
                alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
                {Customers}
                grant select on public.customers to {reader};
                revoke update on public.customers from authenticated;
                grant update (email) on public.customers to authenticated;
                """);

            await MigrateAsync();

            await using var connection = new NpgsqlConnection(Db.AdminConnectionString);
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await Statement.RunAsync(connection, $"set role {reader}");
            Assert.Equal([3L], await Statement.ListAsync<long>(connection, "select count(*) from public.customers"));
            await Statement.RunAsync(connection, "set role anon");
            Assert.Equal([0L], await Statement.ListAsync<long>(connection, "select count(*) from public.customers"));
            foreach (var role in new[] { "anon", "authenticated" })
            {
                await Statement.RunAsync(connection, $"set role {role}");
                foreach (var table in new[] { "businesses", "customers", "send_logs", "sms_retry_queue" })
                    Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, await Statement.FailureAsync(connection, $"truncate public.{table} cascade"));
            }

            // Rights that were taken are not given back.
            await Statement.RunAsync(connection, "select set_config('request.jwt.claims', '{\"sub\":\"' || md5('u1')::uuid || '\"}', false)");
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, await Statement.FailureAsync(connection, "update public.customers set phone = null"));
            Assert.Null(await Statement.FailureAsync(connection, "update public.customers set email = 'new@example.com'"));
            await Statement.RunAsync(connection, "reset role");
        }
        finally
        {
            await Db.ExecuteAsync($"drop owned by {reader}");
            await Db.ExecuteAsync($"drop role {reader}");
        }
    }

    [Fact]
    public async Task Policies_for_everybody_open_nothing_to_the_application_and_do_not_stop_it()
    {
        await Db.ExecuteAsOwnerAsync(
            Customers +
            """
            create table public.members (id uuid primary key, business_id uuid, user_id uuid);
            create table public.roles (user_id uuid);
            alter table public.members enable row level security;
            create policy m on public.members using (user_id in (select user_id from public.roles));
            alter table public.businesses enable row level security;
            alter table public.customers enable row level security;
            create policy "Anybody sees businesses" on public.businesses using (true);
            create policy "Members see customers" on public.customers using (business_id in (select business_id from public.members));
            """);

        await MigrateAsync();

        await using var connection = await Db.App.OpenConnectionAsync(TestContext.Current.CancellationToken);
        Assert.Equal([0L], await Statement.ListAsync<long>(connection, "select count(*) from public.businesses"));
        await Statement.RunAsync(connection, "select set_config('sms.business_ids', md5('b1')::uuid::text, false)");
        Assert.Equal([1L], await Statement.ListAsync<long>(connection, "select count(*) from public.businesses"));
        Assert.Equal([3L], await Statement.ListAsync<long>(connection, "select count(*) from public.customers"));
        Assert.Equal(
            PostgresErrorCodes.InsufficientPrivilege,
            await Statement.FailureAsync(connection, "update public.businesses set id = gen_random_uuid()"));
    }

    [Fact]
    public async Task Cut_short_in_the_middle_of_the_rows_they_go_on_from_there()
    {
        await OriginDatabase.FillAsync(Db, OriginShape.ContactsView, logs: 5_000);
        var columns = await OriginDatabase.ColumnsAsync(Db, OriginShape.ContactsView);
        var picture = await OriginDatabase.PictureAsync(Db, columns);
        await MigrateAsync(Migration.All.TakeWhile(m => !m.RunsOutsideTransaction));
        await using var writer = new NpgsqlConnection(Db.AdminConnectionString);
        await writer.OpenAsync(TestContext.Current.CancellationToken);
        await using (var transaction = await writer.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            // Somebody works on the last row, so the batches come to a stop before it.
            await Statement.RunAsync(writer, "select 1 from send_logs order by id desc limit 1 for update");
            var cut = MigrateAsync();
            await Eventually.TrueAsync(async () => await Db.ScalarAsync<long>(
                "select count(*) from pg_stat_activity where datname = current_database() and query like 'call sms.adopt_send_logs%' and wait_event = 'PgSleep'") > 0);
            await Db.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'call sms.adopt_send_logs%'");
            await Assert.ThrowsAnyAsync<Exception>(() => cut);
        }

        Assert.NotEqual(0, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id is not null"));
        Assert.NotEqual(0, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id is null"));
        Assert.NotEqual(0, await MigrateAsync());
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from send_logs where customer_id is null"));
        Assert.Equal(picture, await OriginDatabase.PictureAsync(Db, columns));
        Assert.Equal(0, await MigrateAsync());
    }

    private Task<int> MigrateAsync() => new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance, AdoptedPhones.ReadAsync)
        .RunAsync(Db.ConnectionString, TestContext.Current.CancellationToken);

    private Task<int> MigrateAsync(IEnumerable<Migration> some) => new MigrationRunner([.. some], NullLogger<MigrationRunner>.Instance)
        .RunAsync(Db.ConnectionString, TestContext.Current.CancellationToken);
}
