using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

public sealed class RowSecurityTests : DatabaseTest
{
    private const string Denied = PostgresErrorCodes.InsufficientPrivilege;

    /// <summary>Every table with the rows of a tenant.</summary>
    private static readonly string[] TenantTables =
    [
        "public.businesses", "public.customers", "public.email_templates", "public.send_logs", "public.sms_retry_queue",
        "sms.api_keys", "sms.business_history", "sms.idempotency_keys", "sms.attempts", "sms.message_events", "sms.consent_events",
        "sms.erasures", "sms.suppressions", "sms.unfinished_opt_outs", "sms.usage", "sms.message_states", "sms.message_counts", "sms.count_changes", "sms.queue_counts", "sms.queue_changes",
    ];

    /// <summary>The application writes there and does not read.</summary>
    private const string Unread = "sms.unfinished_opt_outs";

    [Fact]
    public async Task Every_table_of_a_tenant_has_row_security()
    {
        await using var connection = await ConnectAsync();

        var without = await ListAsync<string>(
            connection,
            """
            select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('public', 'sms') and c.relkind in ('r', 'p') and not c.relrowsecurity
            """);
        var tenants = await ListAsync<string>(
            connection,
            """
            select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('public', 'sms') and c.relkind in ('r', 'p')
              and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'business_id' and not a.attisdropped)
            """);

        Assert.Equal(["sms.migrations"], without);
        // Those of the e-mail product alone are the application's neither to read nor to write.
        Assert.Equal(TenantTables.Append("public.scheduled_sends").Order(StringComparer.Ordinal), tenants.Append("public.businesses").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task Without_a_business_named_the_application_sees_nothing(string? named)
    {
        await TenantAsync();
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role sms_app");
        if (named is not null)
            await Statement.RunAsync(connection, "select set_config('sms.business_ids', $1, false)", named);

        foreach (var table in TenantTables.Except([Unread]).Append("sms.messages"))
            Assert.Equal((table, 0), (table, await CountAsync(connection, table)));
        foreach (var table in new[] { Unread, "public.scheduled_sends", "sms.migrations", "auth.users" })
            Assert.Equal((table, Denied), (table, await Statement.FailureAsync(connection, $"select 1 from {table}")));
    }

    [Fact]
    public async Task With_a_business_named_the_application_sees_its_rows_and_changes_no_others()
    {
        var (a, _) = await TenantAsync();
        var (b, _) = await TenantAsync();
        await using var connection = await ConnectAsync();
        foreach (var table in TenantTables)
        {
            await Statement.RunAsync(connection, $"create table public.{Copy(table)} as select * from {table} where {Key(table)} = '{b}'");
            await Statement.RunAsync(connection, $"grant select on public.{Copy(table)} to sms_app");
        }

        await Statement.RunAsync(connection, "set role sms_app");
        await Statement.RunAsync(connection, "select set_config('sms.business_ids', $1, false)", $"{a}");

        foreach (var table in TenantTables)
        {
            if (table is not Unread)
            {
                Assert.Equal((table, 1), (table, await CountAsync(connection, table)));
                Assert.Equal((table, 0), (table, await CountAsync(connection, $"{table} where {Key(table)} = '{b}'")));
            }

            Assert.Equal((table, 1), (table, await CountAsync(connection, $"public.{Copy(table)}")));
            Assert.Equal(
                (table, Denied),
                (table, await Statement.FailureAsync(connection, $"insert into {table} overriding system value select * from public.{Copy(table)}")));
            // Nor are its own rows given away.
            Assert.Equal((table, Denied), (table, await Statement.FailureAsync(connection, $"update {table} set {Key(table)} = '{b}'")));
        }

        Assert.Equal(1, await CountAsync(connection, "sms.messages"));
    }

    [Fact]
    public async Task The_name_of_the_business_ends_with_the_transaction()
    {
        var (a, _) = await TenantAsync();
        await using var connection = await Db.App.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using (var batch = new NpgsqlBatch(connection))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand($"select set_config('sms.business_ids', '{a}', true)"));
            batch.BatchCommands.Add(new NpgsqlBatchCommand("select count(*) from public.businesses"));
            await using var reader = await batch.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            await reader.NextResultAsync(TestContext.Current.CancellationToken);
            await reader.ReadAsync(TestContext.Current.CancellationToken);
            Assert.Equal(1, reader.GetInt64(0));
        }

        Assert.Equal(0, await CountAsync(connection, "public.businesses"));
    }

