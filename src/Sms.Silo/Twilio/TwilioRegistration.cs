using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>Registers Twilio as the one who carries messages.</summary>
internal static class TwilioRegistration
{
    private const string ClientName = "Twilio";

    /// <summary>
    /// Adds <see cref="TwilioProvider"/> as the singleton <see cref="IMessageProvider"/>;
    /// <see cref="TwilioOptions"/> are bound by the host.
    /// </summary>
    /// <remarks>
    /// Grains hold the provider for the life of the silo, so it holds one client for ever. That pins one handler, on
    /// purpose: <see cref="TwilioOptions.MaxConcurrency"/> bounds the connections of one handler, and the factory's
    /// rotation would give two of them at a time. DNS stays fresh because the handler renews its connections.
    /// </remarks>
    public static IServiceCollection AddTwilio(this IServiceCollection services)
    {
        services.AddHttpClient(ClientName, static client =>
            {
                client.Timeout = Timeout.InfiniteTimeSpan;
                client.DefaultRequestHeaders.UserAgent.ParseAdd("sms");
            })
            .ConfigurePrimaryHttpMessageHandler(static provider =>
                CreateHandler(provider.GetRequiredService<IOptions<TwilioOptions>>().Value))
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            // Handlers that the host adds to all clients (retries, hedging) are not for this one.
            .ConfigureAdditionalHttpMessageHandlers(static (handlers, _) => handlers.Clear())
            // They write URLs, which hold the account.
            .RemoveAllLoggers();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IMessageProvider>(static provider => ActivatorUtilities.CreateInstance<TwilioProvider>(
            provider, provider.GetRequiredService<IHttpClientFactory>().CreateClient(ClientName)));
        return services;
    }

    /// <summary>A handler that makes one request of one request.</summary>
    internal static SocketsHttpHandler CreateHandler(TwilioOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        // Twilio is reached directly: a proxy named in some environment would answer in Twilio's place.
        UseProxy = false,
        MaxConnectionsPerServer = options.MaxConcurrency,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        // Below the minute after which load balancers commonly drop idle connections: a request that meets
        // a connection as it is dropped has an unknown outcome.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    };
}
