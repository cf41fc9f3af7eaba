using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sms.Integration.Tests.Processes;
using Sms.Silo.Postgres;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A database of the e-mail product is taken over with all that is in it.</summary>
public sealed class AdoptionTests
{
    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.ContactsView)]
    [InlineData(OriginShape.Customers)]
    public async Task Every_row_column_policy_and_default_stays_and_a_second_start_changes_nothing(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, shape, logs: 10_000);
        var columns = await OriginDatabase.ColumnsAsync(database);
        var (picture, furniture) = (await OriginDatabase.PictureAsync(database, columns), await OriginDatabase.FurnitureAsync(database));

        Assert.NotEqual(0, await MigrateAsync(database));
        Assert.Equal(0, await MigrateAsync(database));

        Assert.Equal(picture, await OriginDatabase.PictureAsync(database, columns));
        Assert.Empty(furniture.Except(await OriginDatabase.FurnitureAsync(database), StringComparer.Ordinal));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from send_logs where channel <> 'email' or customer_id is null"));
        Assert.Equal(200, await database.ScalarAsync<long>("select count(*) from customers"));
        Assert.Equal("NO", await database.ScalarAsync<string>(
            "select is_nullable from information_schema.columns where table_name = 'send_logs' and column_name = 'customer_id'"));
        Assert.Equal(0, await database.ScalarAsync<long>(
            "select count(*) from pg_constraint where not convalidated") + await database.ScalarAsync<long>("select count(*) from pg_index where not indisvalid"));
        if (shape is not OriginShape.Customers)
            Assert.Equal(10_000, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id = contact_id"));
    }

    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.ContactsView)]
    [InlineData(OriginShape.Customers)]
    public async Task The_email_writers_go_on_as_before(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, shape, logs: 10);
        await MigrateAsync(database);
        var (people, person) = (shape == OriginShape.Contacts ? "contacts" : "customers", shape == OriginShape.Customers ? "customer_id" : "contact_id");

        await database.ExecuteAsOwnerAsync(
            $"""
            insert into {people} (id, business_id, name, email, phone, source) values (md5('new')::uuid, md5('b1')::uuid, 'New', 'new@example.com', '512-555-7777', 'form');
            insert into send_logs (business_id, {person}, status, subject) values (md5('b1')::uuid, md5('new')::uuid, 'bounced', 'Hi');
            update {people} set phone = '(512) 555-8888' where id = md5('new')::uuid;
            """);

        Assert.Equal("email", await database.ScalarAsync<string>("select channel from send_logs where customer_id = md5('new')::uuid"));
        Assert.Equal("(512) 555-8888", await database.ScalarAsync<string>("select phone from customers where id = md5('new')::uuid"));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsOwnerAsync(
            $"insert into send_logs (business_id, {person}, status, subject) values (md5('b1')::uuid, md5('new')::uuid, 'nonsense', 'Hi')"));
        Assert.Equal("send_logs_status_check", refused.ConstraintName);
    }

    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.ContactsView)]
    [InlineData(OriginShape.Customers)]
    public async Task An_old_business_texts_its_old_customers(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        var business = await OriginDatabase.FillAsync(database, shape, logs: 100);
        var settings = FourProcesses.Settings(database);
        await using var silo = await SiloProcess.StartAsync(settings);
        silo.UseKey(FourProcesses.AdminKey);
        // Persons 2, 12, 22 …: a number in E.164; 6, 16 …: one in national writing; 4, 14 …: all the same number; 8: words.
        await Eventually.TrueAsync(async () => await database.ScalarAsync<long>(
            "select count(*) from customers where phone is not null and phone_e164 is null and phone_read is distinct from phone") == 0);

        foreach (var (person, status) in new[] { (2, HttpStatusCode.Accepted), (6, HttpStatusCode.Accepted), (4, HttpStatusCode.Accepted), (14, HttpStatusCode.Accepted), (8, HttpStatusCode.UnprocessableEntity), (10, HttpStatusCode.UnprocessableEntity) })
        {
            // Persons with even numbers are of business 1.
            var customer = await database.ScalarAsync<Guid>($"select md5('c{person}')::uuid");
            using var reply = await silo.Http.PostAsJsonAsync(
                new Uri($"/v1/businesses/{business}/messages", UriKind.Relative), new { customerId = customer, body = $"Hello {person}", category = "transactional" });
            var text = await reply.Content.ReadAsStringAsync();
            Assert.True(reply.StatusCode == status, $"{person}: {text}");
            if (status is HttpStatusCode.UnprocessableEntity)
                Assert.Equal("invalid_phone", JsonNode.Parse(text)!["code"]!.GetValue<string>());
        }

        await Eventually.TrueAsync(async () => await database.ScalarAsync<long>("select count(*) from send_logs where channel = 'sms' and status in ('sent', 'delivered')") == 4);
        var template = await database.ScalarAsync<Guid>("select md5('t1')::uuid");
        using var templated = await silo.Http.PostAsJsonAsync(
            new Uri($"/v1/businesses/{business}/messages", UriKind.Relative), new { to = "+15125560002", templateId = template, category = "transactional" });
        Assert.Equal("Hello", JsonNode.Parse(await templated.Content.ReadAsStringAsync())!["body"]!.GetValue<string>());
        Assert.Equal(200, await database.ScalarAsync<long>("select count(*) from customers"));
    }

    [Fact]
    public async Task A_stranger_sees_nothing_of_an_adopted_database_and_the_owner_the_texts_too()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, OriginShape.Contacts, logs: 100);
        await MigrateAsync(database);

        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync();
        foreach (var (subject, sees) in new[] { ("u1", true), ("stranger", false) })
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await Statement.ListAsync<string>(connection,
                $$"""select set_config('request.jwt.claims', '{"sub":"' || md5('{{subject}}')::uuid || '"}', true)""");
            await Statement.ListAsync<string>(connection, "select set_config('role', 'authenticated', true)");
            foreach (var table in new[] { "businesses", "customers", "send_logs", "email_templates", "scheduled_sends" })
            {
                var seen = await Statement.ListAsync<long>(connection, $"select count(*) from {table}");
                Assert.True(seen[0] > 0 == sees, $"{subject} sees {seen[0]} of {table}");
            }
        }
    }

    /// <summary>Set ADOPTION_ROWS=1000000 for the long form; see tests/README.md.</summary>
    [Fact]
    public async Task A_writer_beside_the_adoption_never_waits_long()
    {
        var rows = int.Parse(Environment.GetEnvironmentVariable("ADOPTION_ROWS") ?? "20000", System.Globalization.CultureInfo.InvariantCulture);
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, OriginShape.Contacts, rows);
        using var stop = new CancellationTokenSource();
        var (writes, longest) = (0, TimeSpan.Zero);
        var writer = Task.Run(async () =>
        {
            await using var connection = new NpgsqlConnection(database.ConnectionString);
            await connection.OpenAsync();
            while (!stop.IsCancellationRequested)
            {
                var started = Stopwatch.GetTimestamp();
                await using var command = new NpgsqlCommand(
                    "insert into send_logs (business_id, contact_id, status, subject) values (md5('b1')::uuid, md5('c2')::uuid, 'sent', 'beside')", connection);
                await command.ExecuteNonQueryAsync();
                var took = Stopwatch.GetElapsedTime(started);
                (writes, longest) = (writes + 1, took > longest ? took : longest);
            }
        });

        var begun = Stopwatch.GetTimestamp();
        await MigrateAsync(database);
        Figures.Print($"{rows} rows adopted in {Stopwatch.GetElapsedTime(begun).TotalSeconds:F1} s; {writes} writes beside it, the longest {longest.TotalMilliseconds:F0} ms");
        await stop.CancelAsync();
        await writer;

        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id is distinct from contact_id"));
        Assert.Equal(rows + writes, await database.ScalarAsync<long>("select count(*) from send_logs"));
    }

    private static Task<int> MigrateAsync(TestDatabase database) =>
        new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance).RunAsync(database.ConnectionString, CancellationToken.None);
}