    [Theory]
    [InlineData("sms_app")]
    [InlineData("sms_drain")]
    public async Task The_roles_have_no_power_and_own_nothing(string role)
    {
        await using var connection = await ConnectAsync();

        Assert.Equal(
            [false],
            await ListAsync<bool>(connection, "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication from pg_roles where rolname = $1", role));
        Assert.Equal([0L], await ListAsync<long>(
            connection, "select count(*) from pg_shdepend where refobjid = $1::text::regrole and deptype = 'o'", role));
        Assert.Equal([0L], await ListAsync<long>(
            connection, "select count(*) from pg_auth_members where member = $1::text::regrole", role));
    }

    [Fact]
    public async Task The_drain_role_reads_no_table_and_calls_the_queue()
    {
        await TenantAsync();
        await using var connection = await ConnectAsync();
        var readable = await ListAsync<string>(
            connection,
            """
            select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('public', 'sms', 'orleans', 'auth') and c.relkind in ('r', 'p', 'v', 'm')
              and (has_table_privilege('sms_drain', c.oid, 'select') or has_any_column_privilege('sms_drain', c.oid, 'select')
                or has_table_privilege('sms_drain', c.oid, 'insert, update, delete, truncate'))
            """);
        Assert.Empty(readable);

        await Statement.RunAsync(connection, "set role sms_drain");
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select 1 from public.sms_retry_queue"));
        Assert.Single(await ListAsync<Guid>(connection, "select id from public.claim_due_sms_retries(50)"));
        Assert.Empty(await ListAsync<Guid>(connection, "select id from public.recover_stuck_sms_retries(10)"));
    }

