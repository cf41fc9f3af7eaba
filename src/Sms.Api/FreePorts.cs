using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Sms.Api;

/// <summary>
/// Finds ports, and asks for those that are wanted before anything is started: a silo that joined its cluster and ends at once is a dead one for
/// the others, and a front-end would say so only after it had found its cluster.
/// </summary>
public static class FreePorts
{
    private const int Range = 6000;

    // Processes that start at the same time look in different places.
    private static int _last = Environment.ProcessId * 8;

    /// <summary>
    /// A port that nobody listens on, another one at each call. It lies below those that systems give to outgoing
    /// connections (from 32768 on Linux, 49152 elsewhere): one of these could take it before it is listened on.
    /// </summary>
    /// <param name="first">It is one of the 6,000 from here.</param>
    /// <exception cref="InvalidOperationException">All are taken.</exception>
    public static int Any(int first = 20_000)
    {
        for (var n = 0; n < Range; n++)
        {
            var port = first + (int)((uint)Interlocked.Increment(ref _last) % Range);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: the next one.
            }
        }

        throw new InvalidOperationException($"No port from {first} to {first + Range - 1} is free.");
    }

    /// <exception cref="SettingException">Another program listens on one of them.</exception>
    public static void Require(IEnumerable<(string Name, int Port)> wanted)
    {
        var taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners()
            .Where(l => IPAddress.IsLoopback(l.Address) || l.Address.Equals(IPAddress.Any) || l.Address.Equals(IPAddress.IPv6Any))
            .Select(l => l.Port).ToHashSet();
        if (wanted.FirstOrDefault(w => w.Port != 0 && taken.Contains(w.Port)) is { Name: { } name, Port: var port })
            throw SettingsReader.Wrong(name, $"another program listens on port {port}");
    }

    /// <summary>The ports of this machine that these URLs want.</summary>
    /// <param name="urls">URLs to listen on.</param>
    /// <param name="setting">Where they stand.</param>
    public static IEnumerable<(string Name, int Port)> Of(IEnumerable<string> urls, string setting = "SMS_URLS") => urls
        .Select(Address)
        .Where(u => u.Host is "localhost" or "0.0.0.0" or "127.0.0.1" or "[::]" or "[::1]")
        .Select(u => (setting, u.Port));

    /// <summary>A URL to listen on, with a host that is one where the server's word for all addresses stands.</summary>
    internal static UriBuilder Address(string url) =>
        new(url.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal));
}
