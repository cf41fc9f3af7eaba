using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Sms.Integration.Tests.Api;
using Sms.Testing;

namespace Sms.Integration.Tests.Processes;

/// <summary>Strangers and a tenant attack a process, one way after the other, while another tenant sends and reads.</summary>
[Collection(nameof(Alone))]
public sealed class AttackTests
{
    private const int Calls = 30, Nested = 300_000, Idle = 1000, Entries = 1000, Ledger = 200;

    /// <summary>What the other tenant waits for at most, at the 95th percentile; on a slow machine ten times what it waits for alone.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Whatever_strangers_and_one_tenant_do_another_is_served()
    {
        await using var api = await RunningApi.StartAsync();
        using var process = Process.GetProcessById(api.Silo.Id);
        var (attacker, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var customer = await attacker.NewCustomerAsync(api.NewNumber());
        for (var n = 0; n < Ledger; n++)
        {
            var entry = new { status = n % 2 == 0 ? "opted_out" : "opted_in", method = "other", source = "attack", text = new string('x', 4000), notes = new string('y', 2000) };
            Assert.Equal(201, (await attacker.PostAsync($"/customers/{customer}/consent", entry)).Status);
        }

        using var http = new HttpClient { BaseAddress = api.Http.BaseAddress, Timeout = TimeSpan.FromSeconds(60) };
        var key = $"Authorization: Bearer {attacker.Key}";
        var nested = $"{{\"messages\":[{new string('[', Nested)}{new string(']', Nested)}]}}";
        var form = string.Join('&', Enumerable.Repeat("a=b", 199)) + "&b=" + new string('c', 60_000);
        (string Name, Func<CancellationToken, Task> Attack)[] attacks =
        [
            ("nobody", _ => Task.CompletedTask),
            ("16 slow bodies of a tenant", end => SlowAsync(api, $"POST {attacker.Path}/messages", $"{key}\r\nContent-Type: application/json", end)),
            ("16 slow webhooks", end => SlowAsync(api, "POST /webhooks/twilio/status", "X-Twilio-Signature: x\r\nContent-Type: application/x-www-form-urlencoded", end)),
            ("4 bodies of nothing but brackets", end => RepeatAsync(4, () => PostAsync(http, $"{attacker.Path}/messages/batch", nested, "application/json", attacker.Key), end)),
            ("24 readers of a long ledger", end => RepeatAsync(24, () => GetAsync(http, $"{attacker.Path}/customers/{customer}/consent?limit=200", attacker.Key), end)),
            ("1,000 idle connections", end => IdleAsync(api, end)),
            ("24 clients with batches of 1,000", end => RepeatAsync(24, () => PostAsync(http, $"{attacker.Path}/messages/batch", Batch(), "application/json", attacker.Key), end)),
            ("15 clients with long webhooks that nobody signed", end => RepeatAsync(15, () => PostAsync(http, "/webhooks/twilio/inbound", form, "application/x-www-form-urlencoded", key: null), end)),
            ("32 readers of the documents", end => RepeatAsync(32, () => GetAsync(http, "/openapi/v1.json", key: null), end)),
            ("32 clients with keys of nobody", end => RepeatAsync(32, () => PostAsync(http, $"{attacker.Path}/messages", "{}", "application/json", $"sms_{Guid.NewGuid():N}"), end)),
        ];

        var bound = Patience;
        foreach (var (name, attack) in attacks)
        {
            using var end = new CancellationTokenSource();
            var attacking = attack(end.Token);
            var (statuses, waits) = await MeasureAsync(api, other);
            await end.CancelAsync();
            await attacking;
            process.Refresh();
            var (p50, p95, memory) = (waits[waits.Count / 2], waits[(int)(waits.Count * .95)], process.WorkingSet64 / (1024 * 1024));
            Figures.Print(string.Create(CultureInfo.InvariantCulture, $"attack by {name}: another tenant waits {p50.TotalMilliseconds:F0} ms, p95 {p95.TotalMilliseconds:F0} ms; {memory} MiB"));
            Assert.All(statuses, s => Assert.InRange(s, 200, 202));
            Assert.InRange(memory, 0, 1500);
            if (name is "nobody" && 10 * p95 > bound)
                bound = 10 * p95;
            Assert.True(p95 < bound, $"{name}: {p95}");
        }
    }

    /// <summary>A tenant that reads and sends, one call after the other.</summary>
    private static async Task<(List<int> Statuses, List<TimeSpan> Waits)> MeasureAsync(RunningApi api, TestBusiness business)
    {
        var (statuses, waits) = (new List<int>(), new List<TimeSpan>());
        for (var n = 0; n < Calls; n++)
        {
            foreach (var call in new[]
            {
                () => business.GetAsync("/messages?limit=20"),
                () => business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddDays(1) }),
            })
            {
                var started = Stopwatch.GetTimestamp();
                statuses.Add((await call()).Status);
                waits.Add(Stopwatch.GetElapsedTime(started));
            }
        }

        waits.Sort();
        return (statuses, waits);
    }

    private static async Task SlowAsync(RunningApi api, string call, string headers, CancellationToken end)
    {
        await using var slow = await SlowClients.StartAsync(api, 16, call, headers, isChunked: true);
        await UntilAsync(end);
    }

    private static async Task IdleAsync(RunningApi api, CancellationToken end)
    {
        var sockets = new List<TcpClient>();
        try
        {
            for (var n = 0; n < Idle; n++)
            {
                var socket = new TcpClient();
                sockets.Add(socket);
                await socket.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port, CancellationToken.None);
            }

            await UntilAsync(end);
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }

    private static Task RepeatAsync(int clients, Func<Task> call, CancellationToken end) => Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
    {
        while (!end.IsCancellationRequested)
            await call();
    }));

    private static async Task UntilAsync(CancellationToken end)
    {
        var ended = new TaskCompletionSource();
        await using var registration = end.Register(ended.SetResult);
        await ended.Task;
    }

    private static string Batch()
    {
        var text = new StringBuilder("{\"messages\":[");
        for (var n = 0; n < Entries; n++)
            text.Append(CultureInfo.InvariantCulture, $"{(n == 0 ? "" : ",")}{{\"to\":\"+1312{5_000_000 + n}\",\"body\":\"Hi\",\"category\":\"transactional\",\"sendAt\":\"{TimeProvider.System.GetUtcNow().AddDays(1):yyyy-MM-dd'T'HH:mm:ss'Z'}\"}}");
        return text.Append("]}").ToString();
    }

    private static Task PostAsync(HttpClient http, string path, string body, string type, string? key) =>
        AskAsync(http, new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, type) }, key);

    private static Task GetAsync(HttpClient http, string path, string? key) => AskAsync(http, new HttpRequestMessage(HttpMethod.Get, path), key);

    /// <summary>What an attacker is answered is no matter here, nor whether.</summary>
    private static async Task AskAsync(HttpClient http, HttpRequestMessage request, string? key)
    {
        using (request)
        {
            if (key is not null)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            request.Headers.TryAddWithoutValidation("X-Twilio-Signature", "x");
            try
            {
                using var reply = await http.SendAsync(request);
                await reply.Content.ReadAsByteArrayAsync();
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                // The door was shut.
            }
        }
    }
}
