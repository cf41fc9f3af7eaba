using Npgsql;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class ServerCheckTests : DatabaseTest
{
    [Fact]
    public async Task A_server_with_fsync_off_is_refused_unless_allowed()
    {
        // The tests' own server flushes nothing.
        var fault = await ServerCheck.FindFaultAsync(Db.App, allowUnsafe: false, TestContext.Current.CancellationToken);

        Assert.Contains("fsync", fault, StringComparison.Ordinal);
        Assert.StartsWith("Sms__Database__AllowUnsafe", fault, StringComparison.Ordinal);
        Assert.Null(await ServerCheck.FindFaultAsync(Db.App, allowUnsafe: true, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_server_with_synchronous_commit_off_is_refused_unless_allowed()
    {
        await using var server = await PretendAsync(fsync: "on", synchronousCommit: "off", version: 150_000);

        var fault = await ServerCheck.FindFaultAsync(server, allowUnsafe: false, TestContext.Current.CancellationToken);

        Assert.Contains("synchronous_commit", fault, StringComparison.Ordinal);
        Assert.Null(await ServerCheck.FindFaultAsync(server, allowUnsafe: true, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_durable_server_of_the_least_version_will_do()
    {
        await using var server = await PretendAsync(fsync: "on", synchronousCommit: "on", version: 150_000);

        Assert.Null(await ServerCheck.FindFaultAsync(server, allowUnsafe: false, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_old_server_is_refused_even_for_tests()
    {
        await using var server = await PretendAsync(fsync: "on", synchronousCommit: "on", version: 140_099);

        var fault = await ServerCheck.FindFaultAsync(server, allowUnsafe: true, TestContext.Current.CancellationToken);

        Assert.Equal("ConnectionStrings__Sms: the server is PostgreSQL 14; 15 or later is needed.", fault);
    }

    [Fact]
    public async Task A_superuser_is_refused_even_for_tests()
    {
        await using var server = NpgsqlDataSource.Create(Db.AdminConnectionString);

        var fault = await ServerCheck.FindFaultAsync(server, allowUnsafe: true, TestContext.Current.CancellationToken);

        Assert.Contains("superuser", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_bypasses_row_security_is_refused_even_for_tests()
    {
        var role = $"bypass_{Guid.NewGuid():N}";
        await Db.ExecuteAsync($"create role {role} nologin nosuperuser bypassrls");
        try
        {
            await using var server = NpgsqlDataSource.Create(
                new NpgsqlConnectionStringBuilder(Db.AdminConnectionString) { Options = $"-c role={role}" }.ConnectionString);

            var fault = await ServerCheck.FindFaultAsync(server, allowUnsafe: true, TestContext.Current.CancellationToken);

            Assert.Contains("bypasses row security", fault, StringComparison.Ordinal);
        }
        finally
        {
            await Db.ExecuteAsync($"drop role {role}");
        }
    }

    /// <summary>The same server, which says other things of itself: a function that comes before the built-in one.</summary>
    private async Task<NpgsqlDataSource> PretendAsync(string fsync, string synchronousCommit, int version)
    {
        await Db.ExecuteAsync(
            $"""
            create schema pretence;
            grant usage on schema pretence to sms_app;
            create function pretence.current_setting(text) returns text language sql stable as
            $f$ select case $1 when 'fsync' then '{fsync}' when 'synchronous_commit' then '{synchronousCommit}'
              when 'server_version_num' then '{version}' else pg_catalog.current_setting($1) end $f$;
            """);
        return NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(Db.ConnectionString)
        {
            Options = "-c role=sms_app",
            SearchPath = "pretence,pg_catalog",
        }.ConnectionString);
    }
}
