using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

public sealed class MigrationTests : IAsyncLifetime
{
    private static readonly Migration First = new("001_first.sql", "create table public.first (id int);");
    private static readonly Migration Second = new("002_second.sql", "create table public.second (id int); insert into public.second values (1);");

    private TestDatabase? _database;

    private TestDatabase Db => _database ?? throw new InvalidOperationException("The database is made before the test.");

    public async ValueTask InitializeAsync() => _database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
    }

    [Fact]
    public async Task Four_silos_that_start_at_once_on_an_empty_database_apply_each_file_once()
    {
        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => RunAsync(Migration.All)));

        Assert.Equal(Migration.All.Count, applied.Sum());
        Assert.Equal(3, applied.Count(n => n == 0));
        Assert.Equal(Migration.All.Select(m => m.Name).ToArray(), await JournalAsync());
        Assert.Equal(0, await RunAsync(Migration.All));
    }

    [Fact]
    public async Task An_ordinary_owner_of_the_database_may_run_them()
    {
        await RunAsync(Migration.All);

        Assert.False(await Db.ScalarAsync<bool>("select rolsuper from pg_roles join pg_database on datdba = pg_roles.oid where datname = current_database()"));
        await using var connection = await Db.App.OpenConnectionAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["sms_app"], await Statement.ListAsync<string>(connection, "select current_user::text"));
        Assert.Equal(["sms_drain"], await Statement.ListAsync<string>(connection, "select set_config('role', 'sms_drain', true)"));
    }

    [Fact]
    public async Task A_superuser_may_run_them()
    {
        Assert.Equal(Migration.All.Count, await RunAsync(Migration.All, Db.AdminConnectionString));
        Assert.Equal(0, await RunAsync(Migration.All, Db.AdminConnectionString));

        // The superuser gets the extension, the ordinary owner a function of the same effect.
        Assert.True(await Db.ScalarAsync<bool>("select exists (select 1 from pg_extension where extname = 'moddatetime')"));
        await SchemaTests.AssertUpdatesAreNotedAsync(Db);
    }

    [Fact]
    public async Task They_find_moddatetime_where_extensions_have_a_schema_of_their_own()
    {
        await Db.ExecuteAsync("create schema extensions");
        await Db.ExecuteAsync("grant usage on schema extensions to public");
        await Db.ExecuteAsync("create extension moddatetime schema extensions");

        await RunAsync(Migration.All);

        Assert.Equal("extensions.moddatetime", await Db.ScalarAsync<string>(
            "select tgfoid::regproc::text from pg_trigger where tgname = 'sms_retry_queue_updated_at'"));
    }

    [Fact]
    public async Task A_file_that_was_edited_after_it_was_applied_is_refused_by_name()
    {
        await RunAsync([First, Second]);

        var refusal = await Assert.ThrowsAsync<MigrationException>(() => RunAsync([First, Second with { Sql = Second.Sql + "\n-- better" }]));

        Assert.StartsWith("002_second.sql was changed", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public async Task Line_ends_are_no_edit()
    {
        var lines = First with { Sql = "create table public.first (\n id int);\n" };
        await RunAsync([lines]);

        Assert.Equal(0, await RunAsync([new Migration(lines.Name, lines.Sql.Replace("\n", "\r\n", StringComparison.Ordinal))]));
    }

    [Fact]
    public async Task A_database_of_a_newer_program_is_refused()
    {
        await RunAsync([First, Second]);

        var refusal = await Assert.ThrowsAsync<MigrationException>(() => RunAsync([First, new Migration("003_mine.sql", "create table public.mine ();")]));

        Assert.Contains("002_second.sql", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("newer", refusal.Message, StringComparison.Ordinal);
        Assert.Null(await Db.ScalarAsync<string>("select to_regclass('public.mine')::text"));
    }

    [Fact]
    public async Task A_failing_file_leaves_nothing_behind_and_says_which_and_why()
    {
        var bad = new Migration("002_second.sql", "create table public.second (id int); insert into public.second values (1); select 1 / 0;");

        var refusal = await Assert.ThrowsAsync<MigrationException>(() => RunAsync([First, bad, new Migration("003_third.sql", "create table public.third ();")]));

        Assert.Contains("002_second.sql", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(PostgresErrorCodes.DivisionByZero, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["001_first.sql"], await JournalAsync());
        Assert.Equal("first", await Db.ScalarAsync<string>("select string_agg(relname, ',') from pg_class where relnamespace = 'public'::regnamespace"));

        // Mended, it goes on where it stood.
        Assert.Equal(1, await RunAsync([First, Second]));
    }

    [Fact]
    public async Task A_file_that_fails_at_its_commit_leaves_nothing_behind_either()
    {
        var bad = new Migration(
            "002_late.sql",
            """
            create table public.parent (id int primary key);
            create table public.child (id int references public.parent deferrable initially deferred);
            insert into public.child values (1);
            """);

        var refusal = await Assert.ThrowsAsync<MigrationException>(() => RunAsync([First, bad]));

        Assert.Contains(PostgresErrorCodes.ForeignKeyViolation, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["001_first.sql"], await JournalAsync());
        Assert.Null(await Db.ScalarAsync<string>("select to_regclass('public.parent')::text"));
    }

    [Fact]
    public async Task Limits_that_are_set_for_the_database_do_not_cut_them_short()
    {
        await Db.ExecuteAsync(
            """
            do $$ begin
              execute format('alter database %I set statement_timeout = %L', current_database(), '1h');
              execute format('alter database %I set idle_in_transaction_session_timeout = %L', current_database(), '1h');
            end $$
            """);

        Assert.Equal(1, await RunAsync([new Migration(
            "001_limits.sql",
            """
            do $$ begin
              if current_setting('statement_timeout') <> '0' or current_setting('idle_in_transaction_session_timeout') <> '0' then
                raise exception 'there is a limit';
              end if;
            end $$
            """)]));
    }

    [Fact]
    public async Task The_first_file_that_fails_leaves_not_even_the_journal()
    {
        await Assert.ThrowsAsync<MigrationException>(() => RunAsync([First with { Sql = "select 1 / 0" }]));

        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from pg_namespace where nspname = 'sms'"));
    }

    [Fact]
    public async Task A_plan_names_what_is_pending_and_changes_nothing()
    {
        var runner = new MigrationRunner([First, Second], NullLogger<MigrationRunner>.Instance);
        Assert.Equal([First, Second], await runner.PlanAsync(Db.ConnectionString, TestContext.Current.CancellationToken));
        Assert.Equal(0, await Db.ScalarAsync<long>("select count(*) from pg_namespace where nspname = 'sms'"));

        await RunAsync([First]);
        Assert.Equal([Second], await runner.PlanAsync(Db.ConnectionString, TestContext.Current.CancellationToken));
        Assert.Equal(["001_first.sql"], await JournalAsync());
        await Assert.ThrowsAsync<MigrationException>(() => new MigrationRunner([Second], NullLogger<MigrationRunner>.Instance)
            .PlanAsync(Db.ConnectionString, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Each_file_says_in_a_sentence_what_it_is() => Assert.All(Migration.All, m => Assert.InRange(m.Title.Length, 10, 200));

    [Fact]
    public async Task A_marked_file_runs_outside_a_transaction_while_other_silos_wait_their_turn()
    {
        var index = new Migration("002_index.sql", $"{Migration.OutsideTransactionMarker}\ncreate index concurrently first_id on public.first (id);");

        // "create index concurrently" waits for every older snapshot: a runner that waited inside the server would be one.
        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => RunAsync([First, index])));

        Assert.Equal(2, applied.Sum());
        Assert.True(await Db.ScalarAsync<bool>("select indisvalid from pg_index where indexrelid = 'public.first_id'::regclass"));
        Assert.Equal(0, await RunAsync([First, index]));
    }

    [Fact]
    public async Task The_same_file_without_the_mark_is_refused_by_the_server()
    {
        var refusal = await Assert.ThrowsAsync<MigrationException>(
            () => RunAsync([First, new Migration("002_index.sql", "create index concurrently first_id on public.first (id);")]));

        Assert.Contains(PostgresErrorCodes.ActiveSqlTransaction, refusal.Message, StringComparison.Ordinal);
    }

    private Task<int> RunAsync(IReadOnlyList<Migration> migrations, string? connectionString = null) =>
        new MigrationRunner(migrations, NullLogger<MigrationRunner>.Instance)
            .RunAsync(connectionString ?? Db.ConnectionString, TestContext.Current.CancellationToken);

    private async Task<string[]> JournalAsync() =>
        await Db.ScalarAsync<string[]>("select array_agg(name order by applied_at, name) from sms.migrations") ?? [];
}
