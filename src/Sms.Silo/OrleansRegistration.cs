using System.Net;
using Microsoft.Extensions.Options;
using Npgsql;
using Orleans.Configuration;
using Sms.Api;

namespace Sms.Silo;

/// <summary>The silo: clustering, grain state and reminders on the one data source.</summary>
internal static class OrleansRegistration
{
    private const string Invariant = "Npgsql";

    public static void AddSmsSilo(this IHostBuilder host, SiloSettings settings, NpgsqlDataSource dataSource)
    {
        host.UseOrleans(silo =>
        {
            silo.UseAdoNetClustering(o => (o.Invariant, o.DataSource) = (Invariant, dataSource));
            silo.AddAdoNetGrainStorageAsDefault(o => (o.Invariant, o.DataSource) = (Invariant, dataSource));
            silo.UseAdoNetReminderService(o => (o.Invariant, o.DataSource) = (Invariant, dataSource));
            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.Api.ClusterId, settings.Api.ServiceId));
            ConfigureEndpoints(silo, settings);
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                // A death is noticed within about 5 s; one missed probe on a busy machine is not a death.
                o.ProbeTimeout = TimeSpan.FromSeconds(1.5);
                o.NumMissedProbesLimit = 3;
                o.TableRefreshTimeout = TimeSpan.FromSeconds(5);
                // A lone silo that was killed leaves itself behind as alive: its successor waits until that has gone stale.
                o.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
                o.NumMissedTableIAmAliveLimit = 2;
            });
            silo.Configure<SiloMessagingOptions>(o =>
            {
                o.MaxEnqueuedRequestsHardLimit = 20_000;
                // As for front-ends: a call in flight to a silo that is killed is given up after this and made again.
                o.ResponseTimeout = TimeSpan.FromSeconds(5);
            });
            silo.Services.AddSingleton(Options.Create(settings.Retry));
            silo.Services.AddSingleton(Options.Create(settings.Dispatch));
            silo.Services.AddSingleton(Options.Create(settings.Sender));
            silo.Services.AddSingleton(Options.Create(settings.Reconcile));
            silo.Services.AddSingleton(Options.Create(settings.Retention));
        });
        host.ConfigureServices((_, services) => services.AddSmsGrains());
    }

    private static void ConfigureEndpoints(ISiloBuilder silo, SiloSettings settings)
    {
        var (listen, advertised, siloPort, gatewayPort) = settings.Endpoints;
        if (advertised is null)
            silo.ConfigureEndpoints(siloPort, gatewayPort, listen.AddressFamily, listenOnAnyHostAddress: true);
        else
            silo.Configure<EndpointOptions>(o =>
            {
                (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (advertised, siloPort, gatewayPort);
                o.SiloListeningEndpoint = new IPEndPoint(listen, siloPort);
                o.GatewayListeningEndpoint = gatewayPort == 0 ? null : new IPEndPoint(listen, gatewayPort);
            });
        if (settings.Api.ClusterCertificate is { } certificate)
            silo.UseTls(certificate.Configure);
    }
}
