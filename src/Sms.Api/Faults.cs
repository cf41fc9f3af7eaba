using System.Diagnostics;
using Microsoft.AspNetCore.Diagnostics;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>Turns what was thrown into a problem; what it was goes to the log, not to the client.</summary>
internal sealed partial class Faults(ILogger<Faults> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.Response.HasStarted)
            return false;
        await Describe(httpContext, exception).WriteAsync(httpContext);
        return true;
    }

    private Problem Describe(HttpContext httpContext, Exception exception)
    {
        switch (exception)
        {
            case ProblemException known:
                return known.Problem;
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return RequestBody.TooLong(RequestBody.MaxBytes);
            case BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout }:
                return RequestBody.TooSlow;
            case BadHttpRequestException bad:
                return Problem.Of(bad.StatusCode, "bad_request", "The request is malformed.");
            case OperationCanceledException:
                return Problem.Of(StatusCodes.Status499ClientClosedRequest, "client_closed_request", "The client ended the request.");
        }

        var business = Whose(httpContext);
        if (LostCalls.IsLost(exception))
        {
            var level = LostCalls.IsOutage(exception) ? LogLevel.Information : LogLevel.Warning;
            LogUnavailable(logger, level, Activity.Current?.Id, business, exception.Message);
            return Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The service cannot take the request now. Try again under the same idempotency key.");
        }

        LogFault(logger, Activity.Current?.Id, business, exception);
        return Problem.Of(StatusCodes.Status500InternalServerError, "internal_error", "The service failed to handle the request.");
    }

    /// <summary>The business in the path, by its id; the path itself may hold a number.</summary>
    private static string Whose(HttpContext http) =>
        ApiJson.TryReadId(http.Features.Get<IExceptionHandlerFeature>()?.RouteValues?["businessId"]?.ToString(), out var id) ? id.ToString() : "none";

    [LoggerMessage(EventId = 1, Message = "Request {TraceId} of business {BusinessId} was answered 503: {Reason}")]
    private static partial void LogUnavailable(ILogger logger, LogLevel level, string? traceId, string businessId, string reason);

    [LoggerMessage(2, LogLevel.Error, "Request {TraceId} of business {BusinessId} failed")]
    private static partial void LogFault(ILogger logger, string? traceId, string businessId, Exception e);
}
