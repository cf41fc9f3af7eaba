using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>Many sends in one request: each stands alone.</summary>
public class BatchTests(SharedSilo shared)
{
    [Fact]
    public async Task Each_entry_stands_alone_and_is_answered_in_its_place()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var numbers = Enumerable.Range(0, 3).Select(_ => api.NewNumber()).ToArray();
        var reply = await business.PostAsync("/messages/batch", new
        {
            messages = new object[]
            {
                new { to = numbers[0], body = "one", category = "transactional" },
                new { to = "nonsense", body = "two", category = "transactional" },
                new { to = numbers[1], body = 3 },
                new { to = numbers[1], body = "four", category = "transactional", idempotencyKey = "k" },
                new { to = numbers[1], body = "four", category = "transactional", idempotencyKey = "k" },
                new { to = numbers[2], body = "six", category = "transactional", idempotencyKey = "k" },
                "no object",
                new { to = numbers[2], body = "eight", category = "transactional", idempotencyKey = "not visible " },
            },
        });

        Assert.Equal(200, reply.Status);
        var results = reply.Json!["results"]!.AsArray();
        Assert.Equal(Enumerable.Range(0, 8), results.Select(r => r!["index"]!.GetValue<int>()));
        Assert.Equal([202, 422, 422, 202, 200, 422, 422, 400], results.Select(r => r!["status"]!.GetValue<int>()));
        Assert.Equal(
            [null, "invalid_phone", "validation_failed", null, null, "idempotency_key_reused", "validation_failed", "invalid_idempotency_key"],
            results.Select(r => r!["problem"]?["code"]?.GetValue<string>()));
        foreach (var member in new[] { "type", "title", "status", "detail", "code", "traceId" })
            Assert.NotNull(results[2]!["problem"]![member]);
        Assert.NotEmpty(results[2]!["problem"]!["errors"]!.AsObject());
        Assert.Equal(results[3]!["message"]!["id"]!.GetValue<string>(), results[4]!["message"]!["id"]!.GetValue<string>());
        await business.WhenSentAsync(results[0]!["message"]!["id"]!.GetValue<Guid>());
    }

    /// <summary>Entries that are bad in ways that would spoil a whole request, and the word that each is refused with.</summary>
    public static TheoryData<string, string> SpoiltEntries { get; } = new()
    {
        { """{"to":"+15125550000","body":"a\u0000"}""", "invalid_text" },
        { """{"to":"+15125550000","body":"\ud800"}""", "invalid_text" },
        { """{"to":"+15125550000","body":"Hi","\udc00":1}""", "invalid_text" },
        { """{"to":"+15125550000","body":"Hi","idempotencyKey":"\u0000"}""", "invalid_text" },
        { """{"to":"+15125550000","to":"+15125550001","body":"Hi"}""", "validation_failed" },
        { """{"to":"+15125550000","body":"Hi","metadata":{"a":1,"a":2}}""", "validation_failed" },
        { """{"to":"+15125550000","body":"Hi","metadata":{"a":{"a":1,"a":2}}}""", "validation_failed" },
        { """{"to":"+15125550000","body":"Hi","sendAt":1}""", "validation_failed" },
        { """{"to":"+15125550000","body":"Hi","variables":{"a":{}}}""", "validation_failed" },
        { """{"to":"+15125550000","body":"Hi","metadata":DEEP}""", "malformed_json" },
        { "null", "malformed_json" },
        { "[[[]]]", "validation_failed" },
        { "1e999999", "validation_failed" },
    };

    [Theory]
    [MemberData(nameof(SpoiltEntries))]
    public async Task A_spoilt_entry_refuses_only_itself(string entry, string code)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        string Good() => $$"""{"to":"{{api.NewNumber()}}","body":"Hi","category":"transactional"}""";
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 5000)) + "1" + new string('}', 5000);
        var reply = await business.PostAsync(
            "/messages/batch", $$"""{"messages":[{{Good()}},{{entry.Replace("DEEP", deep, StringComparison.Ordinal)}},{{Good()}}]}""");
        Assert.Equal(200, reply.Status);
        Assert.Equal([null, code, null], reply.Json!["results"]!.AsArray().Select(r => r!["problem"]?["code"]?.GetValue<string>()));
        Assert.Equal(2, await api.Database.ScalarAsync<long>("select count(*) from send_logs where business_id = $1", business.Id));
    }

    [Theory]
    [InlineData("""{"messages":[{"to":"+15125550000","body":"Hi"}],"\ud800":1}""")]
    [InlineData("""{"messages":[{"to":"+15125550000","body":"Hi"}],"note":"\u0000"}""")]
    [InlineData("""{"messages":[{"to":"+15125550000","body":"Hi"}],"messages":[]}""")]
    [InlineData("""{"messages":[{"to":"+15125550000","body":"Hi"}""")]
    [InlineData("""{"messages":[{"to":"+15125550000","body":"Hi"}]} {}""")]
    [InlineData("""{"messages":{"to":"+15125550000","body":"Hi"}}""")]
    [InlineData("""{"messages":null}""")]
    [InlineData("""[{"to":"+15125550000","body":"Hi"}]""")]
    public async Task What_is_no_batch_is_refused_whole(string body)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var reply = await business.PostAsync("/messages/batch", body);
        Assert.InRange(reply.Status, 400, 499);
        Assert.NotNull(reply.Code);
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Fact]
    public async Task A_key_of_the_whole_batch_makes_its_repetition_safe()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var numbers = new[] { api.NewNumber(), api.NewNumber(), api.NewNumber() };
        object Batch(string last) => new
        {
            messages = new object[]
            {
                new { to = numbers[0], body = "one", category = "transactional" },
                new { to = numbers[1], body = "two", category = "transactional", idempotencyKey = "own" },
                new { to = numbers[2], body = last, category = "transactional" },
            },
        };

        var first = await business.PostAsync("/messages/batch", Batch("three"), "batch-1");
        Assert.False(first.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal([202, 202, 202], Statuses(first));
        var again = await business.PostAsync("/messages/batch", Batch("three"), "batch-1");
        Assert.Equal("true", Assert.Single(again.Headers.GetValues("Idempotent-Replayed")));
        Assert.Equal([200, 200, 200], Statuses(again));
        Assert.Equal(Ids(first), Ids(again));

        // What differs is refused, each for itself; another key is another batch, but for the entry with its own.
        Assert.Equal([200, 200, 422], Statuses(await business.PostAsync("/messages/batch", Batch("other"), "batch-1")));
        Assert.Equal([202, 200, 202], Statuses(await business.PostAsync("/messages/batch", Batch("three"), "batch-2")));
        Assert.Equal((400, "invalid_idempotency_key"), ((await business.PostAsync("/messages/batch", Batch("three"), "a key")) is var bad ? (bad.Status, bad.Code) : default));
        Assert.Equal(5, await api.Database.ScalarAsync<long>("select count(*) from send_logs where business_id = $1", business.Id));

        static IEnumerable<int> Statuses(Reply r) => r.Json!["results"]!.AsArray().Select(e => e!["status"]!.GetValue<int>());
        static IEnumerable<Guid> Ids(Reply r) => r.Json!["results"]!.AsArray().Select(e => e!["message"]!["id"]!.GetValue<Guid>());
    }

    [Fact]
    public async Task A_thousand_go_and_one_more_is_refused_whole()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        object[] Entries(int count) => [.. Enumerable.Range(0, count).Select(n => new { to, body = $"{n}", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddDays(1) })];

        Assert.Equal(422, (await business.PostAsync("/messages/batch", new { messages = Entries(1001) })).Status);
        Assert.Equal(422, (await business.PostAsync("/messages/batch", new { messages = Array.Empty<object>() })).Status);
        var results = (await business.PostAsync("/messages/batch", new { messages = Entries(1000) })).Json!["results"]!.AsArray();
        Assert.All(results, r => Assert.Equal(202, r!["status"]!.GetValue<int>()));

        // Accepted in the order given: that is the order to one recipient.
        var times = results.Select(r => r!["message"]!["createdAt"]!.GetValue<DateTimeOffset>()).ToList();
        Assert.Equal(times.Order(), times);
        Assert.Equal(1000, times.Distinct().Count());
    }

    [Fact]
    public async Task History_tells_what_became_of_a_message_oldest_first()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "rate_limit", retryAfter: "1");
        var message = await business.SendTransactionalAsync(to);
        await business.WhenSentAsync(message);

        var events = await business.EventsAsync(message);
        Assert.Equal(
            ["accepted", "attempt_started", "attempt_failed", "deferred", "claimed", "attempt_started", "sent"],
            events.Select(e => e!["type"]!.GetValue<string>()).Where(t => t != "status"));
        Assert.All(events, e => Assert.NotNull(e!["at"]));
        // The API's own spelling, whoever wrote the entry.
        Assert.All(events, e => Assert.DoesNotMatch("_[a-z]+\":|[+]00:00\"", e!.ToJsonString()));
        var decision = events[0]!["decision"]!;
        Assert.Equal(("area_code", events[0]!["at"]!.GetValue<string>()), (decision["timezoneSource"]!.GetValue<string>(), decision["at"]!.GetValue<string>()));
        Assert.Equal(404, (await business.GetAsync($"/messages/{Guid.NewGuid()}/events")).Status);
    }

    [Fact]
    public async Task Failed_message_is_retried_with_fresh_attempts_and_no_other()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "refuse", code: 30007);
        var message = await business.SendTransactionalAsync(to);
        await business.WhenAsync(message, m => m.MessageStatus == "failed");

        var retried = await business.PostAsync($"/messages/{message}/retry", "");
        Assert.Equal(202, retried.Status);
        // It may have gone already.
        Assert.NotEqual("failed", retried.MessageStatus);
        Assert.Null(retried.Json!["error"]);
        var sent = await business.WhenSentAsync(message);
        Assert.Equal(1, sent.AttemptCount);
        Assert.Equal(
            ["accepted", "attempt_started", "attempt_failed", "failed", "requeued", "claimed", "attempt_started", "sent"],
            (await business.EventsAsync(message)).Select(e => e!["type"]!.GetValue<string>()));

        Assert.Equal((409, "not_retryable"), ((await business.PostAsync($"/messages/{message}/retry", "")) is var again ? (again.Status, again.Code) : default));
        Assert.Equal(404, (await business.PostAsync($"/messages/{Guid.NewGuid()}/retry", "")).Status);
    }

    [Fact]
    public async Task Figures_count_by_status_and_reason()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        await business.WhenSentAsync(await business.SendTransactionalAsync(api.NewNumber()));
        await business.SendAsync(new { to = api.NewNumber(), body = "later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        var cancelled = (await business.SendAsync(new { to = api.NewNumber(), body = "never", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        await business.CancelAsync(cancelled);
        Assert.Equal("cancelled", (await business.EventsAsync(cancelled))[^1]!["type"]!.GetValue<string>());

        var stats = (await business.GetAsync("/stats")).Json!;
        Assert.Equal(1, stats["byStatus"]!["pending"]!.GetValue<int>());
        Assert.Equal(1, stats["byStatus"]!["sent"]!.GetValue<int>() + stats["byStatus"]!["delivered"]!.GetValue<int>());
        Assert.Equal(1, stats["byRetryReason"]!["scheduled"]!.GetValue<int>());
        Assert.Equal(1, stats["byStatus"]!["cancelled"]!.GetValue<int>());
        Assert.True(stats.AsObject().ContainsKey("oldestDue") && stats["oldestDue"] is null);
        Assert.Equal((1, 3, 3), (stats["segmentsToday"]!.GetValue<int>(), stats["segmentsThisMonth"]!.GetValue<int>(), stats["messagesThisMonth"]!.GetValue<int>()));

        Assert.Equal("admin_key_required", (await api.Client.GetAsync("/v1/retries/stats", business.Key)).Code);
        var queue = (await api.Client.GetAsync("/v1/retries/stats", SharedSilo.AdminKey)).Json!.AsObject();
        Assert.True(queue["pending"]!.GetValue<long>() >= 1);
        Assert.All(["due", "processing", "oldestDueAgeSeconds", "byReason"], (string member) => Assert.True(queue.ContainsKey(member)));
    }
}
