namespace Sms.Api;

/// <summary>The process's figures in Prometheus' text format.</summary>
internal static class MetricsApi
{
    public static void MapMetrics(this WebApplication app) => app.MapGet("/metrics", WriteAsync)
        .WithTags("Operations").WithName("getMetrics").WithSummary("The process's figures in Prometheus' text format")
        .Produces<string>(StatusCodes.Status200OK, "text/plain").AllowAnonymous();

    private static async Task WriteAsync(HttpContext http, MetricsBook book, QueueFigures queue)
    {
        var text = new MetricsText();
        text.Begin("sms_build_info", "gauge", "1: the version that this process is of")
            .Sample("sms_build_info", MetricsText.Labels([new("version", ProgramVersion.Text)]), 1);
        book.WriteTo(text);
        await queue.WriteToAsync(text, http.RequestAborted);
        http.Response.ContentType = MetricsText.ContentType;
        await http.Response.WriteAsync(text.ToString(), http.RequestAborted);
    }
}
