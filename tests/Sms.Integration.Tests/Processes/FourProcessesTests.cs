using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>Silos without the API and front-ends without a silo are one system.</summary>
[Collection(nameof(Alone))]
public sealed class FourProcessesTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task What_is_made_at_one_front_end_is_used_at_the_other_and_a_revoked_key_stops_at_both()
    {
        await using var all = await FourProcesses.StartAsync();
        var (first, second) = (all.FrontEnds[0], all.FrontEnds[1]);
        Assert.All(all.FrontEnds, f => Assert.Contains("Waiting for the cluster", f.Output, StringComparison.Ordinal));
        var (path, key) = await MakeBusinessAsync(first);

        var sent = await SendAsync(second, path, key, "+15125550111", "one");
        Assert.Equal(HttpStatusCode.Accepted, sent.Status);
        var message = $"{path}/messages/{sent.Body["id"]!.GetValue<string>()}";
        // The simulator reports the delivery to the front-end at the public address.
        await UntilAsync(async () => (await GetAsync(first, message, key)).Body["status"]!.GetValue<string>() is "sent" or "delivered");

        var keys = (await GetAsync(first, $"{path}/api-keys", key)).Body["data"]!.AsArray();
        using (var revoked = await first.Http.DeleteAsync(new Uri($"{path}/api-keys/{keys[0]!["id"]}", UriKind.Relative)))
            Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        foreach (var frontEnd in all.FrontEnds)
            await UntilAsync(async () => (await GetAsync(frontEnd, message, key)).Status == HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_headless_silo_tells_its_health_and_its_figures_and_serves_no_API()
    {
        await using var all = await FourProcesses.StartAsync();
        var silo = all.Silos[0];
        var (path, key) = await MakeBusinessAsync(all.FrontEnds[0]);
        await SendAsync(all.FrontEnds[0], path, key, "+15125550111", "one");
        await UntilAsync(async () => await all.Database.ScalarAsync<long>("select count(*) from send_logs where channel = 'sms' and status in ('sent', 'delivered')") == 1);
        using (var ready = await silo.Http.GetAsync(new Uri("/health/ready", UriKind.Relative)))
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        var metrics = await Task.WhenAll(all.FrontEnds.Concat(all.Silos).Select(p => p.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative))));
        Assert.All(metrics, m => Assert.Contains("\nsms_queue_rows{state=\"due\"} 0\n", m, StringComparison.Ordinal));
        Assert.Single(metrics, m => m.Contains("\nsms_sends_total{outcome=\"accepted\"} 1\n", StringComparison.Ordinal));
        Assert.Single(metrics, m => m.Contains("\nsms_provider_call_duration_seconds_count{outcome=\"accepted\",class=\"none\"} 1\n", StringComparison.Ordinal));
        // No number, no id and no key is in a label.
        Assert.All(metrics, m => Assert.DoesNotContain("5125550111", m, StringComparison.Ordinal));
        Assert.All(metrics, m => Assert.DoesNotContain(path.Split('/')[^1], m, StringComparison.Ordinal));
        using (var api = await silo.Http.GetAsync(new Uri("/openapi/v1.json", UriKind.Relative)))
            Assert.Equal(HttpStatusCode.NotFound, api.StatusCode);
        foreach (var process in all.FrontEnds.Concat(all.Silos))
            Assert.Equal(0, await process.StopAsync());
    }

    [Fact]
    public async Task A_silo_killed_under_a_stream_of_sends_loses_nothing_and_no_client_sees_an_error()
    {
        const int Clients = 8;
        await using var all = await FourProcesses.StartAsync();
        var (path, key) = await MakeBusinessAsync(all.FrontEnds[0]);
        var accepted = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        var slowest = TimeSpan.Zero;
        var killedAfter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var isKilled = false;

        var clients = Enumerable.Range(0, Clients).Select(async client =>
        {
            // Goes on until each client had replies before and after the death.
            for (var n = 0; n < 20 || !Volatile.Read(ref isKilled) || accepted.Count < 400; n++)
            {
                var started = Stopwatch.GetTimestamp();
                var to = $"+1512556{(client * 1000) + (n % 1000):D4}";
                var idempotencyKey = $"{client}-{n}";
                var sent = await SendAsync(all.FrontEnds[(client + n) % 2], path, key, to, $"text {idempotencyKey}", idempotencyKey);
                Assert.True(sent.Status is HttpStatusCode.Accepted or HttpStatusCode.OK, $"{sent.Status}: {sent.Body}\n{string.Join("\n", all.FrontEnds.Concat(all.Silos).Select(p => p.Output))}");
                accepted[idempotencyKey] = sent.Body["id"]!.GetValue<string>();
                var took = Stopwatch.GetElapsedTime(started);
                lock (accepted)
                    slowest = took > slowest ? took : slowest;
                if (accepted.Count > 100)
                    killedAfter.TrySetResult();
            }
        }).ToList();

        var first = await Task.WhenAny(killedAfter.Task, Task.WhenAll(clients)).WaitAsync(Patience);
        await first;
        await all.Silos[0].KillAsync();
        Volatile.Write(ref isKilled, true);
        await Task.WhenAll(clients).WaitAsync(TimeSpan.FromSeconds(90));
        Assert.InRange(slowest, TimeSpan.Zero, Patience);

        // Every accepted one is there, once, and is handed over. Requests that the dead silo had on the wire may or may
        // not have been taken (its simulator died with it): they stay unknown and are not sent again.
        Assert.Equal(accepted.Count, accepted.Values.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(accepted.Count, await all.Database.ScalarAsync<long>("select count(*) from send_logs where channel = 'sms'"));
        await UntilAsync(
            async () => await all.Database.ScalarAsync<long>(
                """
                select count(*) from send_logs l
                where l.channel = 'sms' and l.status not in ('sent', 'delivered')
                  and not exists (select 1 from sms.attempts a where a.message_id = l.id and a.state in ('open', 'unknown'))
                """) == 0,
            TimeSpan.FromSeconds(60));
        // No more than one silo's slots.
        Assert.InRange(await all.Database.ScalarAsync<long>("select count(*) from sms.attempts where state in ('open', 'unknown')"), 0, 64);
        Assert.Equal(0, await all.Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'pending'"));
        Assert.Equal(0, await all.Database.ScalarAsync<long>("select count(*) from send_logs where channel = 'sms' and status = 'failed'"));
    }

    [Fact]
    public async Task A_front_end_without_a_cluster_lives_but_is_not_ready_and_stops_when_told()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var frontEnd = SiloProcess.Launch(FourProcesses.Settings(database), "Sms.Api");
        await UntilAsync(() => Task.FromResult(frontEnd.Output.Contains("Waiting for the cluster: no silo answers", StringComparison.Ordinal)));
        frontEnd.UseKey(FourProcesses.AdminKey);
        // It asks for the cluster and begins to listen at the same time.
        await UntilAsync(() => ListensAsync(frontEnd));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(frontEnd, "/health/live", FourProcesses.AdminKey)).Status);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await GetAsync(frontEnd, "/health/ready", FourProcesses.AdminKey)).Status);
        var call = await GetAsync(frontEnd, "/v1/retries/stats", FourProcesses.AdminKey);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "unavailable"), (call.Status, call.Body["code"]!.GetValue<string>()));
        Assert.Contains("sms_queue_counted 0", await frontEnd.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative)), StringComparison.Ordinal);
        Assert.Equal(0, await frontEnd.StopAsync());
    }

    [Theory]
    [InlineData("ConnectionStrings__Sms", "", "ConnectionStrings__Sms: is required")]
    [InlineData("ConnectionStrings__Sms", "nonsense", "ConnectionStrings__Sms: is no connection string")]
    [InlineData("SMS_ADMIN_KEY", "", "SMS_ADMIN_KEY: is required")]
    [InlineData("SMS_ADMIN_KEY", "short", "SMS_ADMIN_KEY: must have at least 16 characters")]
    [InlineData("SMS_PUBLIC_URL", "here", "SMS_PUBLIC_URL: must be")]
    public async Task A_front_end_with_a_wrong_setting_ends_with_one_line_that_names_it(string name, string value, string line)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ConnectionStrings__Sms"] = "Host=127.0.0.1;Port=1;Database=none;Username=nobody",
            ["SMS_ADMIN_KEY"] = FourProcesses.AdminKey,
            [name] = value,
        };
        await using var frontEnd = SiloProcess.Launch(settings, "Sms.Api");
        Assert.Equal(1, await frontEnd.ExitAsync());
        Assert.StartsWith(line, frontEnd.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', frontEnd.Output.Trim());
    }

    private static async Task<bool> ListensAsync(SiloProcess frontEnd)
    {
        try
        {
            using var reply = await frontEnd.Http.GetAsync(new Uri("/health/live", UriKind.Relative));
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<(string Path, string Key)> MakeBusinessAsync(SiloProcess frontEnd)
    {
        using var reply = await frontEnd.Http.PostAsJsonAsync(new Uri("/v1/businesses", UriKind.Relative), new { name = "Acme", timezone = "America/Chicago" });
        var made = JsonNode.Parse(await reply.Content.ReadAsStringAsync())!;
        Assert.True(reply.StatusCode == HttpStatusCode.Created, made.ToJsonString());
        return ($"/v1/businesses/{made["id"]!.GetValue<string>()}", made["apiKey"]!.GetValue<string>());
    }

    private static async Task<(HttpStatusCode Status, JsonNode Body)> SendAsync(
        SiloProcess frontEnd, string path, string key, string to, string body, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{path}/messages") { Content = JsonContent.Create(new { to, body, category = "transactional" }) };
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        return await CallAsync(frontEnd, request, key);
    }

    private static async Task<(HttpStatusCode Status, JsonNode Body)> GetAsync(SiloProcess frontEnd, string path, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        return await CallAsync(frontEnd, request, key);
    }

    private static async Task<(HttpStatusCode Status, JsonNode Body)> CallAsync(SiloProcess frontEnd, HttpRequestMessage request, string key)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var reply = await frontEnd.Http.SendAsync(request);
        return (reply.StatusCode, JsonNode.Parse(await reply.Content.ReadAsStringAsync())!);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, TimeSpan? patience = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(
                Stopwatch.GetElapsedTime(started) < (patience ?? Patience),
                string.Create(CultureInfo.InvariantCulture, $"It did not happen within {(patience ?? Patience).TotalSeconds} s."));
            await Task.Delay(50);
        }
    }
}
