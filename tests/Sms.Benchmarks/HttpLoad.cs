using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Sms.Benchmarks;

/// <summary>How a load went.</summary>
/// <param name="Replies">Requests answered as expected.</param>
/// <param name="Others">Replies by status that were not expected.</param>
/// <param name="Took">From the first request to the last reply.</param>
/// <param name="Latencies">Milliseconds, sorted.</param>
internal sealed record LoadResult(long Replies, IReadOnlyDictionary<int, long> Others, TimeSpan Took, double[] Latencies)
{
    public double PerSecond => Replies / Took.TotalSeconds;

    /// <param name="share">0 to 1.</param>
    public double Percentile(double share) => Latencies.Length == 0 ? double.NaN : Latencies[(int)Math.Min(Latencies.Length - 1, share * Latencies.Length)];
}

/// <summary>A request as it goes over the wire.</summary>
/// <param name="path">With its query.</param>
/// <param name="proof">The header by which the client is known.</param>
/// <param name="body">As it goes out.</param>
/// <param name="type">Of the body.</param>
internal sealed class Post(string path, string proof, string body, string type = "application/json")
{
    public byte[] Bytes { get; } = Encoding.UTF8.GetBytes(
        $"POST {path} HTTP/1.1\r\nHost: localhost\r\n{proof}\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
}

/// <summary>
/// A closed loop of clients over plain sockets: an HTTP client of the framework would cost as much as the server, and
/// both share the machine.
/// </summary>
internal sealed class HttpLoad(Uri target, int expected)
{
    /// <summary>Posts what <paramref name="next"/> makes, from so many clients, until the time is over.</summary>
    /// <param name="clients">Connections, each with one request at a time.</param>
    /// <param name="duration">After it no request is begun.</param>
    /// <param name="next">Request n; null ends the load.</param>
    /// <param name="perSecond">Requests a second at most, over all clients; null: as fast as they are answered.</param>
    public async Task<LoadResult> RunAsync(int clients, TimeSpan duration, Func<long, Post?> next, double? perSecond = null)
    {
        var number = -1L;
        var latencies = new ConcurrentBag<List<double>>();
        var others = new ConcurrentDictionary<int, long>();
        var replies = 0L;
        // Connected before the clock starts: what a pace makes due at once would else wait for its connection.
        var sockets = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => ConnectAsync()));
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(sockets.Select(s => Task.Run(() => ClientAsync(s))));
        var took = Stopwatch.GetElapsedTime(started);
        var all = latencies.SelectMany(l => l).ToArray();
        Array.Sort(all);
        return new LoadResult(replies, others, took, all);

        async Task ClientAsync(Socket connected)
        {
            using var socket = connected;
            var own = new List<double>();
            latencies.Add(own);
            var buffer = new byte[64 * 1024];
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                var n = Interlocked.Increment(ref number);
                if (next(n) is not { } request)
                    break;
                var due = started;
                if (perSecond is { } pace)
                {
                    // Measured from when it should have left: a server that stalls may not slow the load down and look good.
                    due = started + (long)(n / pace * Stopwatch.Frequency);
                    var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
                    if (wait > TimeSpan.Zero)
                        await Task.Delay(wait);
                }
                else
                {
                    due = Stopwatch.GetTimestamp();
                }

                (var status, buffer) = await PostAsync(socket, request, buffer);
                own.Add(Stopwatch.GetElapsedTime(due).TotalMilliseconds);
                if (status == expected)
                    Interlocked.Increment(ref replies);
                else
                    others.AddOrUpdate(status, 1, (_, v) => v + 1);
            }
        }
    }

    /// <summary>Posts what comes, over so many connections, until no more does: each group by one of them, in its order.</summary>
    public async Task<LoadResult> RunAsync(int clients, ChannelReader<Post[]> groups)
    {
        var others = new ConcurrentDictionary<int, long>();
        var replies = 0L;
        var sockets = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => ConnectAsync()));
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(sockets.Select(s => Task.Run(async () =>
        {
            using var socket = s;
            var buffer = new byte[64 * 1024];
            await foreach (var request in groups.ReadAllAsync().SelectMany(g => g))
            {
                (var status, buffer) = await PostAsync(socket, request, buffer);
                if (status == expected)
                    Interlocked.Increment(ref replies);
                else
                    others.AddOrUpdate(status, 1, (_, v) => v + 1);
            }
        })));
        return new LoadResult(replies, others, Stopwatch.GetElapsedTime(started), []);
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, target.Port);
        return socket;
    }

    private static async Task<(int Status, byte[] Buffer)> PostAsync(Socket socket, Post request, byte[] buffer)
    {
        await socket.SendAsync(request.Bytes);
        var length = 0;
        while (true)
        {
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
            var read = await socket.ReceiveAsync(buffer.AsMemory(length));
            if (read == 0)
                throw new IOException("The server closed the connection.");
            length += read;
            if (IsWhole(buffer.AsSpan(0, length)))
                return (Utf8Parser.TryParse(buffer.AsSpan(9, 3), out int status, out _) ? status : 0, buffer);
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> reply)
    {
        var head = reply.IndexOf("\r\n\r\n"u8);
        if (head < 0)
            return false;
        var headers = reply[..(head + 2)];
        if (headers.IndexOf("Transfer-Encoding: chunked"u8) >= 0)
            return reply.EndsWith("\r\n0\r\n\r\n"u8);
        var mark = headers.IndexOf("Content-Length: "u8);
        return mark < 0 || (Utf8Parser.TryParse(headers[(mark + 16)..], out int body, out _) && reply.Length >= head + 4 + body);
    }
}
