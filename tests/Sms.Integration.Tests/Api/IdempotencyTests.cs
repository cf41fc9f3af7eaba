using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

public class IdempotencyTests(SharedSilo shared)
{
    [Fact]
    public async Task The_same_request_under_the_same_key_is_the_same_message()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var request = new { to, body = "Hi", category = "transactional", metadata = new { order = "42" } };

        var first = await business.SendAsync(request, "order-42");
        Assert.Equal(202, first.Status);
        Assert.False(first.Headers.Contains("Idempotent-Replayed"));
        await business.WhenSentAsync(first.Id);

        var again = await business.SendAsync(request, "order-42");
        Assert.Equal((200, first.Id), (again.Status, again.Id));
        Assert.Equal("true", Assert.Single(again.Headers.GetValues("Idempotent-Replayed")));
        Assert.Equal("sent", again.MessageStatus);
        // Spaces and the order of members are no difference.
        var spaced = await business.SendAsync(
            $$$"""{ "metadata": {"order": "42"},  "category":"transactional", "body":"Hi","to":"{{{to}}}" }""", "order-42");
        Assert.Equal((200, first.Id), (spaced.Status, spaced.Id));
        // A day later it is the same message still.
        foreach (var table in new[] { "send_logs where id", "sms.idempotency_keys where message_id" })
            await api.Database.ExecuteAsync($"update {table.Replace(" where", " set created_at = created_at - interval '24 hours' where", StringComparison.Ordinal)} = $1", first.Id);
        Assert.Equal((200, first.Id), ((await business.SendAsync(request, "order-42")) is var later ? (later.Status, later.Id) : default));
        Assert.Single(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task Another_request_under_a_used_key_is_refused()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        Assert.Equal(202, (await business.SendAsync(new { to, body = "Hi", category = "transactional" }, "k")).Status);

        foreach (var other in new object[]
        {
            new { to, body = "Ho", category = "transactional" }, new { to = api.NewNumber(), body = "Hi", category = "transactional" },
            new { to, body = "Hi", category = "otp" }, new { to, body = "Hi", category = "transactional", metadata = new { a = 1 } },
            new { to, body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) },
        })
        {
            var reply = await business.SendAsync(other, "k");
            Assert.Equal((422, "idempotency_key_reused"), (reply.Status, reply.Code));
        }

        Assert.Single((await business.GetAsync("/messages")).Json!["data"]!.AsArray());
    }

    [Fact]
    public async Task Keys_differ_by_case_and_belong_to_a_business()
    {
        var api = await shared.GetAsync();
        var (one, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var request = new { to = api.NewNumber(), body = "Hi", category = "transactional" };
        var replies = new[] { await one.SendAsync(request, "key"), await one.SendAsync(request, "KEY"), await other.SendAsync(request, "key") };
        Assert.All(replies, r => Assert.Equal(202, r.Status));
        Assert.Equal(3, replies.Select(r => r.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_refusal_does_not_use_up_the_key()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, paused = true });
        var request = new { to = api.NewNumber(), body = "Hi", category = "transactional" };
        Assert.Equal("business_paused", (await business.SendAsync(request, "k")).Code);
        await business.PatchAsync(new { settings = new { paused = false } });
        Assert.Equal(202, (await business.SendAsync(request, "k")).Status);
        // What was accepted once is answered even when it would be refused now.
        await business.PatchAsync(new { settings = new { paused = true } });
        Assert.Equal(200, (await business.SendAsync(request, "k")).Status);
    }

    [Fact]
    public async Task A_key_whose_message_was_deleted_with_its_customer_is_said_to_be_so_and_sends_nothing()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var request = new { to, body = "Hi", category = "transactional" };
        var first = await business.SendAsync(request, "k");
        await business.WhenSentAsync(first.Id);
        await api.Database.ExecuteAsync("delete from customers where id = $1", first.Json!["customerId"]!.GetValue<Guid>());

        var again = await business.SendAsync(request, "k");
        Assert.Equal((409, "message_deleted"), (again.Status, again.Code));
        var entry = (await business.PostAsync("/messages/batch", new { messages = new[] { new { to, body = "Hi", category = "transactional", idempotencyKey = "k" } } })).Json!["results"]![0]!;
        Assert.Equal((409, "message_deleted"), (entry["status"]!.GetValue<int>(), entry["problem"]!["code"]!.GetValue<string>()));
        Assert.Single(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task A_repetition_is_answered_when_its_times_have_passed()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var validUntil = TimeProvider.System.GetUtcNow().AddSeconds(8);
        var request = new { to = api.NewNumber(), body = "Hi", category = "otp", validUntil };
        var first = await business.SendAsync(request, "k");
        Assert.Equal(202, first.Status);
        while (TimeProvider.System.GetUtcNow() <= validUntil)
            await Task.Delay(20);

        var again = await business.SendAsync(request, "k");
        Assert.Equal((200, first.Id), (again.Status, again.Id));
        // As a new one it is too late.
        var late = await business.SendAsync(request, "another");
        Assert.Equal((422, "validation_failed"), (late.Status, late.Code));
        Assert.NotNull(late.Json!["errors"]!["validUntil"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Simultaneous_duplicates_make_one_message_and_one_request(bool alike)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var replies = await Task.WhenAll(Enumerable.Range(0, 32).Select(n =>
            business.SendAsync(new { to, body = alike ? "Hi" : $"Hi {n}", category = "transactional" }, "k")));

        var first = Assert.Single(replies, r => r.Status == 202);
        var others = replies.Where(r => r.Status != 202).ToList();
        if (alike)
            Assert.All(others, r => Assert.Equal((200, first.Id), (r.Status, r.Id)));
        else
            Assert.All(others, r => Assert.Equal((422, "idempotency_key_reused"), (r.Status, r.Code)));
        await business.WhenSentAsync(first.Id);
        Assert.Single(await api.LedgerAsync(to));
        Assert.Equal(1, await api.Database.ScalarAsync<long>("select count(*) from send_logs where business_id = $1", business.Id));
        Assert.Equal(1, await api.Database.ScalarAsync<long>("select count(*) from sms.attempts where business_id = $1", business.Id));
    }

    [Fact]
    public async Task Simultaneous_sends_to_a_new_number_make_one_customer()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var replies = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => business.SendAsync(new { to, body = $"Hi {n}", category = "transactional" })));

        Assert.All(replies, r => Assert.Equal(202, r.Status));
        Assert.Equal(1, await api.Database.ScalarAsync<long>("select count(*) from customers where business_id = $1", business.Id));
        Assert.Single(replies.Select(r => r.Json!["customerId"]!.GetValue<Guid>()).Distinct());
        foreach (var reply in replies)
            await business.WhenSentAsync(reply.Id);
        JsonArray ledger = await api.LedgerAsync(to);
        Assert.Equal(16, ledger.Select(m => m!["body"]!.GetValue<string>()).Distinct(StringComparer.Ordinal).Count());
    }
}