    [Fact]
    public async Task The_application_cannot_claim_in_its_own_name()
    {
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role sms_app");

        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select id from public.claim_due_sms_retries(1)"));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select id from public.recover_stuck_sms_retries(1)"));
    }

    [Fact]
    public async Task The_anonymous_caller_reads_nothing_and_calls_nothing()
    {
        await TenantAsync();
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role anon");

        foreach (var table in TenantTables.Append("public.scheduled_sends").Append("sms.messages").Append("orleans.grain_state"))
            Assert.Equal((table, Denied), (table, await Statement.FailureAsync(connection, $"select 1 from {table}")));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select id from public.claim_due_sms_retries(1)"));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select id from public.recover_stuck_sms_retries(1)"));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select sms.find_api_keys('{\\x00}')"));
    }

    [Fact]
    public async Task A_signed_in_user_sees_what_hangs_off_the_users_businesses_and_nothing_else()
    {
        var (mine, me) = await TenantAsync();
        var (theirs, _) = await TenantAsync();
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role authenticated");

        foreach (var table in TenantTables.Where(t => t.StartsWith("public.", StringComparison.Ordinal)).Append("public.scheduled_sends"))
            Assert.Equal((table, 0), (table, await CountAsync(connection, table)));

        await Statement.RunAsync(connection, "select set_config('request.jwt.claims', $1, false)", $$"""{"sub": "{{me}}", "role": "authenticated"}""");
        foreach (var table in TenantTables.Where(t => t.StartsWith("public.", StringComparison.Ordinal)).Append("public.scheduled_sends"))
        {
            Assert.Equal((table, 1), (table, await CountAsync(connection, table)));
            Assert.Equal((table, 0), (table, await CountAsync(connection, $"{table} where {Key(table)} = '{theirs}'")));
            Assert.Equal((table, Denied), (table, await Statement.FailureAsync(connection, $"update {table} set {Key(table)} = '{theirs}'"
                + (Key(table) is "id" ? ", user_id = null" : ""))));
        }

        Assert.Equal(Denied, await Statement.FailureAsync(connection, $"insert into public.customers (business_id) values ('{theirs}')"));
        Assert.Null(await Statement.FailureAsync(connection, $"insert into public.customers (business_id) values ('{mine}')"));
        foreach (var table in TenantTables.Where(t => t.StartsWith("sms.", StringComparison.Ordinal)).Append("sms.messages"))
            Assert.Equal((table, Denied), (table, await Statement.FailureAsync(connection, $"select 1 from {table}")));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select id from public.claim_due_sms_retries(1)"));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select id from public.recover_stuck_sms_retries(1)"));
    }

    [Fact]
    public async Task Every_table_of_ours_has_row_security_and_every_view_shows_what_its_reader_may_see()
    {
        await using var connection = await ConnectAsync();

        Assert.Equal(["sms.migrations"], await ListAsync<string>(
            connection,
            "select c.oid::regclass::text from pg_class c where c.relnamespace in ('sms'::regnamespace, 'public'::regnamespace) and c.relkind in ('r', 'p') and not c.relrowsecurity"));
        Assert.Empty(await ListAsync<string>(
            connection,
            """
            select c.oid::regclass::text from pg_class c
            where c.relnamespace in ('sms'::regnamespace, 'public'::regnamespace) and c.relkind in ('v', 'm')
              and not coalesce(c.reloptions::text ~ 'security_invoker=(true|on)', false)
            """));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_client_of_the_http_layer_reaches_more_than_the_products_tables(bool handedOut)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        if (handedOut)
        {
            // As on Supabase, and for all schemas beside.
            await database.ExecuteAsOwnerAsync(
                """
                alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
                alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
                alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
                alter default privileges grant all on tables to anon, authenticated, service_role;
                alter default privileges grant all on functions to anon, authenticated, service_role;
                alter default privileges grant usage on schemas to anon, authenticated, service_role;
                """);
        }

        await new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance).RunAsync(database.ConnectionString, TestContext.Current.CancellationToken);

        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await ListAsync<string>(
            connection,
            """
            select r.rolname || ' ' || n.nspname from pg_namespace n, pg_roles r
            where n.nspname in ('sms', 'orleans') and r.rolname in ('anon', 'authenticated', 'service_role') and has_schema_privilege(r.oid, n.oid, 'usage, create')
            """));
        Assert.Empty(await ListAsync<string>(
            connection,
            """
            select r.rolname || ' ' || c.oid::regclass from pg_class c, pg_roles r
            where c.relkind in ('r', 'p', 'v') and r.rolname in ('anon', 'authenticated', 'service_role') and (
              c.relnamespace = 'sms'::regnamespace and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate')
              or c.relnamespace = 'public'::regnamespace and (
                r.rolname = 'anon' and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate, references, trigger')
                or r.rolname = 'authenticated' and has_table_privilege(r.oid, c.oid, 'truncate, references, trigger')))
            """));
        // Of what is no trigger, and of what writes with its owner's rights even that: it could be hung on a table of one's own.
        Assert.Equal(
            ["service_role claim_due_sms_retries", "service_role recover_stuck_sms_retries"],
            await ListAsync<string>(
                connection,
                """
                select r.rolname || ' ' || p.proname from pg_proc p, pg_roles r
                where p.pronamespace in ('public'::regnamespace, 'sms'::regnamespace) and r.rolname in ('anon', 'authenticated', 'service_role')
                  and (p.prosecdef or p.prorettype <> 'trigger'::regtype) and has_function_privilege(r.oid, p.oid, 'execute')
                order by 1
                """));
    }

    [Fact]
    public async Task The_service_role_sees_all_of_the_products_tables_and_works_the_queue()
    {
        await TenantAsync();
        await TenantAsync();
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role service_role");

        foreach (var table in TenantTables.Where(t => t.StartsWith("public.", StringComparison.Ordinal)).Append("public.scheduled_sends"))
            Assert.Equal((table, 2), (table, await CountAsync(connection, table)));
        Assert.Equal(2, (await ListAsync<Guid>(connection, "select id from public.claim_due_sms_retries(50)")).Count);
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "select 1 from sms.api_keys"));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, "truncate public.sms_retry_queue"));
    }

    [Fact]
    public async Task A_user_queues_nothing_that_points_to_another_business()
    {
        var (mine, me) = await TenantAsync();
        var (theirs, _) = await TenantAsync();
        await using var connection = await ConnectAsync();
        async Task<Guid> OfAsync(string table, Guid business) => Assert.Single(await ListAsync<Guid>(connection, $"select id from {table} where business_id = '{business}'"));
        var (log, customer) = (await OfAsync("send_logs", theirs), await OfAsync("customers", theirs));
        var (ownLog, ownCustomer) = (await OfAsync("send_logs", mine), await OfAsync("customers", mine));
        await Statement.RunAsync(connection, "update sms_retry_queue set status = 'completed'");
        await Statement.RunAsync(connection, "set role authenticated");
        await Statement.RunAsync(connection, "select set_config('request.jwt.claims', $1, false)", $$"""{"sub": "{{me}}"}""");

        Task<string?> QueueAsync(Guid message, Guid person) => Statement.FailureAsync(
            connection, $"insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for) values ('{mine}', '{message}', '{person}', now())");
        Assert.Equal(Denied, await QueueAsync(log, ownCustomer));
        Assert.Equal(Denied, await QueueAsync(ownLog, customer));
        Assert.Null(await QueueAsync(ownLog, ownCustomer));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, $"update sms_retry_queue set send_log_id = '{log}'"));
    }

    [Fact]
    public async Task A_user_does_not_rewrite_what_a_text_was_accepted_on()
    {
        var (mine, me) = await TenantAsync();
        await Db.ExecuteAsync("update send_logs set decision = '{}' where business_id = $1", mine);
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role authenticated");
        await Statement.RunAsync(connection, "select set_config('request.jwt.claims', $1, false)", $$"""{"sub": "{{me}}"}""");

        foreach (var change in new[] { "decision = '{\"at\": \"then\"}'", "decision = null", "created_at = now() - interval '1 year'", "channel = 'email'", "category = 'otp'", "id = gen_random_uuid()" })
            Assert.Equal((change, Denied), (change, await Statement.FailureAsync(connection, $"update send_logs set {change}")));
        Assert.Equal(Denied, await Statement.FailureAsync(
            connection, $"insert into send_logs (business_id, customer_id, decision) select '{mine}', id, '{{}}' from customers limit 1"));
        Assert.Null(await Statement.FailureAsync(connection, "update send_logs set status = status, decision = decision"));
        foreach (var change in new[]
        {
            """update businesses set sms_settings = sms_settings || '{"quietHoursPolicy": "business"}'""",
            """update businesses set sms_settings = sms_settings || '{"allowedSenders": [{"from": "+15125550100"}]}'""",
            """update businesses set sms_settings = sms_settings || '{"allowedCountries": ["RU"]}'""",
            """update businesses set sms_settings = sms_settings || '{"maxSegmentsPerSecond": 1000}'""",
            """update businesses set sms_settings = sms_settings || '{"maxDailySegments": 1}'""",
            """update businesses set sms_settings = sms_settings || '{"maxMonthlyMessages": 1}'""",
            """update businesses set sms_settings = sms_settings || '{"region": "RU"}'""",
            "update customers set sms_consent_status = 'opted_in', sms_consent_id = gen_random_uuid()",
            $"insert into customers (business_id, sms_consent_status, sms_consent_id) values ('{mine}', 'opted_in', gen_random_uuid())",
            "update sms_retry_queue set lane = 0",
        })
            Assert.Equal((change, Denied), (change, await Statement.FailureAsync(connection, change)));
        Assert.Null(await Statement.FailureAsync(connection, """update businesses set sms_settings = sms_settings || '{"bodyLimit": 300}'"""));
        Assert.Null(await Statement.FailureAsync(connection, "update customers set sms_consent_status = 'opted_in'"));
        Assert.Null(await Statement.FailureAsync(connection, $"insert into send_logs (business_id, customer_id, status) select '{mine}', id, 'sent' from customers limit 1"));
    }

    private static string Key(string table) => table is "public.businesses" ? "id" : "business_id";

    private static string Copy(string table) => "copy_of_" + table.Replace('.', '_');

    private static async Task<int> CountAsync(NpgsqlConnection connection, string from) =>
        Assert.Single(await ListAsync<int>(connection, $"select count(*)::int from {from}"));

    /// <summary>A business of a user, with one row in every table.</summary>
    private async Task<(Guid Business, Guid User)> TenantAsync()
    {
        var user = Guid.NewGuid();
        var business = await Seed.BusinessAsync(user);
        var customer = await Seed.CustomerAsync(business);
        var message = await Seed.RowAsync(business, customer, NodaTime.Instant.FromUtc(2020, 1, 1, 0, 0));
        await Db.ExecuteAsync($"insert into email_templates (business_id, name, body) values ('{business}', 'n', 'b')");
        await Db.ExecuteAsync($"insert into scheduled_sends (business_id, scheduled_for) values ('{business}', now())");
        await Db.ExecuteAsync($"insert into sms.api_keys values (gen_random_uuid(), '{business}', sha256('{business}'), 'hint', now())");
        await Db.ExecuteAsync($"insert into sms.idempotency_keys values ('{business}', 'key', '\\x01', '{message}', now())");
        await Db.ExecuteAsync(
            $"""
            insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, sender, state, started_at, leave_by, ended_at)
            values (gen_random_uuid(), '{message}', '{business}', '{customer}', 1, 'silo-1', '+15005550006', 'void', now(), now(), now())
            """);
        await Db.ExecuteAsync($"insert into sms.message_events (message_id, business_id, at, type) values ('{message}', '{business}', now(), 'requeued')");
        await Db.ExecuteAsync(
            $"""
            insert into sms.consent_events (id, business_id, customer_id, status, at, recorded_at)
            values (gen_random_uuid(), '{business}', '{customer}', 'opted_in', now(), now())
            """);
        await Db.ExecuteAsync($"insert into sms.erasures values (gen_random_uuid(), '{business}', 'test', now(), true)");
        await Db.ExecuteAsync($"insert into sms.suppressions (business_id, phone, kind, created_at) values ('{business}', '+15125550100', 'opt_out', now())");
        await Db.ExecuteAsync($"insert into sms.unfinished_opt_outs (business_id, phone, status, at) values ('{business}', '+15125550100', 'opted_out', now())");
        await Db.ExecuteAsync($"insert into sms.usage values ('{business}', 'day', '2026-11-23', 1, 1)");
        await Db.ExecuteAsync($"insert into sms.message_counts values ('{business}', 'pending', 1)");
        await Db.ExecuteAsync($"insert into sms.queue_counts values ('{business}', 'scheduled', false, now(), 1)");
        return (business, user);
    }
}
