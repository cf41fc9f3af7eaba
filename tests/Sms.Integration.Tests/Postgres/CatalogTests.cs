using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Who may do what, by the catalog: a function or a table that is added later is looked at too.</summary>
public sealed class CatalogTests : DatabaseTest
{
    private const string Path = "search_path=pg_catalog, pg_temp";

    /// <summary>What the program's statements call in the name of businesses.</summary>
    private const string OfBusinesses =
        """
        accept_messages add_api_key add_customer add_opt_out begin_attempts business_ids cancel_message cancel_messages cancel_waiting change_customer
        claim_crowded consent_for consent_word erase_customer find_api_keys hold_due is_lost lift_withdrawal lock_recipient lookup_claims
        lookup_sends plain plan_change record_consent release_claims release_stopped remove_suppression replan
        retry_message settle_attempts wait_cause
        """;

    /// <summary>What they call in the name of nobody, for all businesses.</summary>
    private const string OfTheQueue =
        """
        analyze_grown apply_callbacks apply_inbound blackout_calendar blackouts_at blank_bodies claim_due_sms_retries claim_lookups claim_unreported claimed_in_vain
        crowded_recipients end_expired expire_attempts find_message find_messages_to finish_erasure finish_opt_out fold_counts list_blackout_history list_businesses next_due
        note_phones opt_outs_to_finish postpone_lookup postpone_report probe_stopped put_blackout queue_figures recover_stuck_sms_retries release_unpaused remove_blackout renew_leases replan_outdated
        requeue_lost settle_lookup unread_phones
        """;

    /// <summary>What the application may do to each table, view and sequence.</summary>
    private static readonly string[] Rights =
    [
        "orleans.cluster_member delete insert select update", "orleans.cluster_version delete insert select update", "orleans.grain_state delete insert select update",
        "orleans.orleansquery select", "orleans.reminder delete insert select update",
        "public.businesses insert select update", "public.customers insert select update", "public.email_templates select", "public.send_logs select update",
        "public.sms_retry_queue insert select update",
        "sms.api_keys insert select update", "sms.attempts select", "sms.blackout_history select", "sms.business_history select", "sms.consent_events insert select", "sms.consent_order usage",
        "sms.count_changes select", "sms.erasures select", "sms.event_order usage", "sms.idempotency_keys select", "sms.message_counts select",
        "sms.message_events insert select", "sms.message_states select", "sms.messages select", "sms.queue_changes select", "sms.queue_counts select",
        "sms.sender_opt_outs select", "sms.suppressions delete insert select update", "sms.templates select", "sms.timeline select",
        "sms.unfinished_opt_outs insert", "sms.usage select",
    ];

    [Fact]
    public async Task Every_function_has_the_path_on_which_nobody_puts_a_type_or_needs_none()
    {
        await using var connection = await ConnectAsync();

        // An empty path would not do: a session's own temporary types are found before all others then.
        Assert.Empty(await ListAsync<string>(
            connection,
            """
            select p.oid::regprocedure::text from pg_proc p
            where p.pronamespace in (select oid from pg_namespace where nspname in ('public', 'sms', 'orleans', 'auth'))
              and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
              and not coalesce($1 = any (p.proconfig), false)
              and (p.prosecdef or array_to_string(p.proconfig, ',') like '%search_path=%'
                -- The body of the first sort was bound when it was made. The second is put where it is called by the planner,
                -- which it would not be with a setting; its names are all in full.
                or p.prosqlbody is null and p.proname not in ('recipient_facts', 'wait_cause'))
            """,
            Path));
    }

    [Theory]
    [InlineData("sms_app", OfBusinesses)]
    [InlineData("sms_drain", OfTheQueue)]
    public async Task A_role_may_call_what_the_program_calls_in_its_name_and_nothing_else(string role, string functions)
    {
        await using var connection = await ConnectAsync();

        Assert.Equal(
            functions.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries),
            await ListAsync<string>(
                connection,
                """
                select distinct p.proname::text collate "C" from pg_proc p
                where (p.pronamespace = 'sms'::regnamespace or p.proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries'))
                  and has_function_privilege($1, p.oid, 'execute')
                order by 1
                """,
                role));
    }

    [Fact]
    public async Task Of_functions_with_their_owners_rights_the_application_has_those_that_ask_whose_it_works_for()
    {
        await using var connection = await ConnectAsync();

        // One of the others is told a secret and says whose it is; one locks what nobody else can.
        Assert.Equal(
            [
                "accept_messages true", "begin_attempts true", "erase_customer true", "find_api_keys false", "lock_recipient false", "lookup_claims true",
                "lookup_sends true", "remove_suppression true", "settle_attempts true",
            ],
            await ListAsync<string>(
                connection,
                """
                select p.proname || ' ' || (p.prosrc like '%sms.business_ids()%') from pg_proc p
                where p.prosecdef and p.pronamespace in ('sms'::regnamespace, 'public'::regnamespace) and has_function_privilege('sms_app', p.oid, 'execute')
                order by 1
                """));
    }

    [Fact]
    public async Task The_application_has_the_rights_of_its_statements_on_each_table()
    {
        await using var connection = await ConnectAsync();

        Assert.Equal(Rights, await ListAsync<string>(
            connection,
            """
            select n.nspname || '.' || c.relname || ' ' || string_agg(lower(g.privilege_type), ' ' order by lower(g.privilege_type))
            from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
            where n.nspname in ('public', 'sms', 'orleans', 'auth') and g.grantee in ('sms_app'::regrole, 'sms_drain'::regrole)
            group by n.nspname, c.relname
            order by (n.nspname || '.' || c.relname) collate "C"
            """));
    }

    [Fact]
    public async Task Nobody_but_the_owner_makes_temporary_objects()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        Assert.True(await MayMakeAsync(database, "authenticated"));

        await database.MigrateAsync();

        foreach (var role in new[] { "anon", "authenticated", "service_role", "sms_app", "sms_drain" })
            Assert.False(await MayMakeAsync(database, role), role);
        Assert.True(await MayMakeAsync(database, "login"));
    }

    [Fact]
    public async Task A_login_that_does_not_own_the_database_leaves_that_to_its_owner()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsync(
            """
            do $$
            declare
              v_login constant name := (select d.datdba::regrole::name from pg_database d where d.datname = current_database());
            begin
              execute format('alter database %I owner to current_user', current_database());
              execute format('grant create on database %I to %I', current_database(), v_login);
              execute format('grant create on schema public to %I', v_login);
            end $$
            """);

        await database.MigrateAsync();

        Assert.True(await MayMakeAsync(database, "authenticated"));
    }

    /// <param name="database">Whose rights are asked for.</param>
    /// <param name="role">A role; login: who migrated it.</param>
    private static async Task<bool> MayMakeAsync(TestDatabase database, string role) => await database.ScalarAsync<bool>(
        "select has_database_privilege($1, current_database(), 'temporary')",
        role is "login" ? new NpgsqlConnectionStringBuilder(database.ConnectionString).Username : role);
}
