using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sms.Api;

namespace Sms.Integration.Tests.Api;

/// <summary>What a stranger can do to a process: connect to it, and ask for what needs no key.</summary>
public sealed class DoorTests(SharedSilo shared)
{
    private const int Most = 8;

    [Fact]
    public async Task Idle_connections_make_way_and_those_with_a_request_stay()
    {
        var isBusy = new TaskCompletionSource();
        var mayEnd = new TaskCompletionSource();
        await using var app = await GuardedAsync(async http =>
        {
            if (http.Request.Path == "/slow")
            {
                isBusy.SetResult();
                await mayEnd.Task;
            }

            await http.Response.WriteAsync("here");
        });
        var port = new Uri(app.Urls.Single()).Port;
        using var busy = await ConnectAsync(port);
        await busy.GetStream().WriteAsync(Get("/slow"), TestContext.Current.CancellationToken);
        await isBusy.Task;
        var idle = new List<TcpClient>();
        for (var n = 0; n < Most - 1; n++)
            idle.Add(await ConnectAsync(port));

        for (var n = 0; n < 3 * Most; n++)
        {
            using var next = await ConnectAsync(port);
            await next.GetStream().WriteAsync(Get("/"), TestContext.Current.CancellationToken);
            Assert.EndsWith("here", await ReadReplyAsync(next), StringComparison.Ordinal);
        }

        // In which order the server takes connections that come together is its own.
        Assert.Equal(0, await await Task.WhenAny(idle.Select(ReadSafelyAsync)));
        mayEnd.SetResult();
        Assert.EndsWith("here", await ReadReplyAsync(busy), StringComparison.Ordinal);
        idle.ForEach(i => i.Dispose());
    }

    [Fact]
    public async Task The_documents_are_made_once_and_not_sent_again()
    {
        var api = await shared.GetAsync();
        foreach (var path in new[] { "/docs", "/openapi/v1.json" })
        {
            using var first = await api.Http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
            using var again = new HttpRequestMessage(HttpMethod.Get, path);
            again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            using var second = await api.Http.SendAsync(again, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        }
    }

    [Fact]
    public async Task Documents_that_could_not_be_made_are_made_for_the_next_who_asks()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddKeyedSingleton<IOpenApiDocumentProvider>(OpenApiDocument.Name, new FailsOnce());
        await using var app = builder.Build();
        app.MapDocs();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        foreach (var status in new[] { HttpStatusCode.InternalServerError, HttpStatusCode.OK, HttpStatusCode.OK })
        {
            using var reply = await http.GetAsync(new Uri("/openapi/v1.json", UriKind.Relative), TestContext.Current.CancellationToken);
            Assert.Equal(status, reply.StatusCode);
        }
    }

    [Theory]
    [InlineData("/v1/businesses", true)]
    [InlineData("/v1/no/such/call", true)]
    [InlineData("/health/live", false)]
    [InlineData("/docs", false)]
    public async Task Replies_are_not_sniffed_and_those_of_the_api_are_kept_nowhere(string path, bool isApi)
    {
        var reply = await (await shared.GetAsync()).Client.GetAsync(path);
        Assert.Equal("nosniff", reply.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal(isApi, reply.Headers.CacheControl is { NoStore: true });
    }

    [Fact]
    public async Task The_simulator_serves_this_machine_by_its_own_names_alone()
    {
        var api = await shared.GetAsync();
        foreach (var (host, status) in new[] { ("127.0.0.1", HttpStatusCode.OK), ("localhost", HttpStatusCode.OK), ("evil.example", HttpStatusCode.BadRequest) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, api.Silo.SimulatorUrl);
            request.Headers.Host = string.Create(CultureInfo.InvariantCulture, $"{host}:{api.Silo.SimulatorUrl.Port}");
            using var reply = await api.Silo.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(status, reply.StatusCode);
        }
    }

    private sealed class FailsOnce : IOpenApiDocumentProvider
    {
        private int _asked;

        public Task<Microsoft.OpenApi.OpenApiDocument> GetOpenApiDocumentAsync(CancellationToken cancellationToken = default) => ++_asked == 1
            ? throw new InvalidOperationException("Not yet.")
            : Task.FromResult(new Microsoft.OpenApi.OpenApiDocument { Info = new() { Title = "x", Version = "1" }, Paths = [] });
    }

    private static async Task<WebApplication> GuardedAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var gate = new ConnectionGate(Most, TimeProvider.System, NullLogger<ConnectionGate>.Instance);
        builder.Services.Configure<KestrelServerOptions>(k => k.ConfigureEndpointDefaults(e => e.Use(gate.Guard)));
        var app = builder.Build();
        app.Use(gate.KeepAsync);
        app.Run(answer);
        await app.StartAsync();
        return app;
    }

    private static async Task<TcpClient> ConnectAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        return client;
    }

    private static byte[] Get(string path) => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");

    private static async Task<string> ReadReplyAsync(TcpClient client)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("here", StringComparison.Ordinal))
        {
            var count = await client.GetStream().ReadAsync(buffer, patience.Token);
            if (count == 0)
                break;
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        // The last chunk of a chunked reply may follow.
        return text.ToString().Split("\r\n0\r\n")[0].TrimEnd();
    }

    /// <summary>0: it was closed, in whatever way.</summary>
    private static async Task<int> ReadSafelyAsync(TcpClient client)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            return await client.GetStream().ReadAsync(new byte[1], patience.Token);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return 0;
        }
    }
}
