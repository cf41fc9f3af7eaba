using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>What one tenant's session can do to another's rows, by the ways that row security does not look at.</summary>
public sealed class TenantBoundaryTests : DatabaseTest
{
    private const string Denied = PostgresErrorCodes.InsufficientPrivilege;
    private const string Phone = "+15125550100";

    [Fact]
    public async Task No_row_of_a_user_can_point_to_another_business()
    {
        var (mine, theirs) = (await TenantAsync("mine"), await TenantAsync("theirs"));
        await using var connection = await ConnectAsync();
        var links = await ListAsync<string[]>(
            connection,
            """
            select array[c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text]
            from pg_constraint c
            join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
            where c.contype = 'f' and c.connamespace = 'public'::regnamespace
              and (select count(*) = 2 from pg_attribute b where b.attrelid in (c.conrelid, c.confrelid) and b.attname = 'business_id')
            order by 1
            """);
        Assert.Equal(
            ["scheduled_sends template_id", "send_logs customer_id", "send_logs template_id", "sms_retry_queue customer_id", "sms_retry_queue send_log_id"],
            links.Select(l => $"{l[0]} {l[1]}"));
        var targets = new Dictionary<string, (Guid Mine, Guid Theirs)>(StringComparer.Ordinal);
        foreach (var target in links.Select(l => l[2]).Distinct(StringComparer.Ordinal))
            targets[target] = (await OneAsync(connection, target, mine.Business), await OneAsync(connection, target, theirs.Business));

        await SignInAsync(connection, mine.User);
        foreach (var link in links)
        {
            var (own, other) = targets[link[2]];
            Assert.Null(await Statement.FailureAsync(connection, $"update {link[0]} set {link[1]} = '{own}'"));
            Assert.Equal((link[0], Denied), (link[0], await Statement.FailureAsync(connection, $"update {link[0]} set {link[1]} = '{other}'")));
            // An id that nobody has is refused in the same words.
            Assert.Equal((link[0], Denied), (link[0], await Statement.FailureAsync(connection, $"update {link[0]} set {link[1]} = '{Guid.NewGuid()}'")));
        }

        string Log(Guid customer, Guid template) => $"insert into send_logs (business_id, customer_id, template_id) values ('{mine.Business}', '{customer}', '{template}')";
        Assert.Null(await Statement.FailureAsync(connection, Log(targets["customers"].Mine, targets["email_templates"].Mine)));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, Log(targets["customers"].Theirs, targets["email_templates"].Mine)));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, Log(targets["customers"].Mine, targets["email_templates"].Theirs)));

        string Plan(params Guid[] customers) =>
            $"insert into scheduled_sends (business_id, customer_ids, scheduled_for) values ('{mine.Business}', '{{{string.Join(',', customers)}}}', now())";
        Assert.Null(await Statement.FailureAsync(connection, Plan()));
        Assert.Null(await Statement.FailureAsync(connection, Plan(targets["customers"].Mine)));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, Plan(targets["customers"].Mine, targets["customers"].Theirs)));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, $"update scheduled_sends set customer_ids = customer_ids || '{targets["customers"].Theirs}'::uuid"));
        Assert.Null(await Statement.FailureAsync(connection, "update scheduled_sends set status = 'cancelled'"));
    }

    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.Customers)]
    public async Task Nor_can_it_in_adopted_tables_whatever_policies_they_came_with(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, shape, logs: 20);
        await database.ExecuteAsOwnerAsync(
            """
            create policy "Owners add logs" on public.send_logs for insert to authenticated with check (business_id in (select id from public.businesses where user_id = auth.uid()));
            create policy "Owners change logs" on public.send_logs for update to authenticated using (business_id in (select id from public.businesses where user_id = auth.uid()));
            """);
        await database.MigrateAsync();
        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        var (mine, user) = (await database.ScalarAsync<Guid>("select md5('b1')::uuid"), await database.ScalarAsync<Guid>("select md5('u1')::uuid"));
        // The second person and the first template are this business's.
        var (person, theirs) = (await database.ScalarAsync<Guid>("select md5('c2')::uuid"), await database.ScalarAsync<Guid>("select md5('c1')::uuid"));
        var (template, foreign) = (await database.ScalarAsync<Guid>("select md5('t1')::uuid"), await database.ScalarAsync<Guid>("select md5('t2')::uuid"));
        await SignInAsync(connection, user);

        var column = OriginDatabase.Person(shape);
        Task<string?> LogAsync(Guid to, Guid by) => Statement.FailureAsync(
            connection, $"insert into send_logs (business_id, {column}, template_id, status, subject) values ('{mine}', '{to}', '{by}', 'queued', 'Hi')");
        Assert.Null(await LogAsync(person, template));
        Assert.Equal(Denied, await LogAsync(theirs, template));
        Assert.Equal(Denied, await LogAsync(person, foreign));
        Assert.Equal(Denied, await Statement.FailureAsync(connection, $"update send_logs set {column} = '{theirs}' where subject = 'Hi'"));
        Assert.Null(await Statement.FailureAsync(connection, "update send_logs set opened_count = 1 where subject = 'Hi'"));
        Task<string?> PlanAsync(Guid to) => Statement.FailureAsync(
            connection, $"insert into scheduled_sends (business_id, {column}s, scheduled_for) values ('{mine}', '{{{to}}}', now())");
        Assert.Null(await PlanAsync(person));
        Assert.Equal(Denied, await PlanAsync(theirs));
    }

    [Fact]
    public async Task In_the_name_of_one_business_nothing_is_done_to_another()
    {
        var (mine, theirs) = (await TenantAsync("mine"), await TenantAsync("theirs"));
        await using var connection = await ConnectAsync();
        var customer = await OneAsync(connection, "customers", theirs.Business);
        await Statement.RunAsync(connection, "insert into sms.suppressions (business_id, phone, kind, created_at) values ($1, $2, 'opt_out', now())", theirs.Business, Phone);
        await Statement.RunAsync(connection, "set role sms_app");
        await Statement.RunAsync(connection, "select set_config('sms.business_ids', $1, false)", $"{mine.Business}");

        Assert.Equal(["not_found"], await ListAsync<string>(connection, "select sms.erase_customer($1, $2, 'x', now())", theirs.Business, customer));
        foreach (var kind in new[] { "opt_out", "unreachable" })
            Assert.Equal([false], await ListAsync<bool>(connection, "select sms.remove_suppression($1, $2, '+15005550006', $3)", theirs.Business, Phone, kind));
        foreach (var call in new[]
        {
            "sms.apply_callbacks('[]')", "sms.apply_inbound('SM1', '{+15005550006}', true, '+15125550100', 'opt_in', 'START', null, now())", "sms.finish_opt_out(1, now())",
        })
            Assert.Equal((call, Denied), (call, await Statement.FailureAsync(connection, $"select {call}")));
        foreach (var table in new[] { "send_logs", "sms_retry_queue", "sms.message_events", "sms.attempts", "sms.usage", "sms.idempotency_keys", "sms.api_keys", "customers" })
            Assert.Equal((table, Denied), (table, await Statement.FailureAsync(connection, $"delete from {table}")));

        await Statement.RunAsync(connection, "reset role");
        Assert.Equal([1L], await ListAsync<long>(connection, "select count(*) from sms.suppressions"));
        Assert.Equal([0L], await ListAsync<long>(connection, "select count(*) from sms.erasures"));
        // Its own it may.
        await Statement.RunAsync(connection, "set role sms_app");
        await Statement.RunAsync(connection, "select set_config('sms.business_ids', $1, false)", $"{mine.Business},{theirs.Business}");
        Assert.Equal([true], await ListAsync<bool>(connection, "select sms.remove_suppression($1, $2, '+15005550006', 'opt_out')", theirs.Business, Phone));
        Assert.Equal(["erased"], await ListAsync<string>(connection, "select sms.erase_customer($1, $2, 'x', now())", theirs.Business, customer));
    }

    [Fact]
    public async Task A_group_of_sends_is_of_the_businesses_that_are_named_and_points_to_no_others_rows()
    {
        var (mine, theirs) = (await TenantAsync("mine"), await TenantAsync("theirs"));
        await using var connection = await ConnectAsync();
        var (ownCustomer, customer) = (await OneAsync(connection, "customers", mine.Business), await OneAsync(connection, "customers", theirs.Business));
        var (message, row) = (await OneAsync(connection, "send_logs", theirs.Business), await OneAsync(connection, "sms_retry_queue", theirs.Business));
        await Statement.RunAsync(
            connection, "update sms_retry_queue set status = 'processing', lease_token = $2, lease_until = now() + interval '1 minute' where id = $1", row, row);
        var attempt = Guid.NewGuid();
        await Statement.RunAsync(
            connection,
            """
            insert into sms.attempts (id, message_id, business_id, customer_id, number, owner, sender, state, started_at, leave_by)
            values ($1, $2, $3, $4, 1, 'o', '+15005550006', 'open', now(), now())
            """,
            attempt, message, theirs.Business, customer);
        string Rows(Guid business, string members) => $$"""[{"business_id":"{{business}}",{{members}}}]""";
        string Accept(Guid id, Guid customer) =>
            $$"""
            "id":"{{id}}","customer_id":"{{customer}}","new_customer":false,"phone":"{{Phone}}","body":"Hi","category":"transactional","encoding":"gsm7","segments":1,
            "max_attempts":3,"metadata":"{}","accepted_at":"2026-07-01T12:00:00Z","lane":1
            """;
        var begin = $$""" "queue_id":"{{row}}","lease_token":"{{row}}","attempt_id":"{{Guid.NewGuid()}}","owner":"o","sender":"+15005550006","started_at":"2026-07-01T12:00:00Z","leave_by":"2026-07-01T12:00:10Z","segments":1 """;
        var settle = $$""" "attempt_id":"{{attempt}}","outcome":"accepted","twilio_sid":"SM1","at":"2026-07-01T12:00:01Z" """;
        await Statement.RunAsync(connection, "set role sms_app");
        await Statement.RunAsync(connection, "select set_config('sms.business_ids', $1, false)", $"{mine.Business}");

        foreach (var (call, members) in new[]
        {
            ("accept_messages", Accept(Guid.NewGuid(), customer)), ("begin_attempts", begin), ("settle_attempts", settle), ("lookup_sends", "\"n\":0"),
        })
            Assert.Equal((call, Denied), (call, await Statement.FailureAsync(connection, $"select * from sms.{call}('{Rows(theirs.Business, members)}')")));
        // Said to be one's own, it is not found.
        Assert.Equal(
            PostgresErrorCodes.ForeignKeyViolation,
            await Statement.FailureAsync(connection, $"select * from sms.accept_messages('{Rows(mine.Business, Accept(Guid.NewGuid(), customer))}')"));
        Assert.Equal(
            PostgresErrorCodes.ForeignKeyViolation,
            await Statement.FailureAsync(connection, $"select * from sms.accept_messages('{Rows(mine.Business, Accept(message, ownCustomer))}')"));
        Assert.Equal(["lost"], await ListAsync<string>(connection, $"select outcome from sms.begin_attempts('{Rows(mine.Business, begin)}')"));
        Assert.Equal([false], await ListAsync<bool>(connection, $"select applied from sms.settle_attempts('{Rows(mine.Business, settle)}')"));
        Assert.Empty(await ListAsync<Guid>(connection, $"select queue_id from sms.lookup_claims('{{{row}}}', '{{+15005550006}}', now())"));

        await Statement.RunAsync(connection, "reset role");
        Assert.Equal(["open"], await ListAsync<string>(connection, $"select state from sms.attempts where business_id = '{theirs.Business}'"));
    }

    [Fact]
    public async Task Types_of_the_callers_own_are_nothing_to_functions_with_their_owners_rights()
    {
        var mine = await TenantAsync("mine");
        // As where its owner let others make temporary objects; and a function as it must not be.
        await Db.ExecuteAsync("do $$ begin execute format('grant temporary on database %I to authenticated, sms_drain', current_database()); end $$");
        await Db.ExecuteAsync("create function public.of_old(p_word text) returns int language plpgsql security definer set search_path = '' as $$ begin return length(p_word::text); end $$");
        foreach (var role in new[] { "authenticated", "sms_drain" })
        {
            await using var connection = await ConnectAsync();
            await SignInAsync(connection, mine.User, role);
            await Statement.RunAsync(
                connection,
                """
                create table pg_temp.seen (who name);
                grant all on pg_temp.seen to public;
                do $$
                declare
                  v_type name;
                begin
                  foreach v_type in array array['text', 'uuid', 'jsonb', 'timestamptz', 'date', 'interval', 'bytea', 'regclass', 'name', 'tid'] loop
                    execute format('create function pg_temp.evil(pg_catalog.%I) returns boolean language plpgsql as
                      ''begin insert into pg_temp.seen values (current_user); return true; end''', v_type);
                    execute format('create domain pg_temp.%I as pg_catalog.%1$I check (pg_temp.evil(value))', v_type);
                  end loop;
                end $$
                """);
            Task<List<long>> OthersAsync() => ListAsync<long>(connection, $"select count(*) from pg_temp.seen where who <> '{role}'");
            await Statement.RunAsync(connection, "select public.of_old('x')");
            Assert.NotEqual([0L], await OthersAsync());
            await Statement.RunAsync(connection, "delete from pg_temp.seen where who <> current_user");

            // Every trigger that a client sets off, at its commit too; and what goes over all businesses.
            string[] deeds = role is "authenticated"
                ?
                [
                    "update send_logs set status = 'sent', error_message = 'x'", "update sms_retry_queue set status = 'completed', last_error = 'x'",
                    "update customers set sms_consent_status = 'opted_out', phone = '+15125550199', name = 'x'", "update customers set sms_consent_status = 'opted_in'",
                    "update businesses set name = 'x', timezone = 'America/Chicago'", $"insert into customers (business_id, sms_consent_status) values ('{mine.Business}', 'opted_in')",
                    "insert into send_logs (business_id, customer_id, channel, status, to_phone, body, category, encoding, segments) select business_id, id, 'sms', 'sent', '+15125550100', 'b', 'otp', 'gsm7', 1 from customers limit 1",
                    "update scheduled_sends set customer_ids = '{}'",
                ]
                :
                [
                    "select sms.release_unpaused(now(), 5)", "select sms.probe_stopped(now())", "select public.claim_due_sms_retries(5)", "select public.recover_stuck_sms_retries(0)",
                    "select sms.fold_counts(5)", "select sms.analyze_grown()", "select sms.requeue_lost(now(), 5)", "select sms.apply_callbacks('[{\"n\": 0}]')",
                    "select sms.apply_inbound('SM1', '{+15005550006}', true, '+15125550100', 'opt_out', 'STOP', null, now())", "select sms.opt_outs_to_finish(now(), 5)",
                    "select sms.finish_opt_out(1, now())", "select sms.finish_erasure(now())", "select sms.blank_bodies(now(), 5)", "select sms.queue_figures(now())",
                    "select sms.claim_lookups(5, now(), now())", "select sms.unread_phones(5, null)", "select sms.note_phones('{}', '{}', '{}')", "select sms.end_expired(now(), 5)",
                ];
            foreach (var deed in deeds)
                Assert.Equal((deed, null), (deed, await Statement.FailureAsync(connection, deed)));

            Assert.Equal([0L], await OthersAsync());
        }
    }

    private static async Task<Guid> OneAsync(NpgsqlConnection connection, string table, Guid business) =>
        (await ListAsync<Guid>(connection, $"select id from {table} where business_id = '{business}' limit 1"))[0];

    private static async Task SignInAsync(NpgsqlConnection connection, Guid user, string role = "authenticated")
    {
        await Statement.RunAsync(connection, $"set role {role}");
        await Statement.RunAsync(connection, "select set_config('request.jwt.claims', $1, false)", $$"""{"sub": "{{user}}"}""");
    }

    /// <summary>A business of a user with a customer, a template, a message that waits and a scheduled send.</summary>
    private async Task<(Guid Business, Guid User)> TenantAsync(string name)
    {
        var user = Guid.NewGuid();
        var business = await Seed.BusinessAsync(user);
        await Seed.RowAsync(business, await Seed.CustomerAsync(business), Now);
        await Db.ExecuteAsync($"insert into email_templates (business_id, name, body) values ('{business}', '{name}', 'b')");
        await Db.ExecuteAsync($"insert into scheduled_sends (business_id, scheduled_for) values ('{business}', now())");
        return (business, user);
    }
}
