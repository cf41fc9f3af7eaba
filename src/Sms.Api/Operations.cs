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
        app.MapHealth();
        app.MapMetrics();
        return app;
    }
}
