using System.Net;
using System.Net.Sockets;

namespace Sms.Testing.Databases;

/// <summary>
/// Stands between a program and PostgreSQL and cuts connections just when the server has answered: what the answer was
/// about, a commit above all, has happened or not, and the program cannot know.
/// </summary>
public sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly IPEndPoint _server;
    private readonly Random _dice;
    private readonly Lock _gate = new();
    private readonly Task _accepting;
    private int _cuts;

    /// <param name="server">Where PostgreSQL listens.</param>
    /// <param name="seed">The same cuts again, as far as the network repeats itself.</param>
    public CuttingProxy(IPEndPoint server, int seed)
    {
        (_server, _dice) = (server, new Random(seed));
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The share of answers that are cut off, 0 to 1; may be changed at any time.</summary>
    public double Share { get; set; }

    public int Cuts => Volatile.Read(ref _cuts);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        var open = new List<Task>();
        try
        {
            while (true)
                open.Add(CarryAsync(await _listener.AcceptSocketAsync(_end.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The proxy ends.
            await Task.WhenAll(open);
        }
    }

    private async Task CarryAsync(Socket client)
    {
        using var near = client;
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        try
        {
            await far.ConnectAsync(_server, _end.Token);
            await Task.WhenAny(PumpAsync(near, far, mayCut: false), PumpAsync(far, near, mayCut: true));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // One side has gone; so goes the other.
        }
    }

    private async Task PumpAsync(Socket from, Socket to, bool mayCut)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            for (var chunks = 0; ; chunks++)
            {
                var read = await from.ReceiveAsync(buffer, _end.Token);
                // The first chunks are the greeting; a connection that never comes about proves nothing.
                if (read == 0 || (mayCut && chunks > 4 && Draw()))
                    return;
                await to.SendAsync(buffer.AsMemory(0, read), _end.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side has gone; so goes the other.
        }
    }

    private bool Draw()
    {
        lock (_gate)
        {
            if (_dice.NextDouble() >= Share)
                return false;
        }

        Interlocked.Increment(ref _cuts);
        return true;
    }
}
