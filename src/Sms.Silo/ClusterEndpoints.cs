using System.Net;
using System.Net.Sockets;
using Sms.Api;

namespace Sms.Silo;

/// <summary>Where silos and front-ends reach a silo. Whoever reaches it too may do all that the admin key may, unless there is a cluster certificate.</summary>
/// <param name="ListenAddress">Loopback unless the operator says otherwise.</param>
/// <param name="AdvertisedAddress">Where others reach it; null: the first address of this machine.</param>
/// <param name="SiloPort">For other silos.</param>
/// <param name="GatewayPort">For front-ends; 0: none is opened.</param>
internal sealed record ClusterEndpoints(IPAddress ListenAddress, IPAddress? AdvertisedAddress, int SiloPort, int GatewayPort)
{
    private const string Advertised = "SMS_ADVERTISED_ADDRESS";

    /// <summary>Whether others than this machine's own programs can reach it.</summary>
    public bool IsOpen => !IPAddress.IsLoopback(ListenAddress);

    /// <param name="reader">The settings.</param>
    /// <param name="hasApi">A silo with the API needs no gateway, unless a port is set for it.</param>
    /// <exception cref="SettingException">A setting has a wrong value.</exception>
    public static ClusterEndpoints Read(SettingsReader reader, bool hasApi)
    {
        var siloPort = reader.Whole("SMS_SILO_PORT", 11111, 0, 65535);
        var hasGateway = !hasApi || reader.Text("SMS_GATEWAY_PORT") is not null;
        var gatewayPort = reader.Whole("SMS_GATEWAY_PORT", 30000, 0, 65535);
        if (hasGateway && siloPort != 0 && siloPort == gatewayPort)
            throw SettingsReader.Wrong("SMS_GATEWAY_PORT", "must not be SMS_SILO_PORT");
        var listen = reader.Text("SMS_LISTEN_ADDRESS") is not { } text ? IPAddress.Loopback
            : IPAddress.TryParse(text, out var parsed) ? parsed
            : throw SettingsReader.Wrong("SMS_LISTEN_ADDRESS", "must be an IP address of this machine, or 0.0.0.0 for all");
        var advertised = reader.Text(Advertised) is { } host ? Resolve(host) : listen;
        return new ClusterEndpoints(
            listen, advertised.Equals(IPAddress.Any) || advertised.Equals(IPAddress.IPv6Any) ? null : advertised,
            Concrete(siloPort), hasGateway ? Concrete(gatewayPort) : 0);
    }

    private static int Concrete(int wanted) => wanted != 0 ? wanted : FreePorts.Any();

    private static IPAddress Resolve(string host)
    {
        if (IPAddress.TryParse(host, out var address))
            return address;
        try
        {
            return Dns.GetHostAddresses(host).OrderBy(a => a.AddressFamily != AddressFamily.InterNetwork).FirstOrDefault()
                ?? throw SettingsReader.Wrong(Advertised, $"{host} has no address");
        }
        catch (SocketException e)
        {
            throw SettingsReader.Wrong(Advertised, $"{host} cannot be resolved: {e.Message.TrimEnd('.')}");
        }
    }
}
