using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Sms.Silo.Simulator;

/// <summary>
/// Twilio's Messages API, as far as it is used here, behind a real socket on the loopback address: for laptops, and
/// for tests of what happens between a request and its reply. It keeps every message in memory until it is disposed.
/// </summary>
internal sealed class TwilioSimulator : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly CancellationTokenSource stop;

    private TwilioSimulator(WebApplication server, CancellationTokenSource stop, SimulatorLedger ledger, TwilioFaults faults)
    {
        this.server = server;
        this.stop = stop;
        Ledger = ledger;
        Faults = faults;
        BaseUrl = new Uri(server.Urls.First());
    }

    /// <summary>What stands in for https://api.twilio.com.</summary>
    public Uri BaseUrl { get; }

    public SimulatorLedger Ledger { get; }

    public TwilioFaults Faults { get; }

    /// <summary>Listens when it returns.</summary>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<TwilioSimulator> StartAsync(
        TwilioSimulatorOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        // Nothing of the host's environment (settings, URLs, log providers) reaches an empty builder.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, options.Port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, OwnersLifetime>();

        var app = builder.Build();
        var stopping = new CancellationTokenSource();
        var (ledger, faults) = (new SimulatorLedger(), new TwilioFaults());
        Map(app, options, ledger, faults, new FaultPlayer(ledger, faults, time, stopping.Token), time);
        try
        {
            await app.StartAsync(cancellationToken);
            return new TwilioSimulator(app, stopping, ledger, faults);
        }
        catch
        {
            stopping.Dispose();
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Breaks off what hangs and stops listening.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await server.DisposeAsync();
        stop.Dispose();
    }

    private static void Map(
        WebApplication app, TwilioSimulatorOptions options, SimulatorLedger ledger, TwilioFaults faults, FaultPlayer player, TimeProvider time)
    {
        var create = new CreateEndpoint(options, ledger, faults, player, time);
        var messages = new MessagesEndpoints(options, ledger);
        var account = app.MapGroup("/2010-04-01/Accounts/{account}");

        account.MapPost("/Messages.json", (Delegate)create.HandleAsync)
            // Counted first, so that those turned away at the door count too.
            .AddEndpointFilter((context, next) =>
            {
                ledger.CountRequest();
                return next(context);
            })
            .AddEndpointFilter(new AccountDoor(options));
        var others = account.MapGroup("").AddEndpointFilter(new AccountDoor(options));
        others.MapGet("/Messages.json", messages.List);
        others.MapGet("/Messages/{sid}.json", messages.Fetch);
        others.MapPost("/Messages/{sid}.json", messages.CancelAsync);
        new SimulatorEndpoints(ledger, faults).Map(app);
    }

    /// <summary>Lives until disposed: the process's signals end the silo's attempts first, which still need Twilio.</summary>
    private sealed class OwnersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
