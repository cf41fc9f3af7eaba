namespace Sms.Api;

/// <summary>What every process offers to whoever runs it: health and metrics.</summary>
public static class Operations
{
    public static IServiceCollection AddSmsOperations(this IServiceCollection services) => services
        .AddSingleton<QueueFigures>()
        .AddSingleton<MetricsBook>();

    public static WebApplication MapSmsOperations(this WebApplication app)
    {
        // From here on it counts, not from the first scrape.
        _ = app.Services.GetRequiredService<MetricsBook>();
        app.UseHead();
        app.MapHealth();
        app.MapMetrics();
        return app;
    }

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
