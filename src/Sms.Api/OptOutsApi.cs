using Sms.Contracts;

namespace Sms.Api;

/// <summary>The suppression list of a business.</summary>
internal static class OptOutsApi
{
    public static void MapOptOuts(this RouteGroupBuilder business)
    {
        business.MapGet("/opt-outs", ListAsync)
            .WithTags("Opt-outs").WithName("listOptOuts").WithSummary("The numbers that may not be texted, newest first").Produces<OptOutPage>();
        business.MapPut("/opt-outs/{phone}", AddAsync)
            .WithTags("Opt-outs").WithName("addOptOut").WithSummary("Puts a number on the list and ends what waits for it")
            .Accepts<OptOutRequest>("application/json").Produces(StatusCodes.Status204NoContent);
        business.MapDelete("/opt-outs/{phone}", RemoveAsync)
            .WithTags("Opt-outs").WithName("removeOptOut").WithSummary("Takes a number off the list").Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, page) = (http.BusinessId(), http.Request.Query.Page());
        var list = await http.RepeatAsync(() => grains.Business(id).ListOptOutsAsync(page));
        return list is null ? Problem.NotFound.ToResult() : TypedResults.Ok(list);
    }

    private static async Task<IResult> AddAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, phone) = (http.BusinessId(), Phone(http));
        var hasBody = http.Request.ContentLength is > 0 || http.Request.Headers.TransferEncoding.Count > 0;
        var reason = hasBody ? (await RequestBody.ReadAsync<OptOutRequest>(http.Request)).Reason : null;
        if (reason?.Length > 500)
            return Problem.Invalid("reason", "must have at most 500 characters").ToResult();
        return ToResult(await http.RepeatAsync(() => grains.Business(id).AddOptOutAsync(phone, reason, Caller.Of(http).Actor)));
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, IGrainFactory grains)
    {
        var (id, phone) = (http.BusinessId(), Phone(http));
        return ToResult(await http.RepeatAsync(async isRepeated =>
        {
            var refusal = await grains.Business(id).RemoveOptOutAsync(phone);
            return isRepeated && refusal?.Code == "not_found" ? null : refusal;
        }));
    }

    private static string Phone(HttpContext http) => http.GetRouteValue("phone")?.ToString() ?? "";

    private static IResult ToResult(Refusal? refusal) => refusal is null ? TypedResults.NoContent() : Problem.Of(refusal).ToResult();
}
