using System.Net;
using System.Net.Sockets;

namespace Sms.Testing.Databases;

/// <summary>Stands between a program and PostgreSQL, on a port of its own.</summary>
public abstract class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly IPEndPoint _server;
    private readonly Task _accepting;

    /// <param name="server">Where PostgreSQL listens.</param>
    private protected TcpProxy(IPEndPoint server)
    {
        _server = server;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    private protected CancellationToken End => _end.Token;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _end.Dispose();
    }

    /// <summary>Begins to carry what the program (near) and the server (far) say; the connection ends when one of the two tasks does.</summary>
    private protected abstract Task[] Carry(Socket near, Socket far);

    private protected async Task SendAsync(Socket to, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[await to.SendAsync(bytes, End)..];
    }

    private static async Task UntilOneGoesAsync(Task carrying)
    {
        try
        {
            await carrying;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side has gone; so goes the other.
        }
    }

    private async Task AcceptAsync()
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                open.RemoveAll(t => t.IsCompleted);
                open.Add(UntilOneGoesAsync(CarryAsync(await _listener.AcceptSocketAsync(End))));
            }
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
        await far.ConnectAsync(_server, End);
        await Task.WhenAny(Carry(near, far).Select(UntilOneGoesAsync));
    }
}
