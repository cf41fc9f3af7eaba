using Microsoft.AspNetCore.Http.HttpResults;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>For whoever restarts processes and routes traffic.</summary>
internal static class HealthApi
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", () => TypedResults.Ok(new Health("live", null, ProgramVersion.Text)))
            .WithTags("Health").WithName("live").WithSummary("The process answers").AllowAnonymous();
        app.MapGet("/health/ready", ReadyAsync)
            .WithTags("Health").WithName("ready").WithSummary("Database, cluster and schema are usable")
            .Produces<Health>().Produces<Health>(StatusCodes.Status503ServiceUnavailable).AllowAnonymous();
    }

    private static async Task<IResult> ReadyAsync(HttpContext http, IGrainFactory grains, TimeProvider time)
    {
        if (!http.IsConnected())
            return NotReady("Waiting for the first silo.");
        try
        {
            var state = await grains.Reader().CheckAsync().WaitAsync(Patience, time, http.RequestAborted);
            return state.Fault is null
                ? TypedResults.Ok(new Health("ready", state.Notice, ProgramVersion.Text))
                : NotReady(state.Fault);
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            return NotReady("The cluster does not answer.");
        }
    }

    private static JsonHttpResult<Health> NotReady(string detail) => TypedResults.Json(new Health("unavailable", detail, ProgramVersion.Text), statusCode: StatusCodes.Status503ServiceUnavailable);
}

/// <param name="Status">live, ready or unavailable.</param>
/// <param name="Detail">What is not as it should be; null when all is well.</param>
/// <param name="Version">This process's version.</param>
internal sealed record Health(string Status, string? Detail, string Version);
