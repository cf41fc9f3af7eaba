using Sms.Contracts;

namespace Sms.Api;

/// <summary>The suppression list of a business: who opted out, and what else refuses texts to a number.</summary>
internal static class OptOutsApi
{
    private static readonly string[] Kinds = ["opt_out", "unreachable", "under_review"];

    public static void MapOptOuts(this RouteGroupBuilder business)
    {
        business.MapGet("/opt-outs", ListAsync)
            .WithTags("Opt-outs").WithName("listOptOuts").WithSummary("The numbers that may not be texted, newest first").Produces<OptOutPage>();
        business.MapPut("/opt-outs/{phone}", AddAsync)
            .WithTags("Opt-outs").WithName("addOptOut").WithSummary("Puts a number on the list and ends what waits for it")
            .Accepts<OptOutRequest>("application/json").Produces(StatusCodes.Status204NoContent);
        business.MapDelete("/opt-outs/{phone}", RemoveOptOutAsync)
            .WithTags("Opt-outs").WithName("removeOptOut").WithSummary("Takes a number off the list").Produces(StatusCodes.Status204NoContent);
        business.MapGet("/suppressions", ListSuppressionsAsync)
            .WithTags("Opt-outs").WithName("listSuppressions").WithSummary("The numbers to which texts are refused, and why, newest first").Produces<SuppressionPage>();
        business.MapDelete("/suppressions/{phone}", RemoveSuppressionAsync)
            .WithTags("Opt-outs").WithName("removeSuppression").WithSummary("Ends one kind of suppression of a number").Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> ListSuppressionsAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, kind, page) = (http.BusinessId(), http.Request.Query.Word("kind", Kinds), http.Request.Query.Page());
        var list = await http.RepeatAsync(() => grains.Records(id).ListSuppressionsAsync(kind, page));
        return list is null ? Problem.NotFound.ToResult() : TypedResults.Ok(list);
    }

    private static Task<IResult> RemoveSuppressionAsync(HttpContext http, IGrainFactory grains) => http.Request.Query.Word("kind", Kinds) is { } kind
        ? RemoveAsync(http, grains, kind)
        : Task.FromResult(Problem.Invalid("kind", $"must be one of {string.Join(", ", Kinds)}").ToResult());

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, page) = (http.BusinessId(), http.Request.Query.Page());
        var list = await http.RepeatAsync(() => grains.Records(id).ListOptOutsAsync(page));
        return list is null ? Problem.NotFound.ToResult() : TypedResults.Ok(list);
    }

    private static async Task<IResult> AddAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, phone) = (http.BusinessId(), Phone(http));
        var hasBody = http.Request.ContentLength is > 0 || http.Request.Headers.TransferEncoding.Count > 0;
        var reason = hasBody ? (await RequestBody.ReadAsync<OptOutRequest>(http.Request)).Reason : null;
        if (reason?.Length > 500)
            return Problem.Invalid("reason", "must have at most 500 characters").ToResult();
        return ToResult(await http.RepeatAsync(() => grains.Records(id).AddOptOutAsync(phone, reason, Caller.Of(http).Actor)));
    }

    private static Task<IResult> RemoveOptOutAsync(HttpContext http, IGrainFactory grains) => RemoveAsync(http, grains, "opt_out");

    private static async Task<IResult> RemoveAsync(HttpContext http, IGrainFactory grains, string kind)
    {
        var (id, phone) = (http.BusinessId(), Phone(http));
        return ToResult(await http.RepeatAsync(async isRepeated =>
        {
            var refusal = await grains.Records(id).RemoveSuppressionAsync(phone, kind);
            return isRepeated && refusal?.Code == "not_found" ? null : refusal;
        }));
    }

    private static string Phone(HttpContext http) => http.GetRouteValue("phone")?.ToString() ?? "";

    private static IResult ToResult(Refusal? refusal) => refusal is null ? TypedResults.NoContent() : Problem.Of(refusal).ToResult();
}
