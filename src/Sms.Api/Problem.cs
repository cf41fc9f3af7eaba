using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>An error as clients see it (RFC 9457), with a stable word to branch on.</summary>
public sealed record Problem
{
    /// <summary>Where the code is explained.</summary>
    public required string Type { get; init; }

    /// <summary>The status in words.</summary>
    public required string Title { get; init; }

    public required int Status { get; init; }

    /// <summary>One sentence for the client's developer.</summary>
    public required string Detail { get; init; }

    /// <summary>A stable snake_case word.</summary>
    public required string Code { get; init; }

    /// <summary>For invalid input: member to what is wrong with it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Dictionary<string, string[]>? Errors { get; init; }

    /// <summary>Ties the answer to the logs.</summary>
    public string? TraceId { get; init; }

    /// <summary>For Retry-After; null: a second from now, where the status asks for one.</summary>
    [JsonIgnore]
    public DateTimeOffset? RetryAt { get; init; }

    public static Problem Of(int status, string code, string detail, Dictionary<string, string[]>? errors = null) => new()
    {
        Type = $"/docs#{code}",
        Title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status),
        Status = status,
        Detail = detail,
        Code = code,
        Errors = errors,
        TraceId = Activity.Current?.Id,
    };

    public static Problem Of(Refusal refusal) => Of(ErrorCodes.StatusOf(refusal.Code), refusal.Code, refusal.Detail, refusal.Errors) with { RetryAt = refusal.RetryAt };

    public static Problem Invalid(string member, string what) => Of(
        StatusCodes.Status422UnprocessableEntity, "validation_failed", $"{member} {what}{(what.EndsWith('?') ? "" : ".")}",
        new(StringComparer.Ordinal) { [member] = [what] });

    public static Problem NotFound { get; } = Of(StatusCodes.Status404NotFound, "not_found", "There is no such resource.");

    public IResult ToResult() => new Answer(this);

    public Task WriteAsync(HttpContext http)
    {
        http.Response.StatusCode = Status;
        if (Status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests)
            http.Response.Headers.RetryAfter = SecondsUntil(RetryAt, http).ToString(CultureInfo.InvariantCulture);
        return http.Response.WriteAsJsonAsync(
            this with { TraceId = Activity.Current?.Id }, ApiJson.Options, "application/problem+json", http.RequestAborted);
    }

    private static long SecondsUntil(DateTimeOffset? at, HttpContext http) =>
        at is { } time ? Math.Max(1, (long)Math.Ceiling((time - http.Now().ToDateTimeOffset()).TotalSeconds)) : 1;

    private sealed class Answer(Problem problem) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => problem.WriteAsync(httpContext);
    }
}

/// <summary>Ends a request with a problem from wherever its input is being read.</summary>
public sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;
}
