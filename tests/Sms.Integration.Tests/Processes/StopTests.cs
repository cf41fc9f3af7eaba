using Sms.Integration.Tests.Api;

namespace Sms.Integration.Tests.Processes;

/// <summary>The program ends, politely or not, and nothing that was answered is lost or doubled.</summary>
public sealed class StopTests
{
    [Fact]
    public async Task A_polite_stop_lets_requests_end_and_loses_nothing()
    {
        await using var api = await RunningApi.StartAsync();
        var business = await api.NewBusinessAsync();
        var slow = api.NewNumber();
        await api.FaultAsync(slow, "latency", latencyMs: 1500);
        var underWay = await business.SendTransactionalAsync(slow);
        await business.WhenAsync(underWay, m => m.Json!["attempt"]?["state"]?.GetValue<string>() is "open");
        var accepted = (await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => business.SendTransactionalAsync(api.NewNumber())))).ToList();
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var waiting = (await business.SendAsync(new { customerId = customer, body = "Hi" })).Id;

        Assert.Equal(0, await api.Silo.StopAsync());

        // What was under way ended and was written down; nothing is left in anybody's hands.
        Assert.Equal("sent", await api.Database.ScalarAsync<string>("select status from send_logs where id = $1", underWay));
        Assert.Equal(0, await api.Database.ScalarAsync<long>("select count(*) from sms.attempts where state = 'open'"));
        Assert.Equal(0, await api.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'processing'"));
        Assert.Equal(0, await api.Database.ScalarAsync<long>("select count(*) from send_logs where status = 'failed'"));

        await api.RestartAsync();
        foreach (var message in accepted)
            Assert.Equal(1, (await business.WhenSentAsync(message)).AttemptCount);
        Assert.Equal("quiet_hours", (await business.MessageAsync(waiting)).Reason);
        Assert.Equal(52, await api.Database.ScalarAsync<long>("select count(*) from send_logs where business_id = $1", business.Id));
    }

    [Fact]
    public async Task A_killed_program_has_kept_what_it_answered_and_knows_its_keys()
    {
        await using var api = await RunningApi.StartAsync();
        var business = await api.NewBusinessAsync();
        var requests = Enumerable.Range(0, 20).Select(n => (Key: $"k{n}", Body: new { to = api.NewNumber(), body = "Hi", category = "transactional" })).ToList();
        var replies = await Task.WhenAll(requests.Select(r => business.SendAsync(r.Body, r.Key)));
        await api.Silo.KillAsync();
        Assert.All(replies, r => Assert.Equal(202, r.Status));

        await api.RestartAsync();
        for (var n = 0; n < requests.Count; n++)
        {
            var again = await business.SendAsync(requests[n].Body, requests[n].Key);
            Assert.Equal((200, replies[n].Id), (again.Status, again.Id));
            Assert.Equal((422, "idempotency_key_reused"), Shape(await business.SendAsync(new { requests[n].Body.to, body = "Ho" }, requests[n].Key)));
        }

        Assert.Equal(20, await api.Database.ScalarAsync<long>("select count(*) from send_logs where business_id = $1", business.Id));
        // The simulator died with it: what it took and had not answered is unknown, and not asked of it twice.
        foreach (var reply in replies)
            Assert.Equal(1, (await business.WhenAsync(reply.Id, IsSettled)).AttemptCount);

        static bool IsSettled(Reply m) => m.MessageStatus is "sent" || m.Json!["attempt"] is not null;
    }

    private static (int, string?) Shape(Reply reply) => (reply.Status, reply.Code);
}
