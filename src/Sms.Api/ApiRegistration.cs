using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using NodaTime;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>The HTTP API, in whichever host: a silo's or a front-end's. It needs an Orleans client or silo beside it.</summary>
public static class ApiRegistration
{
    public static IServiceCollection AddSmsApi(this IServiceCollection services, ApiOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<KeyRing>();
        services.AddSmsAuthentication();
        services.AddSingleton<Admission>();
        services.AddSingleton(s => new StatusReports(callbacks => s.GetRequiredService<IGrainFactory>().Webhook().StatusAsync(callbacks)));
        services.AddSingleton<RefusedWebhooks>();
        services.AddExceptionHandler<Faults>();
        services.AddProblemDetails();
        services.Configure<JsonOptions>(json => ApiJson.Configure(json.SerializerOptions));
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = RequestBody.MaxBytes;
            // As long as its body may take; see Place.
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            // What waits unread on a connection: a client that pushes more is held back by its socket.
            kestrel.Limits.MaxRequestBufferSize = 64 * 1024;
            kestrel.AddServerHeader = false;
        });
        services.AddSmsOperations();
        services.AddOpenApi(OpenApiDocument.Name, OpenApiDocument.Describe);
        return services;
    }

    /// <param name="app">The process.</param>
    /// <param name="operationsUrls">See <see cref="Operations.MapSmsOperations"/>.</param>
    public static WebApplication MapSmsApi(this WebApplication app, IReadOnlyList<string> operationsUrls)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages(context => Problem.Of(
            context.HttpContext.Response.StatusCode,
            context.HttpContext.Response.StatusCode switch
            {
                StatusCodes.Status404NotFound => "not_found",
                StatusCodes.Status405MethodNotAllowed => "method_not_allowed",
                StatusCodes.Status408RequestTimeout => "request_timeout",
                StatusCodes.Status413PayloadTooLarge => "payload_too_large",
                StatusCodes.Status415UnsupportedMediaType => "unsupported_media_type",
                _ => "bad_request",
            },
            context.HttpContext.Response.StatusCode == StatusCodes.Status415UnsupportedMediaType
                ? "Content-Type must be application/json."
                : "The request does not fit any call of this API.").WriteAsync(context.HttpContext));

        var v1 = app.MapGroup("/v1").RequireAuthorization(Policies.AnyKey).RequireKnownQuery().RequireRoom(http => Admission.Of(Caller.Of(http)));
        v1.MapBusinesses();
        var business = v1.MapGroup("/businesses/{businessId}").RequireAuthorization(Policies.OwnBusiness);
        business.MapBusiness();
        business.MapCustomers();
        business.MapMessages();
        business.MapConsent();
        business.MapPrivacy();
        business.MapOptOuts();
        business.MapApiKeys();
        v1.MapAllMessages();
        v1.MapPreviews();
        v1.MapRules();
        v1.MapQueueStats();
        v1.MapBlackouts();
        app.MapWebhooks();
        app.MapSmsOperations(operationsUrls);
        app.UseAuthentication();
        app.UseAuthorization();
        ApiMetrics.BeginAtZero();
        app.MapDocs();
        // Who opens the address that was printed is a person.
        app.MapGet("/", () => TypedResults.Redirect("/docs")).AllowAnonymous().ExcludeFromDescription();
        return app;
    }

    /// <summary>An id in the path; anything else there names nothing.</summary>
    internal static Guid PathId(this HttpContext http, string name) =>
        ApiJson.TryReadId(http.GetRouteValue(name)?.ToString(), out var id) ? id : throw new ProblemException(Problem.NotFound);

    internal static Guid BusinessId(this HttpContext http) => http.PathId("businessId");

    internal static Instant Now(this HttpContext http) =>
        Instant.FromDateTimeOffset(http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow());

    internal static Guid NewId(this HttpContext http) => Guid.CreateVersion7(http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow());
}
