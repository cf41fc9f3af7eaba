using System.CommandLine;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Npgsql;
using Sms.Api;
using Sms.Dispatch;
using Sms.Domain.Places;
using Sms.Ports;
using Sms.Silo.Embedded;
using Sms.Silo.Postgres;
using Sms.Silo.Postgres.Migrations;
using Sms.Silo.Simulator;
using Sms.Silo.Twilio;

namespace Sms.Silo;

/// <summary>The composition root: settings, database, provider, silo, API, in this order; the reverse at the end.</summary>
internal static partial class SiloProgram
{
    /// <returns>0 after a graceful stop; 1 when it cannot start, and one line on the error stream says why; 2: see <see cref="ProgramArguments"/>.</returns>
    public static Task<int> RunAsync(string[] args)
    {
        var urls = ProgramArguments.Urls();
        var plan = new Option<bool>("--migrate-plan") { Description = "Says which migrations would be applied, changes nothing, and ends." };
        var only = new Option<bool>("--migrate-only") { Description = "Applies the migrations, and ends." };
        var root = new RootCommand("Sends texts for many businesses: a silo, with the API and, where no database is named, an embedded PostgreSQL. "
            + "Settings come from the environment: see docs/configuration.md.")
        {
            urls, plan, only, ProgramArguments.Health(),
        };
        root.Validators.Add(result =>
        {
            if (result.GetValue(plan) && result.GetValue(only))
                result.AddError("--migrate-plan goes without --migrate-only.");
        });
        root.SetAction((parsed, _) => EndingAsync(async () =>
        {
            if (parsed.GetValue(plan) || parsed.GetValue(only))
                await MigrationCommand.RunAsync(isPlan: parsed.GetValue(plan));
            else
                await RunHostAsync(parsed.GetValue(urls));
        }));
        return ProgramArguments.RunAsync(root, args);
    }

    private static async Task<int> EndingAsync(Func<Task> work)
    {
        try
        {
            PlaceTables.Check();
            await work();
            return 0;
        }
        catch (Exception e) when (e is SettingException or EmbeddedPostgresException or MigrationException or InvalidDataException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (NpgsqlException e)
        {
            await Console.Error.WriteLineAsync($"ConnectionStrings__Sms: the database cannot be reached: {e.Message}");
            return 1;
        }
        catch (Exception e) when (e is SocketException || e.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"SMS_URLS: {e.Message}");
            return 1;
        }
        catch (AddressInUseException e)
        {
            await Console.Error.WriteLineAsync($"SMS_SILO_PORT, SMS_GATEWAY_PORT: {e.Message}");
            return 1;
        }
    }

    private static async Task RunHostAsync(string? urls)
    {
        var builder = ProgramBuilder.Create();
        var settings = SiloSettings.Read(builder.Configuration, builder.Environment, urls);
        FreePorts.Require(
        [
            ("SMS_SILO_PORT", settings.Endpoints.SiloPort), ("SMS_GATEWAY_PORT", settings.Endpoints.GatewayPort),
            .. settings.HasApi || settings.Api.HasUrls ? FreePorts.Of(settings.Api.Urls) : [],
            .. FreePorts.Of(settings.Api.OperationsUrls, "SMS_OPERATIONS_URLS"),
        ]);
        ProgramLogs.Configure(builder.Logging, builder.Configuration);
        using var startLogs = LoggerFactory.Create(logging => ProgramLogs.Configure(logging, builder.Configuration));
        var logger = startLogs.CreateLogger("Sms.Silo");
        LogStarting(logger, ProgramVersion.Text);

        await using var embedded = settings.IsEmbedded
            ? await EmbeddedPostgres.StartAsync(EmbeddedPostgresOptions.FromEnvironment(settings.Connections.DataDirectory), logger, CancellationToken.None)
            : null;
        var connectionString = embedded?.ApplicationConnectionString ?? settings.Connections.ConnectionString!;
        var owner = embedded?.ConnectionString ?? settings.Connections.OwnerConnectionString;
        if (embedded is null)
            await settings.Connections.RequireSessionsAsync(CancellationToken.None);
        await new MigrationRunner(Migration.All, startLogs.CreateLogger<MigrationRunner>(), AdoptedPhones.ReadAsync)
            .RunAsync(owner ?? connectionString, CancellationToken.None);
        if (owner is not null)
            await ApplicationLogin.AdmitAsync(owner, connectionString, CancellationToken.None);
        var rights = await DatabaseRightsFinder.FindAsync(connectionString, CancellationToken.None);
        await using var dataSource = PostgresRegistration.CreateDataSource(connectionString, settings.Database.MaxConnections, rights);
        if (await ServerCheck.FindFaultAsync(dataSource, settings.Database.AllowUnsafe, CancellationToken.None) is { } fault)
            throw new SettingException(fault);

        await using var simulator = settings.Provider == ProviderKind.Simulator ? await StartSimulatorAsync(settings.Twilio) : null;

        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = settings.Dispatch.LeaveBy + settings.Dispatch.Timeout + TimeSpan.FromSeconds(15));
        builder.Services.AddPostgres(dataSource, rights);
        AddProvider(builder.Services, settings, logger);
        builder.Host.AddSmsSilo(settings, dataSource);

