using Sms.Integration.Tests.Api;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>A queue and templates of the e-mail product's own: what is in them is not texted, and is in nobody's way.</summary>
public sealed class AdoptedQueueTests
{
    private const string Tables =
        """
        create table businesses (id uuid primary key default gen_random_uuid(), name text not null);
        create table customers (id uuid primary key default gen_random_uuid(), business_id uuid references businesses, phone text, sms_consent_status text);
        create table message_templates (id uuid primary key, business_id uuid not null references businesses, name text, channel text, subject text, body text not null);
        create table send_logs (id uuid primary key default gen_random_uuid(), business_id uuid references businesses, customer_id uuid references customers,
          template_id uuid references message_templates, channel text, status text, created_at timestamptz, updated_at timestamptz);
        create table sms_retry_queue (id uuid primary key default gen_random_uuid(), business_id uuid, send_log_id uuid, customer_id uuid, status text, attempt_count int,
          max_attempts int, scheduled_for timestamptz, reason text, worker text not null);
        insert into businesses (id, name) values (md5('b')::uuid, 'Alpha');
        insert into customers (id, business_id, phone, sms_consent_status) values
          (md5('c')::uuid, md5('b')::uuid, '312-555-0101', 'opted_in'), (md5('nobody')::uuid, null, '312-555-0102', 'opted_out');
        insert into message_templates (id, business_id, channel, subject, body) values
          (md5('text')::uuid, md5('b')::uuid, 'sms', null, 'Hello {{name}}'), (md5('mail')::uuid, md5('b')::uuid, 'email', 'Your visit', '<p>Hello</p>'),
          (md5('unsaid')::uuid, md5('b')::uuid, null, null, 'Hello');
        insert into send_logs (id, business_id, customer_id, channel, status, created_at) values
          (md5('l1')::uuid, md5('b')::uuid, md5('c')::uuid, 'sms', 'pending', '2026-01-01'), (md5('l2')::uuid, md5('b')::uuid, md5('c')::uuid, 'sms', 'queued', null),
          (md5('l3')::uuid, null, null, 'sms', null, '2026-01-01'), (md5('l4')::uuid, md5('b')::uuid, md5('c')::uuid, 'push', 'sent', '2026-01-01'),
          (md5('l5')::uuid, md5('b')::uuid, md5('c')::uuid, 'email', 'sent', '2026-01-01');
        insert into sms_retry_queue (business_id, send_log_id, customer_id, status, attempt_count, max_attempts, scheduled_for, reason, worker) values
          (md5('b')::uuid, md5('l1')::uuid, md5('c')::uuid, 'pending', 0, 3, '2026-01-01', 'carrier busy', 'w1'), (md5('b')::uuid, md5('l2')::uuid, null, 'waiting', null, null, null, null, 'w1'),
          (null, md5('l4')::uuid, null, 'processing', null, null, null, 'quiet_hours', 'w2'), (null, null, null, null, null, null, null, null, 'w3');
        """;

    [Fact]
    public async Task What_others_queued_stays_as_it_is_and_texts_go_past_it()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(Tables);
        const string Theirs = "select string_agg(concat_ws('|', id, business_id, send_log_id, customer_id, status, attempt_count, scheduled_for, reason, worker), ' ' order by worker, id) from sms_retry_queue where worker is not null";
        var before = await database.ScalarAsync<string>(Theirs);

