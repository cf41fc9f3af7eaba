using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Integration.Tests.Processes;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A login that owns its database and nothing else: it can make no roles and become none.</summary>
public sealed class PlainOwnerTests
{
    [Fact]
    public async Task The_whole_program_works_with_no_role_but_the_owner()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreatePlainDatabaseAsync();
        await using var silo = await SiloProcess.StartAsync(FourProcesses.Settings(database));
        silo.UseKey(FourProcesses.AdminKey);
        using var made = await silo.Http.PostAsJsonAsync(new Uri("/v1/businesses", UriKind.Relative), new { name = "Acme", timezone = "America/Chicago" });
        var business = JsonNode.Parse(await made.Content.ReadAsStringAsync())!;
        silo.UseKey(business["apiKey"]!.GetValue<string>());
        using var sent = await silo.Http.PostAsJsonAsync(
            new Uri($"/v1/businesses/{business["id"]}/messages", UriKind.Relative), new { to = "+15125550142", body = "Hello", category = "transactional" });
        Assert.Equal(HttpStatusCode.Accepted, sent.StatusCode);
        var message = JsonNode.Parse(await sent.Content.ReadAsStringAsync())!["id"]!.GetValue<string>();
        await Eventually.TrueAsync(async () =>
        {
            var read = JsonNode.Parse(await silo.Http.GetStringAsync(new Uri($"/v1/businesses/{business["id"]}/messages/{message}", UriKind.Relative)))!;
            return read["status"]!.GetValue<string>() is "delivered";
        });
        using var waits = await silo.Http.PostAsJsonAsync(
            new Uri($"/v1/businesses/{business["id"]}/messages", UriKind.Relative),
            new { to = "+15125550143", body = "Hello", category = "transactional", sendAt = "2099-01-01T00:00:00Z" });
        Assert.True(waits.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.UnprocessableEntity);

        // A front-end of the same kind joins.
        await using var frontEnd = await SiloProcess.StartAsync(FourProcesses.Settings(database), "Sms.Api");
    }

    [Fact]
    public async Task Row_security_holds_for_the_owner_itself()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreatePlainDatabaseAsync();
        await new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance).RunAsync(database.ConnectionString, CancellationToken.None);
        Assert.Equal(0, await new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance).RunAsync(database.ConnectionString, CancellationToken.None));
        var business = Guid.NewGuid();
        await database.ExecuteAsync(
            $"""
            insert into businesses (id, name) values ('{business}', 'Acme');
            insert into customers (id, business_id, phone, phone_e164) values ('{business}', '{business}', '+15125550142', '+15125550142');
            insert into sms.suppressions (business_id, phone, kind, created_at) values ('{business}', '+15125550142', 'opt_out', now());
            """);

        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        foreach (var (named, expected) in new[] { ("", 0L), (Guid.NewGuid().ToString(), 0L), (business.ToString(), 1L) })
        {
            await Statement.ListAsync<string>(connection, $"select set_config('sms.business_ids', '{named}', false)");
            foreach (var table in new[] { "businesses", "customers", "sms.suppressions" })
                Assert.Equal([expected], await Statement.ListAsync<long>(connection, $"select count(*) from {table}"));
        }
    }
}
