namespace Sms.Api;

/// <summary>The process's figures in Prometheus' text format.</summary>
internal static class MetricsApi
{
    public static void MapMetrics(this WebApplication app) => app.MapGet("/metrics", WriteAsync)
        .WithTags("Operations").WithName("getMetrics").WithSummary("The process's figures in Prometheus' text format")
        .Produces<string>(StatusCodes.Status200OK, "text/plain");

    private static async Task WriteAsync(HttpContext http, MetricsBook book, QueueFigures queue)
    {
        var text = new MetricsText();
        book.WriteTo(text);
        await queue.WriteToAsync(text, http.RequestAborted);
        http.Response.ContentType = MetricsText.ContentType;
        await http.Response.WriteAsync(text.ToString(), http.RequestAborted);
    }
}
