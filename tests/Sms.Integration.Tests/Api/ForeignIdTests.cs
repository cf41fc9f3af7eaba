using System.Text.Json.Nodes;
using Sms.Integration.Tests.Operations;

namespace Sms.Integration.Tests.Api;

/// <summary>Every call of the document, with a business key and whatever belongs to somebody else.</summary>
public class ForeignIdTests(SharedSilo shared)
{
    /// <summary>Calls that are the admin's, or nobody's: no business is named in them.</summary>
    private static readonly string[] Elsewhere =
    [
        "createBusiness", "listBusinesses", "findMessage", "findMessages", "previewSegments", "previewQuietHours", "listRules", "getQueueStats", "reportStatus", "receiveText", "live", "ready", "getMetrics",
        "listBlackouts", "listBlackoutHistory", "putBlackout", "deleteBlackout",
    ];

    private static readonly JsonObject Paths =
        JsonNode.Parse(File.ReadAllText(Path.Combine(ApiDescription.Root(), "docs", "openapi.json")))!["paths"]!.AsObject();

    /// <summary>Verb, path, an example of the body or null.</summary>
    private static readonly (string Verb, string Path, string? Body)[] Calls =
    [
        .. Paths.SelectMany(p => p.Value!.AsObject().Select(o => (p.Key, Verb: o.Key, Operation: o.Value!)))
            .Where(o => !Elsewhere.Contains(o.Operation["operationId"]!.GetValue<string>(), StringComparer.Ordinal))
            .Select(o => (o.Verb.ToUpperInvariant(), o.Key, o.Operation["requestBody"]?["content"]?["application/json"]?["example"]?.ToJsonString())),
    ];

    [Fact]
    public async Task Under_somebody_elses_business_every_call_is_not_found_as_if_there_were_none()
    {
        var api = await shared.GetAsync();
        var (mine, theirs) = (await api.NewBusinessAsync(), await PopulatedAsync(api));
        var before = await SnapshotAsync(api, theirs.Business.Id);
        Assert.NotEmpty(Calls);

        foreach (var (verb, path, body) in Calls)
        {
            var answers = new List<string>();
            foreach (var business in new[] { theirs.Business.Id, Guid.CreateVersion7() })
            {
                var reply = await CallAsync(api, verb, Fill(path, business, theirs), body, mine.Key);
                Assert.True(reply is { Status: 404, Code: "not_found" }, $"{verb} {path}: {reply.Status} {reply.Text}");
                var answer = reply.Json!.AsObject();
                Assert.True(answer.Remove("traceId"));
                answers.Add(answer.ToJsonString());
            }

            Assert.True(answers[0] == answers[1], $"{verb} {path} tells: {answers[0]} {answers[1]}");
        }

        Assert.Equal(before, await SnapshotAsync(api, theirs.Business.Id));
    }

    [Fact]
    public async Task Under_ones_own_business_what_is_somebody_elses_is_not_found_either()
    {
        var api = await shared.GetAsync();
        var (mine, theirs) = (await api.NewBusinessAsync(), await PopulatedAsync(api));
        var before = await SnapshotAsync(api, theirs.Business.Id);

        // Ids in the path; a phone is nobody's: everyone has an own list of them.
        foreach (var (verb, path, body) in Calls.Where(c => c.Path.Replace("{businessId}", "", StringComparison.Ordinal).Contains('{') && !c.Path.Contains("{phone}", StringComparison.Ordinal)))
        {
            var reply = await CallAsync(api, verb, Fill(path, mine.Id, theirs), body, mine.Key);
            Assert.True(reply.Status == 404, $"{verb} {path}: {reply.Status} {reply.Text}");
            Assert.Equal("not_found", reply.Code);
        }

        // In the body.
        Assert.Equal("customer_not_found", (await mine.SendAsync(new { customerId = theirs.Customer, body = "Hi" })).Code);
        Assert.Equal("unknown_template", (await mine.SendAsync(new { to = api.NewNumber(), templateId = theirs.Template })).Code);
        var batch = await mine.PostAsync("/messages/batch", new { messages = new object[] { new { customerId = theirs.Customer, body = "Hi" }, new { to = api.NewNumber(), templateId = theirs.Template } } });
        Assert.Equal(
            ["customer_not_found", "unknown_template"],
            batch.Json!["results"]!.AsArray().Select(r => r!["problem"]!["code"]!.GetValue<string>()));

        // In the query, and in a cursor that was the other's.
        foreach (var query in new[] { $"/messages?customerId={theirs.Customer}", $"/messages?to={Uri.EscapeDataString(theirs.Phone)}", $"/customers?phone={Uri.EscapeDataString(theirs.Phone)}" })
            Assert.Empty((await mine.GetAsync(query)).Json!["data"]!.AsArray());
        var cursor = (await theirs.Business.GetAsync("/messages?limit=1")).Json!["nextCursor"]!.GetValue<string>();
        Assert.DoesNotContain(theirs.Phone, (await mine.GetAsync($"/messages?cursor={Uri.EscapeDataString(cursor)}")).Text, StringComparison.Ordinal);

        // The same idempotency key and the same phone are two things in two businesses.
        var sent = await mine.SendAsync(new { to = theirs.Phone, body = "Hi", category = "transactional" }, "the-same-key");
        Assert.Equal(202, sent.Status);
        Assert.NotEqual(theirs.Customer, sent.Json!["customerId"]!.GetValue<Guid>());
        await mine.PostAsync("/customers", new { phone = theirs.Phone, name = "Mine" });
        foreach (var verb in new[] { HttpMethod.Put, HttpMethod.Delete })
            await api.Client.SendAsync(verb, $"{mine.Path}/opt-outs/{Uri.EscapeDataString(theirs.Phone)}", verb == HttpMethod.Put ? ApiClient.Json("{}") : null, mine.Key);

        Assert.Equal(before, await SnapshotAsync(api, theirs.Business.Id));
    }

