using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Sms.Integration.Tests.Postgres;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>Between the program and its database is a pooler, as many hosts of databases give it to people.</summary>
public sealed class PoolerTests
{
    [Fact]
    public async Task Everything_works_through_a_pooler_in_session_mode()
    {
        Assert.SkipUnless(PgBouncer.IsInstalled, "pgbouncer is not installed");
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await using var pooler = await PgBouncer.StartAsync(database, "session");
        var settings = FourProcesses.Settings(database);
        settings["ConnectionStrings__Sms"] = pooler.ConnectionString;
        settings["ConnectionStrings__SmsOwner"] = pooler.ConnectionString;
        settings["Sms__Database__MaxConnections"] = "8";

        await using var silo = await SiloProcess.StartAsync(settings);
        await using var frontEnd = await SiloProcess.StartAsync(settings, "Sms.Api");
        frontEnd.UseKey(FourProcesses.AdminKey);
        using var made = await frontEnd.Http.PostAsJsonAsync(new Uri("/v1/businesses", UriKind.Relative), new { name = "Acme", timezone = "America/Chicago" });
        Assert.True(made.StatusCode is HttpStatusCode.Created, await made.Content.ReadAsStringAsync());
        var business = JsonNode.Parse(await made.Content.ReadAsStringAsync())!["id"]!.GetValue<Guid>();
        for (var n = 0; n < 20; n++)
        {
            using var sent = await frontEnd.Http.PostAsJsonAsync(
                new Uri($"/v1/businesses/{business}/messages", UriKind.Relative), new { to = $"+1512555{200 + n:0000}", body = "Hello", category = "transactional" });
            Assert.True(sent.StatusCode is HttpStatusCode.Accepted, await sent.Content.ReadAsStringAsync());
        }

        await Eventually.TrueAsync(async () => await database.ScalarAsync<long>("select count(*) from send_logs where status = 'delivered'") == 20);
        // As the application's role and with the settings of its sessions: none of them came with the start.
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_stat_activity where datname = current_database() and usename <> 'sms' and usename <> 'postgres'"));
        Assert.Equal(0, await silo.StopAsync());
    }

    [Theory]
    [InlineData("Sms.Silo")]
    [InlineData("Sms.Silo", "--migrate-only")]
    [InlineData("Sms.Silo", "--migrate-plan")]
    [InlineData("Sms.Api")]
    public async Task A_pooler_in_transaction_mode_is_refused_in_one_line(string program, params string[] arguments)
    {
        Assert.SkipUnless(PgBouncer.IsInstalled, "pgbouncer is not installed");
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await using var pooler = await PgBouncer.StartAsync(database, "transaction");
        var settings = FourProcesses.Settings(database);
        settings["ConnectionStrings__Sms"] = pooler.ConnectionString;

        await using var process = SiloProcess.Launch(settings, program, arguments);

        Assert.Equal(1, await process.ExitAsync());
        Assert.Equal(
            "ConnectionStrings__Sms: leads to a pooler in transaction mode, where a connection has no session of its own; connect to the server itself, or to a pooler in session mode.",
            Assert.Single(process.Errors));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_namespace where nspname = 'sms'"));
    }
}
