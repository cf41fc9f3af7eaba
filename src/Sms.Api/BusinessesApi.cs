using System.Text.Json;
using Sms.Contracts;
using Sms.Domain.Segments;
using Sms.Domain.Sending;

namespace Sms.Api;

/// <summary>Businesses.</summary>
internal static class BusinessesApi
{
    public static void MapBusinesses(this RouteGroupBuilder v1)
    {
        v1.MapPost("/businesses", CreateAsync)
            .RequireAuthorization(Policies.Admin)
            .WithTags("Businesses").WithName("createBusiness").WithSummary("Makes a business and its first key, which is shown this once")
            .Accepts<CreateBusinessRequest>("application/json").Produces<CreatedBusiness>(StatusCodes.Status201Created);
        v1.MapGet("/businesses", ListAsync)
            .RequireAuthorization(Policies.Admin)
            .WithTags("Businesses").WithName("listBusinesses").WithSummary("The businesses, the last made first, or those whose name has a text").Produces<BusinessPage>();
    }

    public static void MapBusiness(this RouteGroupBuilder business)
    {
        business.MapGet("", GetAsync)
            .WithTags("Businesses").WithName("getBusiness").WithSummary("The business").Produces<BusinessView>();
        business.MapPatch("", ChangeAsync)
            .WithTags("Businesses").WithName("changeBusiness").WithSummary("Changes name, timezone or settings, and plans anew what waits")
            .Accepts<ChangeBusinessRequest>("application/json").Produces<BusinessView>();
        business.MapGet("/settings/history", HistoryAsync)
            .WithTags("Businesses").WithName("listSettingsHistory").WithSummary("Name, time zone and settings as they were, the newest first, and who changed them").Produces<BusinessVersionPage>();
    }

    private static async Task<IResult> CreateAsync(HttpContext http, IGrainFactory grains)
    {
        var request = await RequestBody.ReadAsync<CreateBusinessRequest>(http.Request);
        if (request.Name is null)
            return Problem.Invalid("name", "is required").ToResult();

        var (id, key) = (http.NewId(), KeyRing.New());
        var command = new CreateBusiness(request.Name, request.Timezone, Text(request.Settings), http.NewId(), KeyRing.Hash(key), key[^4..]);
        var reply = await http.RepeatAsync(() => grains.Business(id).CreateAsync(command));
        return reply.Business is { } made
            ? TypedResults.Created($"/v1/businesses/{made.Id}", new CreatedBusiness(made.Id, made.Name, made.Timezone, made.Settings, key))
            : Explained(reply.Refusal!).ToResult();
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var (query, page) = (http.Request.Query.One("query"), http.Request.Query.Page());
        if (query is not null && !SmsText.IsValid(query))
            return Problem.Invalid("query", "must not have U+0000 or half a surrogate pair").ToResult();
        return TypedResults.Ok(await http.RepeatAsync(() => grains.Reader().ListBusinessesAsync(query, page)));
    }

    private static async Task<IResult> GetAsync(HttpContext http, IGrainFactory grains) =>
        ToResult(await http.RepeatAsync(() => grains.Business(http.BusinessId()).GetAsync()));

    private static async Task<IResult> ChangeAsync(HttpContext http, IGrainFactory grains)
    {
        var id = http.BusinessId();
        var request = await RequestBody.ReadAsync<ChangeBusinessRequest>(http.Request);
        var command = new ChangeBusiness(request.Name, request.Timezone, Text(request.Settings), Caller.Of(http).IsAdmin, Caller.Of(http).Actor);
        return ToResult(await http.RepeatAsync(() => grains.Business(id).ChangeAsync(command)));
    }

    private static async Task<IResult> HistoryAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, version, page) = (http.BusinessId(), http.Request.Query.Number("version"), http.Request.Query.Page());
        return await http.RepeatAsync(() => grains.Reader().GetBusinessHistoryAsync(business, version, page)) is { } history ? TypedResults.Ok(history) : Problem.NotFound.ToResult();
    }

    private static IResult ToResult(BusinessReply reply) =>
        reply.Business is { } business ? TypedResults.Ok(business)
            : (reply.Refusal is { } refusal ? Explained(refusal) : Problem.NotFound).ToResult();

    /// <summary>A setting that there is not is told with the nearest.</summary>
    private static Problem Explained(Refusal refusal) => Problem.Of(refusal with
    {
        Errors = refusal.Errors?.ToDictionary(
            e => e.Key,
            e => e.Value is [BusinessSettingsJson.NotASetting] ? [UnknownNames.Fault(e.Key[(e.Key.IndexOf('.', StringComparison.Ordinal) + 1)..], "a setting", BusinessSettingsJson.Names)] : e.Value,
            StringComparer.Ordinal),
    });

    private static string? Text(JsonElement? settings) =>
        settings is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } element ? element.GetRawText() : null;
}

/// <summary>A new business with its first key.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Timezone">tz id.</param>
/// <param name="Settings">All settings with the values in force.</param>
/// <param name="ApiKey">Shown this once; only its hash is kept.</param>
internal sealed record CreatedBusiness(
    Guid Id, string Name, string Timezone,
    [property: System.Text.Json.Serialization.JsonConverter(typeof(RawJsonConverter))] string Settings, string ApiKey);
