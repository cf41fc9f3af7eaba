using Sms.Contracts;

namespace Sms.Api;

/// <summary>The keys of a business: make the next, put it to use, delete the last.</summary>
internal static class ApiKeysApi
{
    public static void MapApiKeys(this RouteGroupBuilder business)
    {
        business.MapPost("/api-keys", CreateAsync)
            .WithTags("API keys").WithName("createApiKey").WithSummary("Makes a key, which is shown this once; a business has 20 at most").Produces<CreatedKey>(StatusCodes.Status201Created);
        business.MapGet("/api-keys", ListAsync)
            .WithTags("API keys").WithName("listApiKeys").WithSummary("The live keys, newest first").Produces<ApiKeyPage>();
        business.MapDelete("/api-keys/{keyId}", RemoveAsync)
            .WithTags("API keys").WithName("deleteApiKey").WithSummary("Revokes a key: it stops working within a second everywhere")
            .Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> CreateAsync(HttpContext http, IGrainFactory grains)
    {
        await RequestBody.RequireNothingAsync(http.Request);
        var (business, id, key, now) = (http.BusinessId(), http.NewId(), KeyRing.New(), http.Now());
        return await http.RepeatAsync(() => grains.Records(business).AddKeyAsync(id, KeyRing.Hash(key), key[^4..], now.ToDateTimeOffset())) is { } refusal
            ? Problem.Of(refusal).ToResult()
            : TypedResults.Created($"/v1/businesses/{business}/api-keys/{id}", new CreatedKey(id, key, now));
    }

    private static async Task<IResult> ListAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, page) = (http.BusinessId(), http.Request.Query.Page());
        var keys = await http.RepeatAsync(() => grains.Reader().ListKeysAsync(business));
        return TypedResults.Ok(PageOf(keys, page));
    }

    /// <summary>They are 20 at most: all are read, and cut here.</summary>
    private static ApiKeyPage PageOf(ApiKeyView[] keys, PageRequest page)
    {
        var rest = keys.Where(k => page is not { BeforeCreatedAt: { } at, BeforeId: { } id } || (k.CreatedAt, k.Id).CompareTo((at, id)) < 0).ToArray();
        return rest.Length <= page.Limit
            ? new ApiKeyPage(rest, NextCursor: null)
            : new ApiKeyPage(rest[..page.Limit], PageCursor.After(rest[page.Limit - 1].CreatedAt, rest[page.Limit - 1].Id));
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, IGrainFactory grains)
    {
        var (business, id) = (http.BusinessId(), http.PathId("keyId"));
        return await http.RepeatAsync(async isRepeated => await grains.Reader().RemoveKeyAsync(business, id) || isRepeated)
            ? TypedResults.NoContent() : Problem.NotFound.ToResult();
    }
}
