using NodaTime;
using Sms.Contracts;
using Sms.Domain.Statutes;

namespace Sms.Api;

/// <summary>Days on which marketing is stopped by hand: a state of emergency, for example.</summary>
internal static class BlackoutsApi
{
    public static void MapBlackouts(this RouteGroupBuilder v1)
    {
        v1.MapGet("/blackouts", ListAsync).RequireAuthorization(Policies.Admin)
            .WithTags("Operations").WithName("listBlackouts").WithSummary("The days on which marketing is stopped by hand").Produces<BlackoutList>();
        v1.MapGet("/blackouts/history", HistoryAsync).RequireAuthorization(Policies.Admin)
            .WithTags("Operations").WithName("listBlackoutHistory").WithSummary("Who changed them, when and how, the newest first").Produces<BlackoutHistory>();
        v1.MapPut("/blackouts/{blackoutId}", PutAsync).RequireAuthorization(Policies.Admin)
            .WithTags("Operations").WithName("putBlackout").WithSummary("Makes or changes a blackout: it holds within a second, and what waits is planned anew")
            .Accepts<BlackoutRequest>("application/json").Produces<BlackoutView>();
        v1.MapDelete("/blackouts/{blackoutId}", RemoveAsync).RequireAuthorization(Policies.Admin)
            .WithTags("Operations").WithName("deleteBlackout").WithSummary("Ends a blackout, and plans anew what waits").Produces(StatusCodes.Status204NoContent);
    }

    /// <summary>What holds now, for a decision without a message.</summary>
    public static async Task<BlackoutCalendar> BlackoutsAsync(this HttpContext http, IGrainFactory grains)
    {
        var list = await http.RepeatAsync(() => grains.Reader().ListBlackoutsAsync());
        return new BlackoutCalendar(list.Revision, [.. list.Data.Select(b =>
            new Blackout(b.Id, b.State, LocalDate.FromDateOnly(b.From), LocalDate.FromDateOnly(b.Until), b.Reason))]);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        if (http.Request.Query.Number("revision") is not { } revision)
            return TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().ListBlackoutsAsync()));
        return await http.RepeatAsync(() => grains.Reader().ListBlackoutsAtAsync(revision)) is { } list
            ? TypedResults.Ok(list)
            : Problem.Invalid("revision", "must be one that there has been").ToResult();
    }

    private static async Task<IResult> HistoryAsync(HttpContext http, IGrainFactory grains)
    {
        var page = http.Request.Query.Page();
        return TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().GetBlackoutHistoryAsync(page)));
    }

    private static async Task<IResult> PutAsync(HttpContext http, IGrainFactory grains)
    {
        var request = await RequestBody.ReadAsync<BlackoutRequest>(http.Request);
        var id = http.PathId("blackoutId");
        if (request.State is not null && RuleBook.Current.State(request.State) is null)
            return Problem.Invalid("state", "must be the two letters of a state or territory of the US").ToResult();
        if (request.From is not { } from)
            return Problem.Invalid("from", "is required").ToResult();
        if (request.Until is not { } until || until < from)
            return Problem.Invalid("until", "is required, and not before from").ToResult();
        if (request.Reason?.Length > 500)
            return Problem.Invalid("reason", "must have at most 500 characters").ToResult();

        var blackout = new BlackoutView(id, request.State?.Trim().ToUpperInvariant(), from, until, request.Reason);
        await http.RepeatAsync(async () =>
        {
            await grains.Reader().PutBlackoutAsync(blackout, Caller.Of(http).Actor);
            return true;
        });
        return TypedResults.Ok(blackout);
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, IGrainFactory grains) =>
        await grains.Reader().RemoveBlackoutAsync(http.PathId("blackoutId"), Caller.Of(http).Actor) ? TypedResults.NoContent() : Problem.NotFound.ToResult();
}
