using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Sms.Api;

namespace Sms.Integration.Tests.Api;

/// <summary>Who may call a route is said of each, and one of which it is not said is refused.</summary>
public sealed class PolicyTests
{
    private const string AdminKey = "an-admin-key-of-no-cluster";

    private static readonly string[] ForAnybody =
        ["/", "/docs", "/health/live", "/health/ready", "/metrics", "/openapi/v1.json", "/webhooks/twilio/inbound", "/webhooks/twilio/status"];

    [Fact]
    public async Task Every_route_asks_for_a_key_or_is_one_of_those_for_anybody()
    {
        await using var app = Build();

        var routes = ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints).Cast<RouteEndpoint>().ToList();
        var open = routes.Where(r => r.Metadata.GetMetadata<IAllowAnonymous>() is not null).ToList();
        Assert.Equal(ForAnybody, open.Select(r => r.RoutePattern.RawText).Order(StringComparer.Ordinal));
        Assert.NotEmpty(routes.Except(open));
        foreach (var route in routes.Except(open))
        {
            var policies = route.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(a => a.Policy).ToList();
            Assert.Contains(Policies.AnyKey, policies);
            Assert.Equal(route.RoutePattern.RawText!.StartsWith("/v1/businesses/{businessId}", StringComparison.Ordinal), policies.Contains(Policies.OwnBusiness, StringComparer.Ordinal));
            // What is of no business is the admin's, but for what only calculates, and the law, which is everybody's.
            Assert.True(
                policies.Count == 2 || route.RoutePattern.RawText.StartsWith("/v1/preview/", StringComparison.Ordinal) || route.RoutePattern.RawText is "/v1/rules",
                $"{route.RoutePattern.RawText} asks for {string.Join(", ", policies)}");
        }
    }

    [Fact]
    public async Task A_route_of_which_nothing_is_said_is_refused_even_to_the_admin()
    {
        await using var app = Build();
        app.MapGet("/v1/forgotten", () => "a secret");
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        async Task<HttpStatusCode> AskAsync(HttpMethod method, string path, string? key)
        {
            using var request = new HttpRequestMessage(method, path);
            if (key is not null)
                request.Headers.Authorization = new("Bearer", key);
            using var reply = await http.SendAsync(request, TestContext.Current.CancellationToken);
            return reply.StatusCode;
        }

        foreach (var key in new[] { null, AdminKey })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(HttpMethod.Get, "/v1/forgotten", key));
            // What there is not is not said to be anybody's.
            Assert.Equal(HttpStatusCode.NotFound, await AskAsync(HttpMethod.Get, "/v1/nothing", key));
            Assert.Equal(HttpStatusCode.MethodNotAllowed, await AskAsync(HttpMethod.Post, "/v1/forgotten", key));
            Assert.Equal(HttpStatusCode.OK, await AskAsync(HttpMethod.Get, "/health/live", key));
        }
    }

    private static WebApplication Build()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(DispatchProxy.Create<IGrainFactory, NoGrains>());
        builder.Services.AddSmsApi(new ApiOptions(AdminKey, new Uri("http://localhost"), []));
        var app = builder.Build();
        app.MapSmsApi(operationsUrls: []);
        return app;
    }

    /// <summary>For calls that need no grain.</summary>
    public class NoGrains : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new NotSupportedException();
    }
}
