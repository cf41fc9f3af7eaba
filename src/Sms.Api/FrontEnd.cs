using System.CommandLine;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Npgsql;
using Orleans.Configuration;
using Sms.Domain.Places;

namespace Sms.Api;

/// <summary>
/// The API as a process of its own: a client of a cluster of silos. It may start before them: it listens at once,
/// says unavailable, and joins when the first silo is there.
/// </summary>
internal static class FrontEnd
{
    /// <returns>0 after a graceful stop; 1 when it cannot start, and one line on the error stream says why; 2: see <see cref="ProgramArguments"/>.</returns>
    public static Task<int> RunAsync(string[] args)
    {
        var urls = ProgramArguments.Urls();
        var root = new RootCommand("The API of Sms as a process of its own, for a cluster of silos. Settings come from the environment: see docs/configuration.md.")
        {
            urls, ProgramArguments.Health(),
        };
        root.SetAction((parsed, _) => StartAsync(parsed.GetValue(urls)));
        return ProgramArguments.RunAsync(root, args);
    }

    private static async Task<int> StartAsync(string? urls)
    {
        try
        {
            PlaceTables.Check();
            await RunHostAsync(urls);
            return 0;
        }
        catch (Exception e) when (e is SettingException or InvalidDataException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (NpgsqlException e)
        {
            await Console.Error.WriteLineAsync($"ConnectionStrings__Sms: the database refuses this front-end: {e.Message}");
            return 1;
        }
        catch (Exception e) when (e is SocketException || e.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"SMS_URLS: {e.Message}");
            return 1;
        }
    }

    private static async Task RunHostAsync(string? urls)
    {
        var builder = ProgramBuilder.Create();
        var settings = ApiSettings.Read(builder.Configuration, urls, builder.Environment.IsDevelopment());
        var adminKey = settings.AdminKey ?? throw SettingsReader.Wrong("SMS_ADMIN_KEY", "is required");
        FreePorts.Require([.. FreePorts.Of(settings.Urls), .. FreePorts.Of(settings.OperationsUrls, "SMS_OPERATIONS_URLS")]);
        await using var dataSource = CreateDataSource(settings.ConnectionString
            ?? throw SettingsReader.Wrong("ConnectionStrings__Sms", "is required: a front-end joins the cluster through its database"));
        await RequireSessionsAsync(settings.ConnectionString);
        ProgramLogs.Configure(builder.Logging, builder.Configuration);
        builder.WebHost.UseUrls([.. settings.Urls, .. settings.OperationsUrls]);
        // Kestrel does not wait for the cluster: whoever watches this process learns that it lives and is not ready.
        builder.Services.Configure<HostOptions>(o => o.ServicesStartConcurrently = true);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSmsApi(new ApiOptions(adminKey, settings.PublicUrl, settings.WebhookTokens) { WebhookSharedKey = settings.WebhookSharedKey });
        builder.Services.AddOrleansClient(client =>
        {
            client.UseAdoNetClustering(o => (o.Invariant, o.DataSource) = ("Npgsql", dataSource));
            client.UseConnectionRetryFilter<ClusterWait>();
            client.AddClusterConnectionStatusObserver<SilosInReach>();
            client.Services.AddOutages();
            if (settings.ClusterCertificate is { } certificate)
                client.UseTls(certificate.Configure);
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.ClusterId, settings.ServiceId));
            // A call in flight to a silo that is killed hears nothing: it is given up after this and made again.
            client.Configure<ClientMessagingOptions>(o => o.ResponseTimeout = TimeSpan.FromSeconds(5));
            client.Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5));
        });
        await using var app = builder.Build();
        var starting = app.Lifetime.ApplicationStopping;
        app.MapSmsApi(settings.OperationsUrls);
        try
        {
            await app.StartAsync();
        }
        catch (OperationCanceledException) when (starting.IsCancellationRequested)
        {
            // Stopped while it waited for a silo.
            return;
        }

        Console.WriteLine($"API:        {string.Join(' ', app.Urls)}{Environment.NewLine}Ready. Ctrl+C stops it.");
        await app.WaitForShutdownAsync();
    }

    /// <summary>A database that does not answer yet is waited for later, while the API listens.</summary>
    private static async Task RequireSessionsAsync(string connectionString)
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await SessionCheck.RequireAsync("ConnectionStrings__Sms", connectionString, soon.Token);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException or OperationCanceledException)
        {
            // Whoever joins the cluster says so again and again.
        }
    }

    /// <summary>The application's role, where the login can have it; else the silos work as the owner too.</summary>
    private const string TakeRole =
        """
        select set_config('search_path', 'orleans', false);
        select set_config('role', r.rolname, false) from pg_roles r where r.rolname = 'sms_app' and pg_has_role(current_user, r.oid, 'member')
        """;

    /// <summary>For Orleans' list of silos alone: everything else goes through them.</summary>
    private static NpgsqlDataSource CreateDataSource(string connectionString)
    {
        try
        {
            // No reset between uses: it would give the role back.
            var settings = new NpgsqlConnectionStringBuilder(connectionString)
            {
                ApplicationName = "sms-api",
                SearchPath = null,
                MaxPoolSize = 4,
                NoResetOnClose = true,
            };
            var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
            builder.UsePhysicalConnectionInitializer(
                connection =>
                {
                    using var command = new NpgsqlCommand(TakeRole, connection);
                    command.ExecuteNonQuery();
                },
                async connection =>
                {
                    await using var command = new NpgsqlCommand(TakeRole, connection);
                    await command.ExecuteNonQueryAsync();
                });
            return builder.Build();
        }
        catch (ArgumentException)
        {
            // The exception's own words may repeat the password.
            throw SettingsReader.Wrong("ConnectionStrings__Sms", "is no connection string for PostgreSQL (Host=…;Database=…;Username=…;Password=…)");
        }
    }
}