        await using var api = await RunningApi.StartOnAsync(database);
        var id = await database.ScalarAsync<Guid>("select md5('b')::uuid");
        var key = await api.Client.PostAsync($"/v1/businesses/{id}/api-keys", "", SharedSilo.AdminKey);
        var business = new TestBusiness(api, id, key.Json!["apiKey"]!.GetValue<string>());
        // More of the kind come later, one of no text among them; what waits is planned anew, and a text goes.
        await database.ExecuteAsOwnerAsync(
            """
            insert into sms_retry_queue (business_id, send_log_id, customer_id, status, scheduled_for, worker) values
              (md5('b')::uuid, md5('l2')::uuid, null, 'pending', now(), 'w4'), (null, md5('l3')::uuid, null, 'pending', now(), 'w5');
            insert into sms_retry_queue (business_id, send_log_id, customer_id, status, attempt_count, max_attempts, scheduled_for, worker) values
              (md5('b')::uuid, md5('l5')::uuid, md5('c')::uuid, 'pending', 0, 3, now(), 'w6');
            update send_logs set updated_at = now();
            """);
        Assert.Equal(200, (await business.PatchAsync(new { timezone = Hours.Noon, settings = new { paused = true } })).Status);
        Assert.Equal(200, (await business.PatchAsync(new { settings = new { paused = false, requireConsent = false } })).Status);
        await business.WhenSentAsync(await business.SendTransactionalAsync("+13125550103"));
        var waits = await business.SendAsync(new { to = "+13125550103", body = "Later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddSeconds(2) });
        await business.WhenSentAsync(waits.Id);

        Assert.StartsWith(before!, await database.ScalarAsync<string>(Theirs), StringComparison.Ordinal);
        Assert.Equal(3, (await business.GetAsync("/messages")).Json!["data"]!.AsArray().Count);
        Assert.Equal(200, (await business.GetAsync("/stats")).Status);
        Assert.Equal(200, (await api.Client.GetAsync("/v1/retries/stats", SharedSilo.AdminKey)).Status);
        await database.ExecuteAsOwnerAsync("delete from send_logs where id = md5('l3')::uuid; delete from sms_retry_queue where worker is not null");
    }

    [Fact]
    public async Task A_template_for_e_mail_is_not_texted()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(Tables);

        await using var api = await RunningApi.StartOnAsync(database);
        var id = await database.ScalarAsync<Guid>("select md5('b')::uuid");
        foreach (var (template, code) in new[] { ("text", null), ("mail", "unknown_template"), ("unsaid", "unknown_template") })
        {
            var templateId = await database.ScalarAsync<Guid>($"select md5('{template}')::uuid");
            var reply = await api.Client.PostAsync(
                $"/v1/businesses/{id}/messages", new { to = "+13125550101", templateId, variables = new { name = "Ann" }, category = "transactional" }, SharedSilo.AdminKey);
            Assert.Equal((template, code), (template, reply.Code));
        }
    }

    [Theory]
    // By channel, by type, by subject, by what it looks like; and where it cannot be told at all.
    [InlineData("name text, channel text, body text", "(md5('a')::uuid, b, 'a', 'SMS', 'x'), (md5('b')::uuid, b, 'b', 'email', 'x')", "a")]
    [InlineData("name text, type text, content text", "(md5('a')::uuid, b, 'a', 'review', 'x'), (md5('b')::uuid, b, 'b', 'email', 'x'), (md5('c')::uuid, b, 'c', null, 'x')", "a c")]
    [InlineData("name text, subject text, body text", "(md5('a')::uuid, b, 'a', null, 'x'), (md5('b')::uuid, b, 'b', 'Hi', 'x'), (md5('c')::uuid, b, 'c', '', '1 < 2')", "a c")]
    [InlineData("name text, body text", "(md5('a')::uuid, b, 'a', 'x'), (md5('b')::uuid, b, 'b', '<!DOCTYPE html>'), (md5('c')::uuid, b, 'c', 'Hi<br/>you')", "a")]
    [InlineData("name text, html text", "(md5('a')::uuid, b, 'a', 'x')", "")]
    public async Task Which_templates_are_for_texts_is_told_by_what_the_table_has(string columns, string rows, string texts)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(
            $"""
            create table email_templates (id uuid primary key, business_id uuid, {columns});
            insert into email_templates select t.* from (select md5('b')::uuid as b) v cross join lateral (values {rows}) t;
            """);

        await database.MigrateAsync();

        Assert.Equal(texts, await database.ScalarAsync<string>(
            "select coalesce(string_agg(e.name, ' ' order by e.name), '') from sms.templates t join email_templates e on e.id = t.id"));
    }
}
