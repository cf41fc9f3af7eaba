using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Domain.Failures;
using Sms.Domain.Phones;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Postgres;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>
/// The cost of a send depends on no history. Everything that the program asks of the database is asked here, in businesses
/// with a past, and each plan is looked at: of every statement, of every function and trigger.
/// </summary>
public sealed class PastTests
{
    private const int Businesses = 6, Each = 6000, MostRows = 80;

    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 18, 0);

    /// <summary>What reads a table whole, or much of it, and why it may.</summary>
    private static readonly (string Words, string Table)[] Whole =
    [
        // Sums over all that was not folded yet; folding keeps them short.
        ("from sms.queue_counts c union all", "queue_counts"),
        ("from sms.queue_counts c union all", "queue_changes"),
        ("from sms.count_changes c limit p_limit", "count_changes"),
        ("from sms.queue_changes c limit p_limit", "queue_changes"),
        ("from sms.message_counts m", "count_changes"),
        ("from sms.message_counts m", "queue_changes"),
        ("from sms.message_counts m", "queue_counts"),
        // What is in hand now, and what nobody knows the outcome of.
        ("from public.sms_retry_queue q where q.status = 'processing' and q.fault_count >= 0", "sms_retry_queue"),
        ("from sms.attempts a where a.state = 'unknown'", "attempts"),
        ("where a.state = 'open' and a.leave_by <", "attempts"),
        ("where q.status = 'processing' and q.fault_count >= 0 and coalesce(q.lease_until", "sms_retry_queue"),
        ("where q.status = 'processing' and q.fault_count >= 0 and coalesce(q.lease_until", "attempts"),
        // Messages are deleted with their business alone: their finished rows in the queue have no index by message.
        ("DELETE FROM ONLY \"public\".\"sms_retry_queue\"", "sms_retry_queue"),
        ("s.state = 'unknown'", "attempts"), ("s.state = 'unknown'", "send_logs"), ("s.state = 'unknown'", "sms_retry_queue"),
        // A list is also filtered by what no index has: that is asked of one message after the other.
        .. from words in new[] { "m.waits_for = any", "m.error_code = any", "m.error_class = any", "m.category = any", "m.metadata ->>", "m.updated_at >=" }
           from table in new[] { "send_logs", "sms_retry_queue", "message_states", "attempts" }
           select (words, table),
        // One row, and a few.
        ("sms.blackout_revision", "blackout_revision"),
        ("sms.blackouts", "blackouts"),
        ("sms.blackout_history x where x.revision <= p_revision", "blackout_history"),
    ];

    /// <summary>Functions that no statement on the way of a send calls.</summary>
    private static readonly string[] Apart =
    [
        // Put where they are called by the planner.
        "business_ids", "is_sender_of", "consent_word", "recipient_facts", "wait_cause",
        // Refuse what they are called for.
        "refuse_acceptance", "refuse_from_outside", "refuse_others_people",
        // Of migrations; of emptied tables; the program's own look at its tables.
        "still_triggers", "give_identity", "count_emptied", "analyze_grown",
    ];

    /// <summary>What is left to do when somebody else has a row locked or the database refuses it; and a sequence's place. They read no rows.</summary>
    private static readonly string[] Locked = ["insertintosms.unfinished_opt_outs(", "updatesms.unfinished_opt_outst", "updatesms.erasurestsetnext_at", "selectt.last_valuefromsms.claim_turn"];

    public enum Known
    {
        /// <summary>The tables are analyzed as they are.</summary>
        All,

        /// <summary>No table was ever analyzed.</summary>
        Nothing,

        /// <summary>Plans were made before there was anything, and are kept.</summary>
        NothingByKeptPlans,

        /// <summary>The tables were analyzed when they were empty, and plans were made with that, and are kept.</summary>
        EmptyTablesByKeptPlans,

        /// <summary>The tables were analyzed at night: nothing waited, and no attempt was under way.</summary>
        NothingUnderWay,

        /// <summary>The tables were analyzed when they had a few rows, and plans were made with that, and are kept.</summary>
        FewRowsByKeptPlans,
    }

    [Theory]
    [InlineData(Known.All, true)]
    [InlineData(Known.Nothing, true)]
    [InlineData(Known.NothingByKeptPlans, true)]
    [InlineData(Known.EmptyTablesByKeptPlans, true)]
    [InlineData(Known.FewRowsByKeptPlans, true)]
    [InlineData(Known.NothingUnderWay, true)]
    [InlineData(Known.All, false)]
    [InlineData(Known.EmptyTablesByKeptPlans, false)]
    public async Task No_statement_reads_more_than_what_it_is_asked_for_whatever_is_known_of_the_tables(Known known, bool withRoles)
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = withRoles ? await server.CreateDatabaseAsync() : await server.CreatePlainDatabaseAsync();
        if (!withRoles)
            await new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance).RunAsync(database.ConnectionString, TestContext.Current.CancellationToken);
        Assert.SkipUnless(await database.ScalarAsync<bool>("select exists (select from pg_available_extension_versions where name = 'pg_stat_statements')"), "This PostgreSQL has no auto_explain.");
        await CapturedPlans.ArrangeAsync(database);
        using var plans = new CapturedPlans();
        await using var source = Connect(database, plans, withRoles);

        if (known is Known.EmptyTablesByKeptPlans)
            await database.ExecuteAsync("analyze");
        if (known is Known.NothingByKeptPlans or Known.EmptyTablesByKeptPlans or Known.FewRowsByKeptPlans)
        {
            await Past.AddAsync(database, businesses: 3, each: 60, Now);
            if (known is Known.FewRowsByKeptPlans)
                await database.ExecuteAsync("analyze");
            // Twice: the second time the driver prepares them.
            using (var calls = new EveryCall(database, source, withRoles, Now))
            {
                await calls.RunAsync();
                await calls.RunAsync();
            }
        }

        await Past.AddAsync(database, Businesses, Each, Now);
        if (known is Known.All)
            await database.ExecuteAsync("analyze");
        if (known is Known.NothingUnderWay)
            await Past.AnalyzeAtNightAsync(database);
        plans.Clear();
        using var every = new EveryCall(database, source, withRoles, Now);
        await every.RunAsync();

        var faults = string.Join('\n', [.. await FaultsAsync(database, plans), .. await UnaskedAsync(database, plans)]);
        Assert.True(faults.Length == 0, faults);
    }

    private static async Task<IEnumerable<string>> FaultsAsync(TestDatabase database, CapturedPlans plans)
    {
        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync();
        var keys = await Statement.ListAsync<string[]>(
            connection,
            """
            select array[c.relname] || array(select pg_get_indexdef(i.indexrelid, k, true) from generate_series(1, i.indnkeyatts) k)
            from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace in ('public'::regnamespace, 'sms'::regnamespace)
            """);
        var tables = await Statement.ListAsync<string>(
            connection, "select c.relname::text from pg_class c where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'sms'::regnamespace)");
        var rules = new PlanRules(
            keys.ToDictionary(k => k[0], k => k[1..], StringComparer.Ordinal), tables.ToHashSet(StringComparer.Ordinal), MostRows, Whole);
        return plans.Plans.SelectMany(rules.Faults).Distinct(StringComparer.Ordinal);
    }

    /// <summary>Functions that were not called, and statements in those that were that did not run.</summary>
    private static async Task<IEnumerable<string>> UnaskedAsync(TestDatabase database, CapturedPlans plans)
    {
        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync();
        var functions = await Statement.ListAsync<string[]>(
            connection,
            """
            select array[p.proname::text, p.prosrc]
            from pg_proc p join pg_language l on l.oid = p.prolang and l.lanname in ('plpgsql', 'sql')
            where p.pronamespace = 'sms'::regnamespace
              or p.pronamespace = 'public'::regnamespace and p.proname in ('claim_due_sms_retries', 'recover_stuck_sms_retries')
            """);
        var ran = plans.Plans.Select(p => Bare(p.GetProperty("Query Text").GetString()!)).Distinct(StringComparer.Ordinal).ToList();
        return functions
            .Where(f => !Apart.Contains(f[0], StringComparer.Ordinal))
            .SelectMany(f => Regex.Split(CapturedPlans.Words(f[1]), @";|\bbegin\b|\bthen\b|\bloop\b|\belse\b|:=|\breturn query\b", RegexOptions.None, TimeSpan.FromSeconds(5))
                .Where(part => Regex.IsMatch(part, @"\b(?:from|join|update|into) (?:public|sms)\.\w+(?! ?\()", RegexOptions.None, TimeSpan.FromSeconds(5)))
                .Select(part => (Function: f[0], Part: Bare(part))))
            .Where(s => !Locked.Any(l => s.Part.StartsWith(l, StringComparison.Ordinal)) && !ran.Exists(text => text.Contains(s.Part[^Math.Min(s.Part.Length, 60)..], StringComparison.OrdinalIgnoreCase)))
            .Select(s => $"{s.Function} did not run: {s.Part}");

        // plpgsql takes out where a row goes to, and runs "perform" as a select.
        static string Bare(string sql) => Regex.Replace(
            CapturedPlans.Words(sql), @"\binto (?!public\.|sms\.)\w+(?:, ?\w+)*|^perform\b", m => m.Value is "perform" ? "select" : "", RegexOptions.None, TimeSpan.FromSeconds(5))
            .Replace(" ", "", StringComparison.Ordinal);
    }

    /// <summary>One connection, as the program makes it: what it prepared it keeps.</summary>
    private static NpgsqlDataSource Connect(TestDatabase database, CapturedPlans plans, bool withRoles)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            SearchPath = "public,orleans",
            Pooling = true,
            MaxPoolSize = 1,
            MaxAutoPrepare = 100,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true,
            Options = $"-c jit=off -c plan_cache_mode=force_generic_plan{(withRoles ? " -c role=sms_app" : "")}",
        };
        return new NpgsqlDataSourceBuilder(settings.ConnectionString).UseLoggerFactory(plans).Build();
    }
}