    private static string Fill(string path, Guid business, Populated theirs)
    {
        var filled = path
            .Replace("{businessId}", $"{business}", StringComparison.Ordinal)
            .Replace("{customerId}", $"{theirs.Customer}", StringComparison.Ordinal)
            .Replace("{messageId}", $"{theirs.Message}", StringComparison.Ordinal)
            .Replace("{keyId}", $"{theirs.ApiKey}", StringComparison.Ordinal)
            .Replace("{phone}", Uri.EscapeDataString(theirs.Phone), StringComparison.Ordinal);
        Assert.False(filled.Contains('{', StringComparison.Ordinal), $"This test knows nothing to put into {path}.");
        return filled;
    }

    private static Task<Reply> CallAsync(RunningApi api, string verb, string path, string? body, string key) =>
        api.Client.SendAsync(new HttpMethod(verb), path, body is null ? null : ApiClient.Json(body), key);

    /// <summary>A business that has one of everything, and a message that waits for ever.</summary>
    private static async Task<Populated> PopulatedAsync(RunningApi api)
    {
        var business = await api.NewBusinessAsync();
        var phone = api.NewNumber();
        var customer = await business.NewCustomerAsync(phone, Hours.Night);
        await business.PostAsync("/messages", new { customerId = customer, body = "First" });
        var message = await business.SendAsync(new { customerId = customer, body = "Hi" }, "the-same-key");
        Assert.Equal("pending", message.MessageStatus);
        var key = (await business.GetAsync("/api-keys")).Json!["data"]!.AsArray()[0]!["id"]!.GetValue<Guid>();
        var template = Guid.CreateVersion7();
        await api.Database.ExecuteAsync("insert into email_templates (id, business_id, name, body) values ($1, $2, 'Theirs', 'Secret')", template, business.Id);
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{Uri.EscapeDataString(api.NewNumber())}", ApiClient.Json("{}"), business.Key)).Status);
        return new Populated(business, customer, phone, message.Id, key, template);
    }

    /// <summary>All that the business has, of every table that names it.</summary>
    private static async Task<string> SnapshotAsync(RunningApi api, Guid business)
    {
        var tables = await api.Database.ScalarAsync<string[]>(
            """
            select array_agg(c.oid::regclass::text order by 1) from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'business_id'
            where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'sms'::regnamespace)
              and c.relname not in ('message_counts', 'count_changes', 'queue_counts', 'queue_changes')
            """);
        // Counts move from one table to the other at any time; their sum is what counts.
        var lines = new List<string>
        {
            await api.Database.ScalarAsync<string>(
                """
                select string_agg(s.status || ' ' || s.n, '|' order by s.status)
                from (
                  select c.status, sum(c.n) as n
                  from (
                    select m.status, m.n from sms.message_counts m where m.business_id = $1
                    union all
                    select m.status, m.n from sms.count_changes m where m.business_id = $1) c
                  group by c.status having sum(c.n) <> 0) s
                """, business) ?? "",
            await api.Database.ScalarAsync<string>(
                """
                select string_agg(s::text, '|' order by s::text)
                from (
                  select c.reason, c.is_held, c.minute, sum(c.n) as n
                  from (select * from sms.queue_counts union all select * from sms.queue_changes) c
                  where c.business_id = $1
                  group by 1, 2, 3 having sum(c.n) <> 0) s
                """, business) ?? "",
        };
        foreach (var table in tables!.Append("businesses"))
        {
            lines.Add($"{table} " + await api.Database.ScalarAsync<string>(
                $"select string_agg(t::text, '|' order by t::text) from {table} t where {(table is "businesses" ? "id" : "business_id")} = $1", business));
        }

        return string.Join('\n', lines);
    }

    private sealed record Populated(TestBusiness Business, Guid Customer, string Phone, Guid Message, Guid ApiKey, Guid Template);
}
