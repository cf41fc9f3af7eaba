using Sms.Integration.Tests.Api;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Columns of other types than ours that hold the same: they keep their type, and texting works on them.</summary>
public sealed class AdoptedTypesTests
{
    /// <summary>The tables with types as others choose them; a view and a materialized view keep each column's type as it is.</summary>
    private static readonly string[] Shapes =
    [
        // Enums, short texts, addresses, times without a zone, large and small integers, json.
        """
        create type log_status as enum ('pending', 'sent', 'delivered', 'failed', 'cancelled', 'opened');
        create type consent_status as enum ('opted_in', 'opted_out', 'unknown', 'under_review');
        create type consent_method as enum ('verbal_in_person', 'phone_call', 'service_agreement', 'website_form', 'sms_keyword', 'other');
        create type channel as enum ('email', 'sms');
        create type queue_status as enum ('pending', 'processing', 'completed', 'failed', 'cancelled');
        create type queue_reason as enum ('quiet_hours', 'twilio_error', 'rate_limit', 'scheduled');
        create type category as enum ('marketing', 'transactional', 'otp');
        create table businesses (id uuid primary key default gen_random_uuid(), name varchar(5) not null, timezone varchar(40),
          created_at timestamp default now(), updated_at timestamp default now());
        create table customers (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses, name varchar(5), email text,
          phone varchar(20), postal_code char(5), state char(2), sms_consent_status consent_status default 'unknown', sms_consent_method consent_method,
          sms_consent_source varchar(10), sms_consent_at timestamp, sms_consent_notes varchar(10), sms_consent_ip inet,
          created_at timestamp default now(), updated_at timestamp default now());
        create table send_logs (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses, customer_id uuid not null references customers,
          channel channel not null default 'email', status log_status not null default 'pending', category category, error_message varchar(8), error_code bigint, segments smallint,
          attempt_count bigint default 0, max_attempts smallint default 3, provider_message_id json default '{}', metadata jsonb,
          created_at timestamp default now(), updated_at timestamp default now(), sent_at timestamp, delivered_at timestamp);
        create table sms_retry_queue (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses on delete cascade,
          send_log_id uuid not null references send_logs on delete cascade, customer_id uuid not null references customers on delete cascade,
          status queue_status not null default 'pending', attempt_count bigint not null default 0, max_attempts smallint not null default 3,
          scheduled_for timestamp not null, last_attempted_at timestamp, last_error varchar(8), reason queue_reason,
          created_at timestamp default now(), updated_at timestamp default now());
        """,
        // Domains and case-insensitive text.
        """
        create domain words as text;
        create domain phone as text check (value ~ '^[+0-9() -]+$');
        create domain short_line as varchar(9);
        create domain moment as timestamptz;
        create domain amount as integer check (value >= 0);
        create table businesses (id uuid primary key default gen_random_uuid(), name words not null, timezone words, created_at moment default now(), updated_at moment default now());
        create table customers (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses, name short_line, email citext,
          phone phone, sms_consent_status citext default 'unknown', sms_consent_method words, sms_consent_source short_line, sms_consent_at moment, sms_consent_notes short_line,
          sms_consent_ip varchar(15), created_at moment default now(), updated_at moment default now());
        create table send_logs (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses, customer_id uuid not null references customers,
          channel citext not null default 'email', status words not null default 'pending', error_message short_line, attempt_count amount default 0, max_attempts amount default 3,
          provider_message_id jsonb default '{}', created_at moment default now(), updated_at moment default now(), sent_at moment, delivered_at moment);
        create table sms_retry_queue (id uuid primary key default gen_random_uuid(), business_id uuid not null references businesses on delete cascade,
          send_log_id uuid not null references send_logs on delete cascade, customer_id uuid not null references customers on delete cascade,
          status words not null default 'pending', attempt_count amount not null default 0, max_attempts amount not null default 3,
          scheduled_for moment not null, last_attempted_at moment, last_error short_line, reason citext, created_at moment default now(), updated_at moment default now());
        """,
    ];

    private const string Types =
        """
        select string_agg(concat_ws(' ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attrelid, a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm')
        where a.attnum > 0 and not a.attisdropped
        """;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_business_texts_on_columns_that_keep_their_types(int shape)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await database.ExecuteAsync("create extension citext");
        await database.ExecuteAsOwnerAsync(
            Shapes[shape] +
            """
            insert into businesses (id, name) values (md5('b')::uuid, 'Alpha');
            insert into customers (id, business_id, name, phone, sms_consent_status, sms_consent_ip) values
              (md5('in')::uuid, md5('b')::uuid, 'Ann', '(312) 555-0101', 'opted_in', '192.0.2.7'), (md5('out')::uuid, md5('b')::uuid, 'Bob', '312-555-0102', 'opted_out', null);
            insert into send_logs (business_id, customer_id, status) values (md5('b')::uuid, md5('in')::uuid, 'sent');
            insert into send_logs (business_id, customer_id, channel, status) values (md5('b')::uuid, md5('in')::uuid, 'sms', 'failed');
            create view v_businesses as select * from businesses; create view v_customers as select * from customers;
            create view v_send_logs as select * from send_logs; create view v_queue as select * from sms_retry_queue;
            create materialized view m_businesses as select * from businesses; create materialized view m_customers as select * from customers;
            create materialized view m_send_logs as select * from send_logs; create materialized view m_queue as select * from sms_retry_queue;
            """);
        var types = (await database.ScalarAsync<string>(Types))!.Split(", ");
        var rows = await database.ScalarAsync<string>("select string_agg(c::text, ' ' order by id) from v_customers c");

