using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Sms.Benchmarks;

/// <summary>A provider of no latency: it takes every text at once and answers as Twilio's create does. It calls nobody back.</summary>
internal sealed class StandIn : IAsyncDisposable
{
    private readonly WebApplication _app;
    private long _taken;

    private StandIn(WebApplication app) => _app = app;

    /// <summary>Called with each request's form, as it came, and the id it is answered.</summary>
    public Action<string, string>? OnText { get; set; }

    public long Taken => Volatile.Read(ref _taken);

    public Uri Url => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    public static async Task<StandIn> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        // A signal ends the benchmark, as without this host.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var standIn = new StandIn(builder.Build());
        standIn._app.Run(standIn.TakeAsync);
        await standIn._app.StartAsync();
        return standIn;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var form = await reader.ReadToEndAsync(http.RequestAborted);
        var sid = $"SM{Guid.NewGuid():N}";
        OnText?.Invoke(form, sid);
        Interlocked.Increment(ref _taken);
        http.Response.StatusCode = StatusCodes.Status201Created;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync($$"""{"sid":"{{sid}}","status":"queued","error_code":null,"num_segments":"1"}""", http.RequestAborted);
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
