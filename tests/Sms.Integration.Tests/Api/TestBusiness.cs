using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>A business of one test, with its own key.</summary>
public sealed class TestBusiness(RunningApi api, Guid id, string key)
{
    /// <summary>How long anything is waited for that must happen: a bound of the test, on a machine that may stand still for seconds, not of the program.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public Guid Id { get; } = id;

    public string Key { get; } = key;

    public string Path { get; } = $"/v1/businesses/{id}";

    public Task<Reply> GetAsync(string path = "") => api.Client.GetAsync(Path + path, Key);

    public Task<Reply> PostAsync(string path, object body, string? idempotencyKey = null) => api.Client.PostAsync(Path + path, body, Key, idempotencyKey);

    public Task<Reply> PatchAsync(object body) => api.Client.PatchAsync(Path, body, Key);

    public Task<Reply> SendAsync(object body, string? idempotencyKey = null) => PostAsync("/messages", body, idempotencyKey);

    /// <summary>Sends a text that is not held to any hours.</summary>
    public async Task<Guid> SendTransactionalAsync(string to, string body = "Your order is on its way")
    {
        var reply = await SendAsync(new { to, body, category = "transactional" });
        Assert.Equal(202, reply.Status);
        return reply.Id;
    }

    public Task<Reply> MessageAsync(Guid message) => GetAsync($"/messages/{message}");

    /// <summary>The history of a message, oldest first.</summary>
    public async Task<JsonArray> EventsAsync(Guid message) => (await GetAsync($"/messages/{message}/events")).Json!["data"]!.AsArray();

    public Task<Reply> CancelAsync(Guid message) => api.Client.SendAsync(HttpMethod.Post, $"{Path}/messages/{message}/cancel", null, Key);

    /// <summary>A customer who agreed to marketing, in this zone.</summary>
    public async Task<Guid> NewCustomerAsync(string phone, string? timezone = null, string consent = "opted_in")
    {
        var reply = await PostAsync("/customers", new { phone, timezone, smsConsent = new { status = consent, method = "website_form", source = "https://acme.example" } });
        Assert.Equal(201, reply.Status);
        return reply.Id;
    }

    /// <summary>Waits until the message is as asked; fails with what it was last.</summary>
    public async Task<Reply> WhenAsync(Guid message, Func<Reply, bool> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var reply = await MessageAsync(message);
            if (reply.Status == 200 && condition(reply))
                return reply;
            if (Stopwatch.GetElapsedTime(started) > Patience)
                Assert.Fail($"The message did not become as expected:\n{reply.Text}");
            await Task.Delay(20);
        }
    }

    public Task<Reply> WhenSentAsync(Guid message) => WhenAsync(message, m => m.MessageStatus is "sent");

    /// <summary>Makes what the message waits for due now, as an operator might.</summary>
    public async Task MakeDueAsync(Guid message) => Assert.Equal(1, await api.Database.ExecuteAsync(
        "update sms_retry_queue set scheduled_for = now() where send_log_id = $1 and status = 'pending'", message));

    /// <summary>What this business has stored through requests: an attempt or an event of earlier ones does not change it.</summary>
    public async Task<long> CountRowsAsync() => await api.Database.ScalarAsync<long>(
        """
        select (select count(*) from send_logs where business_id = $1) + (select count(*) from customers where business_id = $1)
          + (select count(*) from sms.idempotency_keys where business_id = $1) + (select count(*) from sms.consent_events where business_id = $1)
          + (select coalesce(sum(messages), 0) from sms.usage where business_id = $1)
        """, Id);
}
