using System.Net;
using System.Net.NetworkInformation;

namespace Sms.Api;

/// <summary>
/// Asks for the ports before anything is started: a silo that joined its cluster and ends at once is a dead one for
/// the others, and a front-end would say so only after it had found its cluster.
/// </summary>
public static class FreePorts
{
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
    public static IEnumerable<(string Name, int Port)> Of(IEnumerable<string> urls) => urls
        .Select(u => new UriBuilder(u.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal)))
        .Where(u => u.Host is "localhost" or "0.0.0.0" or "127.0.0.1" or "[::]" or "[::1]")
        .Select(u => ("SMS_URLS", u.Port));
}
