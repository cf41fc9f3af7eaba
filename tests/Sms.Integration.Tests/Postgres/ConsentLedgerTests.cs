using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>The ledger is only appended to, and consent is what it says.</summary>
public sealed class ConsentLedgerTests : DatabaseTest
{
    private const string Sender = "+15005550006";

    private RecordStore Records => new(new Database(Db.App));

    private BusinessStore Businesses => new(new Database(Db.App));

    [Fact]
    public async Task Nobody_changes_or_deletes_an_entry()
    {
        var user = Guid.NewGuid();
        var business = await Seed.BusinessAsync(user);
        var customer = await Seed.CustomerAsync(business);
        var entry = await RecordAsync(business, customer, "opted_in", text: "Text me offers", ip: "192.0.2.7", notes: "asked twice");
        await using var connection = await ConnectAsync();

        foreach (var role in new[] { "none", "sms_app", "authenticated", "service_role" })
        {
            await Statement.RunAsync(connection, $"set role {role}");
            await Statement.RunAsync(connection, $"select set_config('sms.business_ids', '{business}', false), set_config('request.jwt.claim.sub', '{user}', false)");
            foreach (var sql in new[]
            {
                "delete from sms.consent_events", "truncate sms.consent_events", "update sms.consent_events set status = 'opted_out'",
                "update sms.consent_events set wording = 'other words'", "update sms.consent_events set wording_hash = null",
                "update sms.consent_events set notes = 'other notes'", "update sms.consent_events set at = now()",
            })
            {
                var failure = await Statement.FailureAsync(connection, sql);
                Assert.True(failure is PostgresErrorCodes.RestrictViolation or PostgresErrorCodes.InsufficientPrivilege, $"{role}: {sql} ended in {failure ?? "success"}");
            }
        }

        await Statement.RunAsync(connection, "reset role");
        // An erasure blanks what tells of the person, and nothing else at the same time.
        Assert.NotNull(await Statement.FailureAsync(connection, "update sms.consent_events set notes = null, status = 'unknown'"));
        Assert.Null(await Statement.FailureAsync(connection, "update sms.consent_events set notes = null, ip = null"));
        // A deleted customer takes no evidence along.
        await Statement.RunAsync(connection, "delete from customers where id = $1", customer);
        Assert.Equal(
            [$"opted_in {entry.TextHash}"],
            await ListAsync<string>(connection, "select status || ' ' || encode(wording_hash, 'hex') from sms.consent_events where customer_id = $1", customer));
    }

