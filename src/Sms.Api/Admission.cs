namespace Sms.Api;

/// <summary>
/// What a process takes on at once, in bytes of requests: beyond it callers are told to come again, so that memory
/// stays flat however much is pushed. A request weighs its body, and something for itself.
/// </summary>
internal sealed class Admission
{
    /// <summary>What all requests under way may weigh: 4,096 ordinary ones, or 16 of the longest.</summary>
    private const int Room = 16 * RequestBody.MaxBytes;

    /// <summary>What a request weighs at least.</summary>
    private const int LeastWeight = 4096;

    private int _taken;

    /// <summary>False: there is no room, come again.</summary>
    public bool TryEnter(int weight)
    {
        if (Interlocked.Add(ref _taken, weight) <= Room)
            return true;
        Leave(weight);
        return false;
    }

    public void Leave(int weight) => Interlocked.Add(ref _taken, -weight);

    /// <summary>A body whose length is not told may be the longest.</summary>
    public static int WeightOf(HttpRequest request) => HttpMethods.IsGet(request.Method)
        ? LeastWeight
        : (int)Math.Clamp(request.ContentLength ?? RequestBody.MaxBytes, LeastWeight, RequestBody.MaxBytes);
}

internal static class AdmissionRegistration
{
    /// <summary>Turns away what the group's calls together have no room for, before anything of it is read.</summary>
    public static RouteGroupBuilder RequireRoom(this RouteGroupBuilder group)
    {
        var admission = new Admission();
        group.AddEndpointFilter(async (context, next) =>
        {
            var weight = Admission.WeightOf(context.HttpContext.Request);
            if (!admission.TryEnter(weight))
            {
                ApiMetrics.TurnedAway.Add(1);
                return Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "Too many requests are under way here. Nothing was done: try again.").ToResult();
            }

            try
            {
                return await next(context);
            }
            finally
            {
                admission.Leave(weight);
            }
        });
        return group;
    }
}