        await using var api = await RunningApi.StartOnAsync(database, ("Sms__Retry__Backoff__0", "00:00:00.2"), ("Sms__Retry__Backoff__1", "00:00:00.2"));
        Assert.Equal(rows, await database.ScalarAsync<string>("select string_agg(c::text, ' ' order by id) from v_customers c"));
        Assert.Equal("opted_in 192.0.2.7, opted_out", await database.ScalarAsync<string>(
            "select string_agg(concat_ws(' ', status, ip), ', ' order by status) from sms.consent_events"));
        var id = await database.ScalarAsync<Guid>("select md5('b')::uuid");
        var key = await api.Client.PostAsync($"/v1/businesses/{id}/api-keys", "", SharedSilo.AdminKey);
        var business = new TestBusiness(api, id, key.Json!["apiKey"]!.GetValue<string>());
        var settings = new { quietHours = Hours.Always, quietHoursPolicy = "business", maxAttempts = 2 };
        Assert.Equal(200, (await api.Client.PatchAsync(
            business.Path, new { name = "A name that is longer", timezone = "America/Argentina/ComodRivadavia", settings }, SharedSilo.AdminKey)).Status);

        // Consent in free text, longer than the columns are.
        Assert.Equal("opted_out", (await business.SendAsync(new { to = "+13125550102", body = "Hi", category = "transactional" })).Code);
        var made = await business.PostAsync("/customers", new
        {
            name = "Somebody with a long name",
            phone = "+13125550103",
            postalCode = "60601-1234",
            state = "IL",
            smsConsent = new { status = "opted_in", method = "website_form", source = "https://acme.example/sign-up", notes = "read it all, and signed", ip = "somewhere, behind a proxy" },
        });
        Assert.True(made.Status == 201, made.Text);
        var customer = made.Id;
        var entry = (await business.GetAsync($"/customers/{customer}/consent")).Json!["data"]![0]!;
        Assert.Equal("somewhere, behind a proxy", entry["ip"]!.GetValue<string>());
        Assert.Equal("https://acme.example/sign-up", entry["source"]!.GetValue<string>());
        Assert.Null((await business.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["ip"]);
        var more = await business.PostAsync($"/customers/{customer}/consent", new { status = "opted_in", method = "other", source = "asked again, at the desk", ip = "192.0.2.9" });
        Assert.True(more.Status == 201, more.Text);
        Assert.Equal("192.0.2.9", (await business.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["ip"]!.GetValue<string>());
        Assert.Equal(200, (await api.Client.PatchAsync($"{business.Path}/customers/{customer}", new { name = "Another long name", postalCode = "60602" }, business.Key)).Status);

        // A text that goes, with its report; one that fails; one that is tried again; one that waits and is cancelled.
        var webhooks = new Webhooks(api);
        var sent = (await business.SendAsync(new { customerId = customer, body = "Sale" })).Id;
        var reply = await business.WhenSentAsync(sent);
        var attempt = await database.ScalarAsync<Guid>("select id from sms.attempts where message_id = $1", sent);
        Assert.Equal(204, (await webhooks.StatusAsync(attempt, Sid(reply), "delivered")).Status);
        Assert.NotNull((await business.WhenAsync(sent, m => m.MessageStatus is "delivered")).Json!["deliveredAt"]);
        await api.FaultAsync("+13125550104", "refuse", code: 21211);
        var failed = (await business.SendAsync(new { to = "+13125550104", body = "Hi", category = "transactional" })).Id;
        Assert.Equal(21211, (await business.WhenAsync(failed, m => m.MessageStatus is "failed")).Json!["error"]!["code"]!.GetValue<int>());
        await api.FaultAsync("+13125550105", "refuse", code: 20409);
        var again = (await business.SendAsync(new { to = "+13125550105", body = "Hi", category = "transactional" })).Id;
        await business.WhenSentAsync(again);
        var waits = (await business.SendAsync(new { customerId = customer, body = "Later", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        Assert.Equal(200, (await business.CancelAsync(waits)).Status);
        Assert.Equal(202, (await api.Client.SendAsync(HttpMethod.Post, $"{business.Path}/messages/{failed}/retry", null, business.Key)).Status);

        // Everything is listed, and a STOP holds.
        var list = (await business.GetAsync("/messages")).Json!["data"]!.AsArray();
        Assert.Equal(5, list.Count);
        Assert.Single((await business.GetAsync("/messages?status=cancelled")).Json!["data"]!.AsArray());
        Assert.Equal(200, (await business.GetAsync("/messages?reason=twilio_error")).Status);
        Assert.Equal(200, (await business.GetAsync("/stats")).Status);
        Assert.Equal(200, (await webhooks.InboundAsync("+13125550103", "STOP")).Status);
        Assert.Equal("opted_out", (await business.SendAsync(new { customerId = customer, body = "Hi", category = "transactional" })).Code);
        Assert.Equal("opted_out", (await business.GetAsync($"/customers/{customer}")).Json!["smsConsent"]!["status"]!.GetValue<string>());
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/customers/{customer}", null, business.Key)).Status);

        Assert.Empty(types.Except((await database.ScalarAsync<string>(Types))!.Split(", "), StringComparer.Ordinal));
        Assert.DoesNotContain("SQLSTATE", api.Silo.Output, StringComparison.Ordinal);
    }

    private static string Sid(Reply reply) => reply.Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>();
}
