using Sms.Contracts;

namespace Sms.Api;

/// <summary>The queue over all businesses, for the operator.</summary>
internal static class QueueStatsApi
{
    public static void MapQueueStats(this RouteGroupBuilder v1) => v1.MapGet("/retries/stats", GetAsync)
        .RequireAuthorization(Policies.Admin)
        .WithTags("Operations").WithName("getQueueStats").WithSummary("The queue over all businesses").Produces<QueueStats>();

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains) =>
        TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().GetQueueStatsAsync()));
}
