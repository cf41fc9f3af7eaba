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
        await Describe(exception).WriteAsync(httpContext);
        return true;
    }

    private Problem Describe(Exception exception)
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

        if (LostCalls.IsLost(exception))
        {
            LogUnavailable(logger, Activity.Current?.Id, exception);
            return Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The service cannot take the request now. Try again under the same idempotency key.");
        }

        LogFault(logger, Activity.Current?.Id, exception);
        return Problem.Of(StatusCodes.Status500InternalServerError, "internal_error", "The service failed to handle the request.");
    }

    [LoggerMessage(1, LogLevel.Warning, "The cluster or its database did not answer request {TraceId}")]
    private static partial void LogUnavailable(ILogger logger, string? traceId, Exception e);

    [LoggerMessage(2, LogLevel.Error, "Request {TraceId} failed")]
    private static partial void LogFault(ILogger logger, string? traceId, Exception e);
}
