using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Sms.Api;

/// <summary>What every process offers to whoever runs it: health and metrics.</summary>
public static class Operations
{
    public static IServiceCollection AddSmsOperations(this IServiceCollection services)
    {
        services.AddOptions<KestrelServerOptions>().Configure<ConnectionGate>(
            (kestrel, gate) => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(gate.Guard)));
        return services
            .AddSingleton(s => new ConnectionGate(ConnectionGate.MostHere(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<ConnectionGate>>()))
            .AddSingleton<QueueFigures>()
            .AddSingleton<MetricsBook>();
    }

    /// <param name="app">The process.</param>
    /// <param name="urls">Where these calls are served, and no others; none: where all are.</param>
    public static WebApplication MapSmsOperations(this WebApplication app, IReadOnlyList<string> urls)
    {
        // From here on it counts, not from the first scrape.
        _ = app.Services.GetRequiredService<MetricsBook>();
        app.Use(app.Services.GetRequiredService<ConnectionGate>().KeepAsync);
        app.Use(SetHeadersAsync);
        if (urls.Count > 0)
            app.UseSeparateListeners([.. urls.Select(u => FreePorts.Address(u).Port)]);
        app.UseHead();
        app.MapHealth();
        app.MapMetrics();
        return app;
    }

    /// <summary>Replies are what they say they are, and what concerns a business or its keys is kept nowhere on the way.</summary>
    private static Task SetHeadersAsync(HttpContext http, RequestDelegate next)
    {
        http.Response.Headers.XContentTypeOptions = "nosniff";
        if (http.Request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase))
            http.Response.Headers.CacheControl = "no-store";
        return next(http);
    }

    /// <summary>By the port, not by what the request says of itself: a proxy's rule for a path misses other spellings of it.</summary>
    private static void UseSeparateListeners(this WebApplication app, IReadOnlyCollection<int> ports) => app.Use((http, next) =>
    {
        var isOperation = http.Request.Path.StartsWithSegments("/health", StringComparison.OrdinalIgnoreCase) || http.Request.Path.StartsWithSegments("/metrics", StringComparison.OrdinalIgnoreCase);
        return ports.Contains(http.Connection.LocalPort) == isOperation ? next(http) : Problem.NotFound.WriteAsync(http);
    });

    /// <summary>HEAD is answered as GET is, without the content: the server holds that back (RFC 9110, 9.3.2).</summary>
    private static void UseHead(this WebApplication app)
    {
        app.Use((http, next) =>
        {
            if (HttpMethods.IsHead(http.Request.Method))
                http.Request.Method = HttpMethods.Get;
            return next(http);
        });
        app.UseRouting();
    }
}