    [Fact]
    public async Task An_entry_says_who_how_for_which_number_and_the_hash_of_the_wording()
    {
        var (business, customer) = await NewTenantAsync();
        var entry = await RecordAsync(business, customer, "opted_in", text: "Ja, gern: Grüße!", actor: "key 7");

        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("Ja, gern: Grüße!"u8)), entry.TextHash);
        Assert.Equal("key 7", entry.Actor);
        Assert.Equal(await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer), entry.Phone);
        // Repeated under its id it is the same entry; for somebody else's customer there is none.
        Assert.Equal(entry, await Records.RecordConsentAsync(business, entry));
        Assert.Null(await Records.RecordConsentAsync(await Seed.BusinessAsync(), entry with { Id = Guid.NewGuid() }));
        Assert.Equal(1, await Db.ScalarAsync<long>("select count(*) from sms.consent_events"));
    }

    [Fact]
    public async Task The_present_status_is_the_last_entry_whoever_wrote()
    {
        var business = await Seed.BusinessAsync();
        var customers = await Seed.CustomersAsync(business, 4);
        var webhooks = new WebhookStore(new Database(Db.App));
        var random = new Random(20261124);
        for (var step = 0; step < 80; step++)
        {
            var customer = customers[random.Next(customers.Length)];
            var phone = (await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer))!;
            var at = Now + Duration.FromMinutes(random.Next(100));
            switch (random.Next(6))
            {
                case 0:
                    await RecordAsync(business, customer, Pick("opted_in", "opted_out", "unknown"));
                    break;
                case 1:
                    await Businesses.AddCustomerAsync(business, new CreateCustomer
                    {
                        Id = Guid.NewGuid(),
                        Phone = phone,
                        Actor = "test",
                        Consent = new ConsentView { Status = Pick("opted_in", "opted_out", "unknown"), Method = "other" },
                    }, phone, at);
                    break;
                case 2:
                    await Db.ExecuteAsync("update customers set sms_consent_status = $2 where id = $1", customer, Pick("opted_in", "opted_out", "unknown", "under_review"));
                    break;
                default:
                    await webhooks.ApplyInboundAsync($"SM{step}", [Sender], isDefault: true, phone, Pick("opt_out", "opt_in", "review", "other", "help"), "WORD", null, at);
                    break;
            }
        }

        // Recomputed from the ledger alone.
        Assert.Equal(
            await Db.ScalarAsync<string>(
                """
                select string_agg(concat_ws(' ', c.id, coalesce(e.status, 'unknown'), e.method, e.source, e.at, e.id), E'\n' order by c.id)
                from customers c
                left join lateral (select * from sms.consent_events e where e.customer_id = c.id order by e.n desc limit 1) e on true
                """),
            await Db.ScalarAsync<string>(
                """
                select string_agg(concat_ws(' ', c.id, c.sms_consent_status, c.sms_consent_method, c.sms_consent_source, c.sms_consent_at, c.sms_consent_id),
                  E'\n' order by c.id) from customers c
                """));
        Assert.True(await Db.ScalarAsync<long>("select count(distinct status) from sms.consent_events") == 4);

        string Pick(params string[] words) => words[random.Next(words.Length)];
    }

    [Fact]
    public async Task Simultaneous_entries_for_one_customer_leave_the_last_one_in_force()
    {
        var (business, customer) = await NewTenantAsync();
        for (var round = 0; round < 15; round++)
        {
            await Task.WhenAll(RecordAsync(business, customer, "opted_in"), RecordAsync(business, customer, "opted_out"), RecordAsync(business, customer, "unknown"));
            Assert.Equal(
                "true",
                await Db.ScalarAsync<string>(
                    """
                    select (c.sms_consent_id = (select e.id from sms.consent_events e where e.customer_id = c.id order by e.n desc limit 1))::text
                    from customers c where c.id = $1
                    """,
                    customer));
        }
    }

    [Fact]
    public async Task What_others_write_into_customers_is_entered_for_them_and_ends_what_waits()
    {
        var user = Guid.NewGuid();
        var business = await Seed.BusinessAsync(user);
        var customer = await Seed.CustomerAsync(business);
        var row = await Seed.RowAsync(business, customer, Now);
        await using var connection = await ConnectAsync();
        await Statement.RunAsync(connection, "set role authenticated");
        await Statement.RunAsync(connection, $"select set_config('request.jwt.claim.sub', '{user}', false)");

        await Statement.RunAsync(connection, "update customers set sms_consent_status = 'opted_out', sms_consent_source = 'a form of theirs' where id = $1", customer);

        Assert.Equal("opted_out a form of theirs", await Db.ScalarAsync<string>("select status || ' ' || source from sms.consent_events where customer_id = $1", customer));
        Assert.Equal("cancelled", await Db.ScalarAsync<string>("select status from sms_retry_queue where id = $1", row));
    }

    private async Task<ConsentEntry> RecordAsync(
        Guid business, Guid customer, string status, string? text = null, string? ip = null, string? notes = null, string actor = "test") =>
        (await Records.RecordConsentAsync(business, new ConsentEntry
        {
            Id = Guid.CreateVersion7(),
            CustomerId = customer,
            Status = status,
            Method = "website_form",
            Source = "https://acme.example",
            At = Now.ToDateTimeOffset(),
            RecordedAt = Now.ToDateTimeOffset(),
            Text = text,
            Ip = ip,
            Notes = notes,
            Actor = actor,
        }))!;
}
