using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>Many sends in one request: each stands alone.</summary>
public sealed class BatchTests(SharedSilo shared)
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
        Assert.Equal(results[3]!["message"]!["id"]!.GetValue<string>(), results[4]!["message"]!["id"]!.GetValue<string>());
        await business.WhenSentAsync(results[0]!["message"]!["id"]!.GetValue<Guid>());
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

        var events = (await business.GetAsync($"/messages/{message}/events")).Json!["data"]!.AsArray();
        Assert.Equal(
            ["accepted", "attempt_started", "attempt_failed", "deferred", "claimed", "attempt_started", "sent"],
            events.Select(e => e!["type"]!.GetValue<string>()).Where(t => t != "status"));
        Assert.All(events, e => Assert.NotNull(e!["at"]));
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
        Assert.Equal((202, "pending"), (retried.Status, retried.MessageStatus));
        Assert.Null(retried.Json!["error"]);
        var sent = await business.WhenSentAsync(message);
        Assert.Equal(1, sent.AttemptCount);

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

        var stats = (await business.GetAsync("/stats")).Json!;
        Assert.Equal(1, stats["byStatus"]!["pending"]!.GetValue<int>());
        Assert.Equal(1, stats["byStatus"]!["sent"]!.GetValue<int>() + stats["byStatus"]!["delivered"]!.GetValue<int>());
        Assert.Equal(1, stats["byRetryReason"]!["scheduled"]!.GetValue<int>());
        Assert.Equal((1, 2, 2), (stats["segmentsToday"]!.GetValue<int>(), stats["segmentsThisMonth"]!.GetValue<int>(), stats["messagesThisMonth"]!.GetValue<int>()));

        Assert.Equal("admin_key_required", (await api.Client.GetAsync("/v1/retries/stats", business.Key)).Code);
        var queue = (await api.Client.GetAsync("/v1/retries/stats", SharedSilo.AdminKey)).Json!.AsObject();
        Assert.True(queue["pending"]!.GetValue<long>() >= 1);
        Assert.All(["due", "processing", "oldestDueAgeSeconds", "byReason"], (string member) => Assert.True(queue.ContainsKey(member)));
    }
}
