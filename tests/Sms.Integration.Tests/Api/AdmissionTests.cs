using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sms.Integration.Tests.Api;

/// <summary>What slow, many and forged requests of one do to all others: nothing.</summary>
public class AdmissionTests(SharedSilo shared)
{
    /// <summary>Far beyond what a call takes on a busy machine, and below what a door that is shut would make it wait.</summary>
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(16, true)]
    [InlineData(64, false)]
    [InlineData(200, true)]
    [InlineData(200, false)]
    public async Task Slow_bodies_of_one_business_turn_nobody_away(int connections, bool isChunked)
    {
        var api = await shared.GetAsync();
        var (slow, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        await using var clients = await SlowClients.StartAsync(
            api, connections, $"POST {slow.Path}/messages", $"Authorization: Bearer {slow.Key}\r\nContent-Type: application/json", isChunked);
        await AssertAllAnswerAsync(api, other, slow);
        Assert.DoesNotContain(clients.Answers, a => a.IsCompleted);
        if (connections < 200)
            return;
        foreach (var answer in await Task.WhenAll(clients.Answers).WaitAsync(TestBusiness.Patience))
            AssertTimedOut(answer);
    }

    [Theory]
    [InlineData("status", 16, false)]
    [InlineData("inbound", 64, true)]
    [InlineData("inbound", 200, false)]
    [InlineData("status", 200, true)]
    public async Task Slow_webhooks_with_a_made_up_signature_turn_nobody_away(string webhook, int connections, bool isChunked)
    {
        var api = await shared.GetAsync();
        await using var clients = await SlowClients.StartAsync(
            api, connections, $"POST /webhooks/twilio/{webhook}", "X-Twilio-Signature: x\r\nContent-Type: application/x-www-form-urlencoded", isChunked);
        await AssertAllAnswerAsync(api, await api.NewBusinessAsync());
        Assert.DoesNotContain(clients.Answers, a => a.IsCompleted);
        if (connections < 200)
            return;
        foreach (var answer in await Task.WhenAll(clients.Answers).WaitAsync(TestBusiness.Patience))
            AssertTimedOut(answer);
    }

    /// <summary>More than the room of those that are not proved holds: those that came first make way, and not the provider.</summary>
    [Fact]
    public async Task Unfinished_webhooks_that_fill_their_room_put_out_one_another()
    {
        const int Connections = 320;
        var api = await shared.GetAsync();
        await using var clients = await SlowClients.StartAsync(
            api, Connections, "POST /webhooks/twilio/inbound", "X-Twilio-Signature: x\r\nContent-Type: application/x-www-form-urlencoded",
            isChunked: false, new string('a', 60 * 1024));
        await AssertAllAnswerAsync(api, await api.NewBusinessAsync());
        var answers = await Task.WhenAll(clients.Answers).WaitAsync(TestBusiness.Patience);
        Assert.Contains(answers, a => a.StartsWith("HTTP/1.1 503", StringComparison.Ordinal) && a.Contains("\r\nRetry-After: 1\r\n", StringComparison.Ordinal));
        Assert.Contains(answers, a => a.StartsWith("HTTP/1.1 408", StringComparison.Ordinal));
        Assert.Matches("\nsms_requests_turned_away_total\\{room=\"unsigned\"\\} [1-9]", (await api.Client.GetAsync("/metrics")).Text);
    }

    [Fact]
    public async Task Unknown_keys_with_empty_chunked_bodies_turn_nobody_away()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        using var end = new CancellationTokenSource();
        var tried = 0;
        var strangers = Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                var text = await RawAsync(api, $"POST {business.Path}/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {Guid.NewGuid():N}\r\n"
                    + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
                Assert.StartsWith("HTTP/1.1 401", text, StringComparison.Ordinal);
                Interlocked.Increment(ref tried);
            }
        })).ToArray();
        for (var n = 0; n < 10; n++)
            await AssertAllAnswerAsync(api, business);
        await end.CancelAsync();
        await Task.WhenAll(strangers);
        Assert.True(tried > 100, $"only {tried} tried");
    }

    [Fact]
    public async Task Requests_without_a_body_weigh_little_whatever_their_method()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var message = Guid.NewGuid();
        var replies = await Task.WhenAll(Enumerable.Range(0, 300).Select(n => (n % 3) switch
        {
            0 => api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/opt-outs/+1512555{n:D4}", null, business.Key),
            1 => business.CancelAsync(message),
            _ => api.Client.SendAsync(HttpMethod.Post, $"{business.Path}/messages/{message}/retry", null, business.Key),
        }));
        Assert.All(replies, r => Assert.Equal((404, "not_found"), (r.Status, r.Code)));
    }

    [Fact]
    public async Task A_body_that_is_too_long_is_not_waited_for_either()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var started = Stopwatch.GetTimestamp();
        await using var clients = await SlowClients.StartAsync(
            api, 4, $"POST {business.Path}/messages", $"Authorization: Bearer {business.Key}\r\nContent-Type: application/json", isChunked: false,
            new string(' ', (1024 * 1024) + 1), 16 * 1024 * 1024);
        foreach (var answer in await Task.WhenAll(clients.Answers).WaitAsync(TestBusiness.Patience))
        {
            Assert.StartsWith("HTTP/1.1 413", answer, StringComparison.Ordinal);
            Assert.Contains("\"code\":\"payload_too_large\"", answer, StringComparison.Ordinal);
        }

        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 9, 30);
    }

    [Fact]
    public async Task A_body_is_read_no_further_when_its_client_is_gone()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        await using (var clients = await SlowClients.StartAsync(
            api, 100, $"PUT {business.Path}/opt-outs/+15125550000", $"Authorization: Bearer {business.Key}\r\nContent-Type: application/json", isChunked: true))
        {
            await WhenUnderWayAsync(api, n => n >= 100);
        }

        var gone = Stopwatch.GetTimestamp();
        await WhenUnderWayAsync(api, n => n < 50);
        Assert.InRange(Stopwatch.GetElapsedTime(gone), TimeSpan.Zero, Promptly);
    }

    [Theory]
    [InlineData("1000000000000000000")]
    [InlineData("10000000000000000")]
    [InlineData("x")]
    [InlineData("-1")]
    public async Task A_chunk_of_no_size_is_the_clients_fault(string size)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var head in new[]
        {
            $"POST {business.Path}/messages HTTP/1.1\r\nAuthorization: Bearer {business.Key}\r\nContent-Type: application/json",
            "POST /webhooks/twilio/status HTTP/1.1\r\nX-Twilio-Signature: x\r\nContent-Type: application/x-www-form-urlencoded",
        })
        {
            Assert.StartsWith("HTTP/1.1 400", await RawAsync(api, $"{head}\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nabc\r\n"), StringComparison.Ordinal);
        }
    }

    /// <summary>All that anybody else wants, one after the other.</summary>
    private static async Task AssertAllAnswerAsync(RunningApi api, params TestBusiness[] businesses)
    {
        var started = Stopwatch.GetTimestamp();
        foreach (var business in businesses)
        {
            Assert.Equal(200, (await business.GetAsync()).Status);
            var to = api.NewNumber();
            Assert.Equal(202, (await business.SendAsync(new { to, body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddDays(1) })).Status);
            Assert.Equal(200, (await api.Client.GetAsync(business.Path, SharedSilo.AdminKey)).Status);
            Assert.Equal(200, (await api.Client.GetAsync("/v1/retries/stats", SharedSilo.AdminKey)).Status);
            var twilio = new Webhooks(api);
            Assert.Equal(204, (await twilio.StatusAsync(Guid.NewGuid(), $"SM{Guid.NewGuid():N}", "delivered")).Status);
            Assert.Equal(200, (await twilio.InboundAsync(to, "STOP")).Status);
            Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
        }

        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, Promptly * businesses.Length);
    }

    private static void AssertTimedOut(string answer)
    {
        Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"request_timeout\"", answer, StringComparison.Ordinal);
    }

    private static async Task WhenUnderWayAsync(RunningApi api, Func<int, bool> isEnough)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var text = (await api.Client.GetAsync("/metrics")).Text;
            var requests = text.Split('\n').Where(l => l.StartsWith("http_server_active_requests{", StringComparison.Ordinal) && l.Contains("\"PUT\"", StringComparison.Ordinal))
                .Sum(l => int.Parse(l.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture));
            if (isEnough(requests))
                return;
            Assert.True(Stopwatch.GetElapsedTime(started) < TestBusiness.Patience, $"{requests} requests are under way");
            await Task.Delay(20);
        }
    }

    private static async Task<string> RawAsync(RunningApi api, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(socket.GetStream());
        return await reader.ReadToEndAsync();
    }
}
