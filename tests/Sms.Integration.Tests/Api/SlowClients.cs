using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sms.Integration.Tests.Api;

/// <summary>Connections that each send a request's head at once and its body a few bytes at a time, until they are answered.</summary>
public sealed class SlowClients : IAsyncDisposable
{
    private const int BytesAtOnce = 75;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _end = new();
    private readonly List<TcpClient> _sockets = [];
    private readonly List<Task> _dripping = [];

    private SlowClients()
    {
    }

    /// <summary>What each was answered before its connection was closed.</summary>
    public List<Task<string>> Answers { get; } = [];

    /// <param name="api">Whom they ask.</param>
    /// <param name="count">How many.</param>
    /// <param name="call">Method and path.</param>
    /// <param name="headers">Further headers, a line each.</param>
    /// <param name="isChunked">Whether they send chunks, or promise a length.</param>
    /// <param name="start">What they send of the body at once.</param>
    /// <param name="length">The length that they promise.</param>
    public static async Task<SlowClients> StartAsync(
        RunningApi api, int count, string call, string headers, bool isChunked, string start = "", int length = 1024 * 1024)
    {
        var clients = new SlowClients();
        var framing = isChunked ? "Transfer-Encoding: chunked" : string.Create(CultureInfo.InvariantCulture, $"Content-Length: {length}");
        var head = Encoding.ASCII.GetBytes($"{call} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{framing}\r\n\r\n");
        var first = Piece(start, isChunked);
        foreach (var _ in Enumerable.Range(0, count))
        {
            var socket = new TcpClient();
            clients._sockets.Add(socket);
            await socket.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port);
            await socket.GetStream().WriteAsync(head);
            await socket.GetStream().WriteAsync(first);
            clients.Answers.Add(ReadAsync(socket.GetStream()));
            clients._dripping.Add(clients.DripAsync(socket.GetStream(), Piece(new string(' ', BytesAtOnce), isChunked)));
        }

        return clients;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        foreach (var socket in _sockets)
            socket.Dispose();
        await Task.WhenAll(_dripping);
        _end.Dispose();
    }

    private static byte[] Piece(string text, bool isChunked) =>
        Encoding.ASCII.GetBytes(!isChunked || text.Length == 0 ? text : $"{text.Length:x}\r\n{text}\r\n");

    private async Task DripAsync(NetworkStream stream, byte[] piece)
    {
        using var timer = new PeriodicTimer(Pace);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token))
                await stream.WriteAsync(piece, _end.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Answered and closed, or the test is over.
        }
    }

    private static async Task<string> ReadAsync(NetworkStream stream)
    {
        var (text, buffer) = (new StringBuilder(), new byte[4096]);
        try
        {
            while (await stream.ReadAsync(buffer) is var read and > 0)
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Closed while it was sending: what came before counts.
        }

        return text.ToString();
    }
}
