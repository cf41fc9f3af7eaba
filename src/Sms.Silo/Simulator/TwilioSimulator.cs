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
    private readonly Machinery machinery;

    private TwilioSimulator(WebApplication server, Machinery machinery)
    {
        this.server = server;
        this.machinery = machinery;
        BaseUrl = new Uri(server.Urls.First());
    }

    /// <summary>What stands in for https://api.twilio.com.</summary>
    public Uri BaseUrl { get; }

    public SimulatorLedger Ledger => machinery.Ledger;

    public TwilioFaults Faults => machinery.Faults;

    public CarrierOutcomes Outcomes => machinery.Outcomes;

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
        // A page of another site that had its name resolve to this machine would read the texts here.
        builder.Services.AddHostFiltering(o => o.AllowedHosts = ["127.0.0.1", "localhost", "[::1]"]);
        builder.Services.AddSingleton<IHostLifetime, OwnersLifetime>();

        var app = builder.Build();
        app.UseHostFiltering();
        var behind = new Machinery(options, time);
        behind.Map(app);
        try
        {
            await app.StartAsync(cancellationToken);
            return new TwilioSimulator(app, behind);
        }
        catch
        {
            await behind.DisposeAsync();
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Breaks off what hangs, drops the callbacks that were not posted, and stops listening.</summary>
    public async ValueTask DisposeAsync()
    {
        await machinery.DisposeAsync();
        await server.DisposeAsync();
    }

    /// <summary>Everything behind the socket.</summary>
    private sealed class Machinery : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly TwilioSimulatorOptions options;
        private readonly TimeProvider time;
        private readonly WebhookClient webhooks;
        private readonly Postman postman;
        private readonly Agenda agenda;

        public Machinery(TwilioSimulatorOptions options, TimeProvider time)
        {
            this.options = options;
            this.time = time;
            webhooks = new WebhookClient(options);
            postman = new Postman(options, webhooks, Ledger, time);
            agenda = new Agenda(time);
        }

        public SimulatorLedger Ledger { get; } = new();

        public TwilioFaults Faults { get; } = new();

        public CarrierOutcomes Outcomes { get; } = new();

        public void Map(WebApplication app)
        {
            var optOuts = new OptOuts();
            var player = new FaultPlayer(Ledger, Faults, time, stop.Token);
            var carrier = new Carrier(options, Ledger, Faults, Outcomes, agenda, postman, time);
            var create = new CreateEndpoint(
                options, Ledger, Faults, player, optOuts, new SenderQueues(options, time), carrier, time);
            var messages = new MessagesEndpoints(options, Ledger, time);
            var account = app.MapGroup("/2010-04-01/Accounts/{account}");

            account.MapPost("/Messages.json", (Delegate)create.HandleAsync)
                // Counted first, so that those turned away at the door count too.
                .AddEndpointFilter((context, next) =>
                {
                    Ledger.CountRequest();
                    return next(context);
                })
                .AddEndpointFilter(new AccountDoor(options));
            var known = account.MapGroup("").AddEndpointFilter(new AccountDoor(options));
            known.MapPost("/Messages/{sid}.json", messages.CancelAsync);
            var lookups = known.MapGroup("").AddEndpointFilter(new LookupDoor(Ledger, Faults, player));
            lookups.MapGet("/Messages.json", messages.List);
            lookups.MapGet("/Messages/{sid}.json", messages.Fetch);
            new SimulatorEndpoints(options, Ledger, Faults, Outcomes, new InboundTexts(options, Ledger, optOuts, webhooks), stop.Token).Map(app);
        }

        // What makes work ends before what does it.
        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await agenda.DisposeAsync();
            await postman.DisposeAsync();
            webhooks.Dispose();
            stop.Dispose();
        }
    }

    /// <summary>Lives until disposed: the process's signals end the silo's attempts first, which still need Twilio.</summary>
    private sealed class OwnersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
