using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>Registers Twilio as the one who carries messages.</summary>
internal static class TwilioRegistration
{
    /// <summary>
    /// Adds <see cref="TwilioProvider"/> as the singleton <see cref="IMessageProvider"/>;
    /// <see cref="TwilioOptions"/> are bound by the host.
    /// </summary>
    /// <remarks>
    /// Grains hold the provider for the life of the silo, so it holds its clients for ever. That pins their handlers, on
    /// purpose: <see cref="TwilioOptions.MaxConcurrency"/> bounds the connections of one handler, and the factory's
    /// rotation would give two of them at a time. DNS stays fresh because the handlers renew their connections. Look-ups
    /// have a client of their own: those that hang take no connection from a message.
    /// </remarks>
    public static IServiceCollection AddTwilio(this IServiceCollection services)
    {
        const string creates = "Twilio", lookups = "Twilio look-ups";
        services.AddTwilioClient(creates, static options => options.MaxConcurrency);
        services.AddTwilioClient(lookups, static _ => Reconciler.MostAtOnce);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IMessageProvider>(static provider =>
        {
            var clients = provider.GetRequiredService<IHttpClientFactory>();
            return new TwilioProvider(
                clients.CreateClient(creates), clients.CreateClient(lookups), provider.GetRequiredService<IOptions<TwilioOptions>>(),
                provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<TwilioProvider>>());
        });
        return services;
    }

    private static void AddTwilioClient(this IServiceCollection services, string name, Func<TwilioOptions, int> connections) =>
        services.AddHttpClient(name, static client =>
            {
                client.Timeout = Timeout.InfiniteTimeSpan;
                client.DefaultRequestHeaders.UserAgent.ParseAdd("sms");
            })
            .ConfigurePrimaryHttpMessageHandler(provider =>
                CreateHandler(connections(provider.GetRequiredService<IOptions<TwilioOptions>>().Value)))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            // Handlers that the host adds to all clients (retries, hedging) are not for this one.
            .ConfigureAdditionalHttpMessageHandlers(static (handlers, _) => handlers.Clear())
            // They write URLs, which hold the account.
            .RemoveAllLoggers();

    /// <summary>A handler that makes one request of one request.</summary>
    /// <param name="connections">At most; at least 1.</param>
    internal static SocketsHttpHandler CreateHandler(int connections) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        // Twilio is reached directly: a proxy named in some environment would answer in Twilio's place.
        UseProxy = false,
        MaxConnectionsPerServer = connections,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        // Below the minute after which load balancers commonly drop idle connections: a request that meets
        // a connection as it is dropped has an unknown outcome.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    };
}
