using Npgsql;
using Sms.Integration.Tests.Postgres;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>The program told to migrate, or to say what it would, as a deployment does it: no key, no provider.</summary>
public sealed class MigrateTests
{
    [Fact]
    public async Task A_plan_changes_nothing_then_the_files_are_applied_and_nothing_is_left_to_apply()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();

        var (code, output, errors) = await RunAsync(database, "--migrate-plan");
        Assert.Equal((0, ""), (code, errors));
        Assert.All(Migration.All, m => Assert.Contains($"{m.Name}", output, StringComparison.Ordinal));
        Assert.Contains($"Would apply {Migration.All.Count} of {Migration.All.Count} files. Nothing was changed.", output, StringComparison.Ordinal);
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_namespace where nspname in ('sms', 'auth', 'orleans')"));

        (code, output, errors) = await RunAsync(database, "--migrate-only");
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains($"Applied {Migration.All.Count} of {Migration.All.Count} files.", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Ready", output, StringComparison.Ordinal);

        foreach (var argument in new[] { "--migrate-plan", "--migrate-only" })
        {
            (code, output, _) = await RunAsync(database, argument);
            Assert.Equal((0, "Nothing to apply: the database has this program's schema."), (code, output.Split('\n')[^1]));
        }
    }

    [Fact]
    public async Task A_database_of_a_newer_program_stops_the_start_with_one_line()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await database.ExecuteAsync("insert into sms.migrations (name, checksum) values ('999_from_the_future.sql', 'x')");

        foreach (string[] arguments in new string[][] { [], ["--migrate-only"], ["--migrate-plan"] })
        {
            var (code, _, errors) = await RunAsync(database, arguments);
            Assert.Equal(
                (1, "The database is newer than this program: it has 999_from_the_future.sql, which this program does not know. Start a newer version."),
                (code, errors));
        }
    }

    [Fact]
    public async Task What_cannot_be_adopted_stops_the_start_with_one_line_and_leaves_nothing()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync("create table public.customers (id bigint primary key, phone text); insert into public.customers values (1, '+15125550100')");

        var (code, _, errors) = await RunAsync(database);

        Assert.Equal(1, code);
        Assert.StartsWith("001_base_tables.sql failed: this database cannot be adopted as it is: public.customers.id is of type bigint", errors, StringComparison.Ordinal);
        Assert.EndsWith("Nothing of it was kept. Mend the cause and start again.", errors, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', errors);
        Assert.Equal("customers", await database.ScalarAsync<string>("select string_agg(relname, ' ') from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"));
    }

    [Fact]
    public async Task Both_at_once_are_refused()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();

        var (code, output, errors) = await RunAsync(database, "--migrate-only", "--migrate-plan");

        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("--migrate-plan goes without --migrate-only.", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_owner_of_its_own_lets_the_applications_login_in()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateEmptyDatabaseAsync();
        var login = $"app_{Guid.NewGuid():N}";
        await database.ExecuteAsync($"create role {login} login password 'app'");
        try
        {
            var settings = FourProcesses.Settings(database);
            settings["ConnectionStrings__SmsOwner"] = database.ConnectionString;
            settings["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = login, Password = "app", Pooling = true }.ConnectionString;
            await using var silo = await SiloProcess.StartAsync(settings);
            silo.UseKey(FourProcesses.AdminKey);
            using var made = await silo.Http.PostAsync(new Uri("/v1/businesses", UriKind.Relative), Api.ApiClient.Json("""{"name":"Acme"}"""));
            Assert.Equal(System.Net.HttpStatusCode.Created, made.StatusCode);
            Assert.Equal(0, await database.ScalarAsync<long>($"select count(*) from pg_class where relowner = '{login}'::regrole"));
        }
        finally
        {
            await database.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", login);
            await database.ExecuteAsync($"drop role {login}");
        }
    }

    /// <returns>The exit code, and what it wrote to each stream.</returns>
    private static async Task<(int Code, string Output, string Errors)> RunAsync(TestDatabase database, params string[] arguments)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["ConnectionStrings__Sms"] = database.ConnectionString };
        if (arguments.Length == 0)
            settings["SMS_API"] = "off";
        await using var silo = SiloProcess.Launch(settings, "Sms.Silo", arguments);
        var code = await silo.ExitAsync();
        var errors = string.Join('\n', silo.Errors);
        return (code, string.Join('\n', silo.Output.Split('\n').Where(l => !silo.Errors.Contains(l, StringComparer.Ordinal))), errors);
    }
}
