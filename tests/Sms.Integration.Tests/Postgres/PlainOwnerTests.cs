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
    public async Task Where_nothing_of_Supabase_is_and_nothing_may_be_made_an_old_business_texts_all_the_same()
    {
        await using var server = await PostgresServer.StartAsync(bare: true);
        await using var database = await server.CreatePlainDatabaseAsync();
        await database.ExecuteAsOwnerAsync(
            """
            create table public.businesses (id uuid primary key default gen_random_uuid(), name text not null);
            create table public.contacts (id uuid primary key, business_id uuid not null references public.businesses (id), email text not null, phone text);
            create table public.send_logs (
              id uuid primary key default gen_random_uuid(), business_id uuid not null references public.businesses (id),
              contact_id uuid not null references public.contacts (id), status text not null, updated_at timestamptz not null);
            create function public.touch() returns trigger language plpgsql as $f$ begin new.updated_at := now(); return new; end $f$;
            create trigger touch before update on public.send_logs for each row execute function public.touch();
            insert into public.businesses values (md5('b1')::uuid, 'One');
            insert into public.contacts values (md5('c1')::uuid, md5('b1')::uuid, '1@example.com', '512-555-0142');
            insert into public.send_logs (business_id, contact_id, status, updated_at) values (md5('b1')::uuid, md5('c1')::uuid, 'sent', '2026-01-01');
            """);

        await using var silo = await SiloProcess.StartAsync(FourProcesses.Settings(database));
        silo.UseKey(FourProcesses.AdminKey);
        Assert.Equal(0, await database.ScalarAsync<long>(
            "select count(*) from pg_roles where rolname in ('anon', 'authenticated', 'service_role', 'sms_app', 'sms_drain')"));
        Assert.Equal(1, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id = contact_id and updated_at = '2026-01-01'"));
        var (business, customer) = (await database.ScalarAsync<Guid>("select md5('b1')::uuid"), await database.ScalarAsync<Guid>("select md5('c1')::uuid"));
        using var sent = await silo.Http.PostAsJsonAsync(
            new Uri($"/v1/businesses/{business}/messages", UriKind.Relative), new { customerId = customer, body = "Hello", category = "transactional" });
        Assert.True(sent.StatusCode is HttpStatusCode.Accepted, await sent.Content.ReadAsStringAsync());
        await Eventually.TrueAsync(async () => await database.ScalarAsync<long>("select count(*) from send_logs where channel = 'sms' and status = 'delivered'") == 1);
        await SchemaTests.AssertUpdatesAreNotedAsync(database);
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
