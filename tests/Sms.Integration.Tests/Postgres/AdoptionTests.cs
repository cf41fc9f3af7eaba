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
    /// <summary>Set ADOPTION_ROWS=1000000 for the long form; see tests/README.md.</summary>
    private static int? Rows =>
        Environment.GetEnvironmentVariable("ADOPTION_ROWS") is { Length: > 0 } rows ? int.Parse(rows, System.Globalization.CultureInfo.InvariantCulture) : null;

    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.ContactsView)]
    [InlineData(OriginShape.Both)]
    [InlineData(OriginShape.Customers)]
    public async Task Every_row_column_policy_and_default_stays_and_a_second_start_changes_nothing(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, shape, logs: 10_000);
        var columns = await OriginDatabase.ColumnsAsync(database, shape);
        var (picture, furniture) = (await OriginDatabase.PictureAsync(database, columns), await OriginDatabase.FurnitureAsync(database));

        Assert.NotEqual(0, await MigrateAsync(database));
        Assert.Equal(0, await MigrateAsync(database));

        Assert.Equal(picture, await OriginDatabase.PictureAsync(database, columns));
        Assert.Empty(furniture.Except(await OriginDatabase.FurnitureAsync(database), StringComparer.Ordinal));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from send_logs where channel <> 'email' or customer_id is null"));
        Assert.Equal(200, await database.ScalarAsync<long>("select count(*) from customers"));
        Assert.Equal("channel text 'email'::text not null; customer_id uuid  not null; provider_id text ", await database.ScalarAsync<string>(
            """
            select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
              case when a.attnotnull then 'not null' end), '; ' order by a.attname)
            from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attrelid = 'public.send_logs'::regclass and a.attname in ('channel', 'customer_id', 'provider_id')
            """));
        Assert.Equal(0, await database.ScalarAsync<long>(
            "select (select count(*) from pg_constraint where not convalidated) + (select count(*) from pg_index where not indisvalid)"));
        if (shape is not OriginShape.Customers)
            Assert.Equal(10_000, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id = contact_id"));
        // Of 200 phones 40 are none and 40 words; 41 are one number, which one person of each business carries.
        Assert.Equal(81, await database.ScalarAsync<long>("select count(*) from customers where phone_e164 is not null"));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from customers where phone is not null and phone_read is distinct from phone"));
    }

    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.ContactsView)]
    [InlineData(OriginShape.Both)]
    [InlineData(OriginShape.Customers)]
    public async Task The_email_writers_go_on_as_before(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, shape, logs: 10);
        await MigrateAsync(database);
        var (people, person) = (OriginDatabase.People(shape), OriginDatabase.Person(shape));

        await database.ExecuteAsOwnerAsync(
            $"""
            insert into {people} (id, business_id, name, email, phone, "Source", status)
              select md5(n)::uuid, md5('b1')::uuid, n, n || '@example.com', '512-555-7777', 'form', 'active' from unnest(array['new', 'other']) n;
            insert into send_logs (business_id, {person}, status, subject) values (md5('b1')::uuid, md5('new')::uuid, 'bounced', 'Hi');
            update {people} set phone = '(512) 555-8888', name = 'Renamed' where id = md5('new')::uuid;
            """);

        Assert.Equal("email", await database.ScalarAsync<string>("select channel from send_logs where customer_id = md5('new')::uuid"));
        Assert.Equal("(512) 555-8888 Renamed", await database.ScalarAsync<string>("select phone || ' ' || name from customers where id = md5('new')::uuid"));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsOwnerAsync(
            $"insert into send_logs (business_id, {person}, status, subject) values (md5('b1')::uuid, md5('new')::uuid, 'nonsense', 'Hi')"));
        Assert.Equal("send_logs_status_check", refused.ConstraintName);

        // A log that moves to another person, and people that go.
        await database.ExecuteAsOwnerAsync($"update send_logs set {person} = md5('other')::uuid where {person} = md5('new')::uuid");
        Assert.Equal(1, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id = md5('other')::uuid"));
        await database.ExecuteAsOwnerAsync($"delete from {people} where id = md5('new')::uuid");
        Assert.Equal(200 + 1, await database.ScalarAsync<long>("select count(*) from customers"));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from customers where id = md5('new')::uuid"));
    }

    [Fact]
    public async Task Customers_follow_contacts_and_keep_what_texting_changed()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, OriginShape.Contacts, logs: 10);
        await MigrateAsync(database);
        await database.ExecuteAsync(
            """
            update customers set phone = '+15125550777', phone_e164 = '+15125550777' where id = md5('c2')::uuid;
            insert into send_logs (business_id, customer_id, channel, to_phone, body, category, encoding, segments, status)
              values (md5('b1')::uuid, md5('c2')::uuid, 'sms', '+15125550777', 'Hi', 'marketing', 'gsm7', 1, 'sent');
            """);

        await database.ExecuteAsOwnerAsync("update contacts set name = 'Renamed' where id = md5('c2')::uuid");
        Assert.Equal("Renamed +15125550777", await database.ScalarAsync<string>("select name || ' ' || phone_e164 from customers where id = md5('c2')::uuid"));

        await database.ExecuteAsync("update customers set name = null, erased_at = now() where id = md5('c12')::uuid");
        await database.ExecuteAsOwnerAsync("update contacts set name = 'Back' where id = md5('c12')::uuid");
        Assert.Null(await database.ScalarAsync<string>("select name from customers where id = md5('c12')::uuid"));

        // A contact that goes takes its e-mail logs along, as it always did; a customer stays as long as texts hang on it.
        await database.ExecuteAsOwnerAsync("delete from contacts where id = md5('c2')::uuid");
        Assert.Equal(1, await database.ScalarAsync<long>("select count(*) from send_logs where customer_id = md5('c2')::uuid"));
        Assert.Equal(1, await database.ScalarAsync<long>("select count(*) from customers where id = md5('c2')::uuid"));
    }

    [Theory]
    [InlineData(OriginShape.Contacts)]
    [InlineData(OriginShape.ContactsView)]
    [InlineData(OriginShape.Both)]
    [InlineData(OriginShape.Customers)]
    public async Task An_old_business_texts_its_old_customers(OriginShape shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        var business = await OriginDatabase.FillAsync(database, shape, Rows ?? 1000);
        var columns = await OriginDatabase.ColumnsAsync(database, shape);
        var picture = await OriginDatabase.PictureAsync(database, columns);
        var settings = FourProcesses.Settings(database);
        await using (var first = await SiloProcess.StartAsync(settings))
            Assert.Equal(0, await first.StopAsync());
        await using var silo = await SiloProcess.StartAsync(settings);
        silo.UseKey(FourProcesses.AdminKey);
        Assert.DoesNotContain("Applied", silo.Output, StringComparison.Ordinal);
        Assert.Equal(picture, await OriginDatabase.PictureAsync(database, columns));

        // Persons 2, 12, 22 …: a number in E.164; 6, 16 …: one in national writing; 4, 24 …: all the same number; 8: words.
        foreach (var (person, status) in new[] { (2, HttpStatusCode.Accepted), (6, HttpStatusCode.Accepted), (4, HttpStatusCode.Accepted), (24, HttpStatusCode.Accepted), (8, HttpStatusCode.UnprocessableEntity), (10, HttpStatusCode.UnprocessableEntity) })
        {
            // Persons with even numbers are of business 1.
            var customer = await database.ScalarAsync<Guid>($"select md5('c{person}')::uuid");
            using var reply = await silo.Http.PostAsJsonAsync(
                new Uri($"/v1/businesses/{business}/messages", UriKind.Relative), new { customerId = customer, body = $"Hello {person}", category = "transactional" });
            var text = await reply.Content.ReadAsStringAsync();
            Assert.True(reply.StatusCode == status, $"{person}: {text}\n{silo.Output}");
            if (status is HttpStatusCode.UnprocessableEntity)
                Assert.Equal("invalid_phone", JsonNode.Parse(text)!["code"]!.GetValue<string>());
        }

        await Eventually.TrueAsync(async () => await database.ScalarAsync<long>("select count(*) from send_logs where channel = 'sms' and status in ('sent', 'delivered')") == 4);
        var template = await database.ScalarAsync<Guid>("select md5('t1')::uuid");
        using var templated = await silo.Http.PostAsJsonAsync(
            new Uri($"/v1/businesses/{business}/messages", UriKind.Relative), new { to = "+15125560002", templateId = template, category = "transactional" });
        Assert.Equal("Hello", JsonNode.Parse(await templated.Content.ReadAsStringAsync())!["body"]!.GetValue<string>());
        Assert.Equal(200, await database.ScalarAsync<long>("select count(*) from customers"));
        await AssertStrangersSeeNothingAsync(database);
    }

    [Fact]
    public async Task A_stranger_sees_nothing_of_an_adopted_database_and_the_owner_the_texts_too()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await OriginDatabase.FillAsync(database, OriginShape.Contacts, logs: 100);
        await MigrateAsync(database);

        await AssertStrangersSeeNothingAsync(database);
    }

    [Fact]
    public async Task What_the_email_product_writes_later_is_read_and_nothing_of_it_is_touched()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        var business = await OriginDatabase.FillAsync(database, OriginShape.ContactsView, logs: 10);
        await MigrateAsync(database);
        await database.ExecuteAsOwnerAsync(
            """
            insert into contacts (id, business_id, name, email, phone, tags, "Source", status, updated_at) values
              (md5('new')::uuid, md5('b1')::uuid, 'New', 'new@example.com', '512-555-7777', '{}', 'form', 'active', '2026-01-01'),
              (md5('gone')::uuid, md5('b1')::uuid, 'Gone', 'gone@example.com', '512-555-7778', '{}', 'form', 'archived', '2026-01-01');
            """);

        // A trigger of theirs refuses every change of the archived one: it keeps the other from nothing.
        var reading = new PhoneReading(new Database(database.App), NullLogger<PhoneReading>.Instance);
        Assert.Equal(1, await reading.ReadAllAsync(CancellationToken.None));
        Assert.Equal("+15125557777", await database.ScalarAsync<string>(
            "select phone_e164 from customers where id = md5('new')::uuid and phone = '512-555-7777' and updated_at = '2026-01-01'"));
        Assert.Null(await database.ScalarAsync<string>("select phone_read from customers where id = md5('gone')::uuid"));
        Assert.NotEqual(Guid.Empty, business);
    }

    [Fact]
    public async Task A_writer_beside_the_adoption_never_waits_long()
    {
        var rows = Rows ?? 20_000;
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

    private static async Task AssertStrangersSeeNothingAsync(TestDatabase database)
    {
        await using var connection = new NpgsqlConnection(database.AdminConnectionString);
        await connection.OpenAsync();
        foreach (var (subject, sees) in new[] { ("u1", true), ("stranger", false) })
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await Statement.ListAsync<string>(connection,
                $$"""select set_config('request.jwt.claims', '{"sub":"' || md5('{{subject}}')::uuid || '"}', true)""");
            await Statement.ListAsync<string>(connection, "select set_config('role', 'authenticated', true)");
            // Tables only: what a view of theirs shows is its owner's to say.
            foreach (var table in await Statement.ListAsync<string>(connection,
                "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname in ('businesses', 'customers', 'contacts', 'send_logs', 'email_templates', 'message_templates', 'scheduled_sends')"))
            {
                var seen = await Statement.ListAsync<long>(connection, $"select count(*) from {table}");
                Assert.True(seen[0] > 0 == sees, $"{subject} sees {seen[0]} of {table}");
            }
        }
    }

    private static Task<int> MigrateAsync(TestDatabase database) =>
        new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance, AdoptedPhones.ReadAsync).RunAsync(database.ConnectionString, CancellationToken.None);
}