        var adminKey = settings.HasApi
            ? settings.Api.AdminKey ?? await AdminKeyFile.ReadOrMakeAsync(settings.Connections.DataDirectory)
            : null;
        if (adminKey is not null)
            builder.Services.AddSmsApi(new ApiOptions(
                adminKey, settings.Api.PublicUrl,
                settings.Provider == ProviderKind.Simulator ? [ApiSettings.SimulatorToken] : settings.Api.WebhookTokens)
            {
                WebhookSharedKey = settings.Api.WebhookSharedKey,
            });
        else
            builder.Services.AddSmsOperations();
        // A headless silo tells its health and figures there. It takes no port that nobody gave it: the API's may be next door.
        builder.WebHost.UseUrls(
            settings.HasApi || settings.Api.HasUrls ? [.. settings.Api.Urls, .. settings.Api.OperationsUrls]
            : settings.Api.OperationsUrls.Count > 0 ? [.. settings.Api.OperationsUrls] : ["http://127.0.0.1:0"]);
        if (settings is { Endpoints.IsOpen: true, Api.ClusterCertificate: null })
            LogOpen(logger, settings.Endpoints.ListenAddress);

        await using var app = builder.Build();
        if (settings.HasApi)
            app.MapSmsApi(settings.Api.OperationsUrls);
        else
            app.MapSmsOperations(settings.Api.OperationsUrls);
        SmsMetrics.BeginAtZero();
        await app.StartAsync();
        Announce(settings, app, simulator, adminKey);
        await app.WaitForShutdownAsync();
    }

    private static void AddProvider(IServiceCollection services, SiloSettings settings, ILogger logger)
    {
        if (settings.Provider == ProviderKind.Disabled)
        {
            LogDisabled(logger);
            services.AddSingleton<IMessageProvider, DisabledProvider>();
            return;
        }

        services.AddSingleton(Options.Create(settings.Twilio));
        services.AddTwilio();
    }

    /// <summary>Starts the simulator and points the provider's client to it.</summary>
    private static async Task<TwilioSimulator> StartSimulatorAsync(TwilioOptions twilio)
    {
        // Twilio's own test number for a sender that works. Source: Twilio's documentation of test credentials.
        twilio.PhoneNumber ??= "+15005550006";
        var options = new TwilioSimulatorOptions
        {
            AuthToken = ApiSettings.SimulatorToken,
            Callbacks = true,
            InboundUrl = new Uri($"{twilio.PublicUrl.AbsoluteUri.TrimEnd('/')}/webhooks/twilio/inbound"),
            ServiceNumber = twilio.PhoneNumber,
        };
        var simulator = await TwilioSimulator.StartAsync(options, TimeProvider.System, CancellationToken.None);
        (twilio.AccountSid, twilio.AuthToken, twilio.ApiBaseUrl) = (options.AccountSid, options.AuthToken, simulator.BaseUrl);
        return simulator;
    }

    /// <summary>For the person who started it by hand; the key is theirs and goes to no log provider.</summary>
    private static void Announce(SiloSettings settings, WebApplication app, TwilioSimulator? simulator, string? adminKey)
    {
        var lines = new List<string>();
        if (settings.HasApi)
            lines.Add($"API:        {string.Join(' ', app.Urls)}");
        else
            lines.Add($"Health:     {string.Join(' ', app.Urls.Select(u => $"{u}/health/ready"))}");
        // A key that the operator set is known to the operator, and would stay in the journal.
        if (settings is { HasApi: true, Api.AdminKey: null })
            lines.Add($"Admin key:  {adminKey}");
        if (simulator is not null)
            lines.Add($"Simulator:  {simulator.BaseUrl.AbsoluteUri}simulator/messages");
        lines.Add("Ready. Ctrl+C stops it.");
        Console.WriteLine(string.Join(Environment.NewLine, lines));
    }

    [LoggerMessage(3, LogLevel.Information, "Starting a silo of version {Version}")]
    private static partial void LogStarting(ILogger logger, string version);

    [LoggerMessage(2, LogLevel.Warning,
        "SMS_LISTEN_ADDRESS: the silo listens on {Address} without SMS_CLUSTER_CERTIFICATE: whoever reaches its ports may do all that the admin key may")]
    private static partial void LogOpen(ILogger logger, System.Net.IPAddress address);

    [LoggerMessage(1, LogLevel.Warning, "Twilio credentials not configured - SMS sending disabled")]
    private static partial void LogDisabled(ILogger logger);
}
