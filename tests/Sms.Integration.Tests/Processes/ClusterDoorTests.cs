using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sms.Integration.Tests.Api;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>Silo and gateway ports are as good as the admin key: who reaches them, and what they ask for.</summary>
public sealed class ClusterDoorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sms-cluster-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task With_a_cluster_certificate_silo_and_front_end_work_and_whoever_has_none_is_turned_away()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var (siloPort, gatewayPort) = (SiloProcess.FreePort(), SiloProcess.FreePort());
        var (certificate, key) = WriteCertificate();
        var settings = FourProcesses.Settings(database);
        settings["SMS_CLUSTER_CERTIFICATE"] = certificate;
        settings["SMS_CLUSTER_CERTIFICATE_KEY"] = key;
        var silo = new Dictionary<string, string>(settings, StringComparer.Ordinal)
        {
            ["SMS_API"] = "off",
            ["SMS_SILO_PORT"] = siloPort.ToString(CultureInfo.InvariantCulture),
            ["SMS_GATEWAY_PORT"] = gatewayPort.ToString(CultureInfo.InvariantCulture),
        };
        await using var running = await SiloProcess.StartAsync(silo);
        await using var frontEnd = await SiloProcess.StartAsync(settings, "Sms.Api");
        frontEnd.UseKey(FourProcesses.AdminKey);
        Assert.Equal(201, (await new ApiClient(frontEnd.Http).PostAsync("/v1/businesses", new { name = "Acme" }, FourProcesses.AdminKey)).Status);

        foreach (var port in new[] { siloPort, gatewayPort })
        {
            Assert.False(await IsLetInAsync(port, own: null));
            using var other = Certificate();
            Assert.False(await IsLetInAsync(port, other));
        }
    }

    [Fact]
    public async Task A_silo_with_the_api_opens_no_gateway_and_listens_on_loopback()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var siloPort = SiloProcess.FreePort();
        var settings = FourProcesses.Settings(database);
        settings["SMS_SILO_PORT"] = siloPort.ToString(CultureInfo.InvariantCulture);
        settings["SMS_GATEWAY_PORT"] = "";
        await using var silo = await SiloProcess.StartAsync(settings);

        Assert.Equal(0, await database.ScalarAsync<int>("select sum(proxyport)::int from orleans.cluster_member"));
        Assert.Equal([IPAddress.Loopback], ListenersOn(siloPort));
        Assert.DoesNotContain("SMS_LISTEN_ADDRESS", silo.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silo_that_is_open_to_the_network_without_a_certificate_says_so_in_one_line()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var siloPort = SiloProcess.FreePort();
        var settings = FourProcesses.Settings(database);
        settings["SMS_SILO_PORT"] = siloPort.ToString(CultureInfo.InvariantCulture);
        settings["SMS_LISTEN_ADDRESS"] = "0.0.0.0";
        settings["SMS_ADVERTISED_ADDRESS"] = "localhost";
        await using var silo = await SiloProcess.StartAsync(settings);

        Assert.Single(silo.Output.Split('\n'), l => l.Contains("SMS_LISTEN_ADDRESS", StringComparison.Ordinal) && l.Contains("without SMS_CLUSTER_CERTIFICATE", StringComparison.Ordinal));
        Assert.Equal([IPAddress.Any], ListenersOn(siloPort));
        Assert.Equal("127.0.0.1", await database.ScalarAsync<string>("select address from orleans.cluster_member"));
    }

    [Fact]
    public async Task Health_and_metrics_have_a_listener_of_their_own()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var operations = new Uri($"http://127.0.0.1:{SiloProcess.FreePort()}");
        var settings = FourProcesses.Settings(database);
        settings["SMS_OPERATIONS_URLS"] = operations.GetLeftPart(UriPartial.Authority);
        await using var silo = SiloProcess.Launch(settings);
        await silo.AnnouncedAsync();
        using var http = new HttpClient { BaseAddress = operations };

        Assert.Equal(200, (await new ApiClient(http).GetAsync("/health/ready")).Status);
        Assert.Equal(200, (await new ApiClient(http).GetAsync("/metrics")).Status);
        Assert.Equal(404, (await new ApiClient(http).GetAsync("/v1/businesses", FourProcesses.AdminKey)).Status);
        var api = new ApiClient(silo.Http);
        foreach (var path in new[] { "/metrics", "/METRICS", "/metrics/", "/%6Detrics", "/health/ready", "/Health/live" })
            Assert.Equal(404, (await api.GetAsync(path)).Status);
        Assert.Equal(201, (await api.PostAsync("/v1/businesses", new { name = "Acme" }, FourProcesses.AdminKey)).Status);
    }

    private static IPAddress[] ListenersOn(int port) =>
        [.. IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(l => l.Port == port).Select(l => l.Address).Distinct()];

    /// <summary>Whether the other side goes on after a handshake with this certificate, or none.</summary>
    private static async Task<bool> IsLetInAsync(int port, X509Certificate2? own)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, patience.Token);
        await using var tls = new SslStream(client.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "sms",
                    ClientCertificates = own is null ? null : [own],
                    // Whom we talk to is not in question here.
                    RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
                },
                patience.Token);
            // In TLS 1.3 the refusal comes after the handshake.
            return await tls.ReadAsync(new byte[1], patience.Token) > 0;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }

    private (string Certificate, string Key) WriteCertificate()
    {
        using var certificate = Certificate();
        var (path, key) = (Path.Combine(_folder, "cluster.pem"), Path.Combine(_folder, "cluster.key"));
        File.WriteAllText(path, certificate.ExportCertificatePem());
        File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return (path, key);
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest("CN=sms", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null, X509KeyStorageFlags.Exportable);
    }
}
