using Microsoft.Extensions.Logging.Abstractions;
using Sms.Integration.Tests.Api;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>What an adopted database knows about consent begins the ledger, whatever it is, and binds every text from then on.</summary>
public sealed class AdoptedConsentTests
{
    private const string Tables =
        """
        create table businesses (id uuid primary key default gen_random_uuid(), name text not null);
        create table customers (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses,
          name text, email text, phone text, sms_consent_status text default 'unknown', updated_at timestamptz default now(), created_at timestamptz);
        create table send_logs (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses,
          customer_id uuid references customers, status text default 'pending', created_at timestamptz default now());
        create table scheduled_sends (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses,
          customer_ids uuid[] not null, scheduled_for timestamptz not null, status text not null default 'pending');
        insert into businesses (id, name) values (md5('b')::uuid, 'Alpha'), (md5('c')::uuid, 'Beta');
        create function touch() returns trigger language plpgsql as $f$ begin new.updated_at := clock_timestamp(); return new; end $f$;
        create function stay() returns trigger language plpgsql as $f$ begin raise exception 'locked rows stay as they are'; end $f$;
        create trigger touch before update on customers for each row execute function touch();
        create trigger stay before update on customers for each row when (old.name = 'locked') execute function stay();
        """;

    [Theory]
    [InlineData("'opted_in'", "opted_in")]
    [InlineData("'opted_out'", "opted_out")]
    [InlineData("'under_review'", "under_review")]
    [InlineData("'unknown'", "")]
    [InlineData("null", "")]
    [InlineData("'asked us to stop'", "under_review")]
    [InlineData("'OPTED_OUT'", "under_review")]
    [InlineData("''", "under_review")]
    public async Task Each_status_that_a_customer_may_have_begins_the_ledger(string status, string entered)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(
            Tables +
            $"""
            insert into customers (id, business_id, name, email, phone, sms_consent_status, updated_at)
              select md5(n::text)::uuid, md5('b')::uuid, case when n % 2 = 0 then 'locked' end, 'a@example.com', phone, {status}, '2025-01-01'
              from unnest(array['+15125550101', '(512) 555-0102', 'call the office', '', null]) with ordinality p (phone, n);
            insert into scheduled_sends (business_id, customer_ids, scheduled_for) select business_id, array_agg(id), now() from customers group by 1;
            """);
        const string Old = "select string_agg(concat_ws('|', id, business_id, email, phone, coalesce(sms_consent_status, '-'), updated_at, created_at), ' ' order by id) from customers";
        var before = await database.ScalarAsync<string>(Old);

        await MigrateAsync(database);

        Assert.Equal(before, await database.ScalarAsync<string>(Old));
        Assert.Equal(entered.Length == 0 ? null : string.Join(' ', Enumerable.Repeat(entered, 5)), await database.ScalarAsync<string>(
            "select string_agg(status, ' ') from sms.consent_events"));
        Assert.Equal(entered.Length == 0 ? 0 : 5, await database.ScalarAsync<long>("select count(*) from customers c join sms.consent_events e on e.id = c.sms_consent_id"));
        // Whoever wrote these rows may go on doing so.
        await database.ExecuteAsOwnerAsync("update customers set name = 'New' where name is null");
    }

    [Fact]
    public async Task A_text_to_somebody_who_had_withdrawn_is_refused_whoever_stands_beside()
    {
        string?[] statuses = ["opted_in", "opted_out", "under_review", "unknown", null, "asked us to stop"];
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsOwnerAsync(
            Tables +
            """
            insert into customers (id, business_id, phone, sms_consent_status)
              select md5(a.n || ' ' || b.n || ' ' || p.n)::uuid, md5('b')::uuid, '(512) 555-' || lpad((a.n * 100 + b.n * 10 + p.n)::text, 4, '0'), p.status
              from unnest(array['opted_in', 'opted_out', 'under_review', 'unknown', null, 'asked us to stop']) with ordinality a (status, n)
              cross join unnest(array['opted_in', 'opted_out', 'under_review', 'unknown', null, 'asked us to stop']) with ordinality b (status, n)
              cross join lateral (values (1, a.status), (2, b.status)) p (n, status);
            -- At another business the two have one number.
            insert into customers (id, business_id, name, phone, sms_consent_status)
              select md5('c ' || a.n || ' ' || b.n || ' ' || p.n)::uuid, md5('c')::uuid, 'locked', '(512) 556-' || lpad((a.n * 10 + b.n)::text, 4, '0'), p.status
              from unnest(array['opted_in', 'opted_out', 'under_review', 'unknown', null, 'asked us to stop']) with ordinality a (status, n)
              cross join unnest(array['opted_in', 'opted_out', 'under_review', 'unknown', null, 'asked us to stop']) with ordinality b (status, n)
              cross join lateral (values (1, a.status), (2, b.status)) p (n, status);
            insert into scheduled_sends (business_id, customer_ids, scheduled_for) select business_id, array_agg(id), now() from customers group by 1;
            """);

        await using var api = await RunningApi.StartOnAsync(database);
        var business = await database.ScalarAsync<Guid>("select md5('b')::uuid");
        for (var n = 0; n < statuses.Length; n++)
        {
            // Beside each of the others; by its number and by its id.
            for (var beside = 0; beside < statuses.Length; beside++)
            {
                var to = $"+1512555{(n + 1) * 100 + (beside + 1) * 10 + 1:0000}";
                var reply = await api.Client.PostAsync($"/v1/businesses/{business}/messages", new { to, body = "Hello" }, SharedSilo.AdminKey);
                Assert.Equal((statuses[n], beside, Refusal(statuses[n])), (statuses[n], beside, reply.Code));
                var customer = await database.ScalarAsync<Guid>($"select md5('{n + 1} {beside + 1} 1')::uuid");
                reply = await api.Client.PostAsync(
                    $"/v1/businesses/{business}/messages", new { customerId = customer, body = "Hello", category = "transactional" }, SharedSilo.AdminKey);
                Assert.Equal((statuses[n], beside, statuses[n] is "opted_out" ? "opted_out" : null), (statuses[n], beside, reply.Code));

                // Who shares the number with somebody who withdrew is not texted there either.
                to = $"+1512556{(n + 1) * 10 + beside + 1:0000}";
                reply = await api.Client.PostAsync($"/v1/businesses/{await database.ScalarAsync<Guid>("select md5('c')::uuid")}/messages", new { to, body = "Hello" }, SharedSilo.AdminKey);
                string?[] both = [Refusal(statuses[n]), Refusal(statuses[beside])];
                if (Array.Find(["opted_out", "consent_under_review"], code => both.Contains(code, StringComparer.Ordinal)) is { } refusal)
                    Assert.Equal((statuses[n], statuses[beside], refusal), (statuses[n], statuses[beside], reply.Code));
            }
        }
    }

    private static string? Refusal(string? status) => status switch
    {
        "opted_in" => null,
        "opted_out" => "opted_out",
        "unknown" or null => "consent_required",
        _ => "consent_under_review",
    };

    private static Task<int> MigrateAsync(TestDatabase database) =>
        new MigrationRunner(Migration.All, NullLogger<MigrationRunner>.Instance, AdoptedPhones.ReadAsync).RunAsync(database.ConnectionString, CancellationToken.None);
}
