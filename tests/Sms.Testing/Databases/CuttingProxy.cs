using System.Net;
using System.Net.Sockets;

namespace Sms.Testing.Databases;

/// <summary>
/// Cuts connections just when the server has answered: what the answer was about, a commit above all, has happened or
/// not, and the program cannot know.
/// </summary>
/// <param name="server">Where PostgreSQL listens.</param>
/// <param name="seed">The same cuts again, as far as the network repeats itself.</param>
public sealed class CuttingProxy(IPEndPoint server, int seed) : TcpProxy(server)
{
    private readonly Random _dice = new(seed);
    private readonly Lock _gate = new();
    private int _cuts;

    /// <summary>The share of answers that are cut off, 0 to 1; may be changed at any time.</summary>
    public double Share { get; set; }

    public int Cuts => Volatile.Read(ref _cuts);

    private protected override Task[] Carry(Socket near, Socket far) => [PumpAsync(near, far, mayCut: false), PumpAsync(far, near, mayCut: true)];

    private async Task PumpAsync(Socket from, Socket to, bool mayCut)
    {
        var buffer = new byte[64 * 1024];
        var chunks = 0;
        // The first chunks are the greeting; a connection that never comes about proves nothing.
        for (int read; (read = await from.ReceiveAsync(buffer, End)) > 0 && !(mayCut && chunks++ > 4 && Draw());)
            await SendAsync(to, buffer.AsMemory(0, read));
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
