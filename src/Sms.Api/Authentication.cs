using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>Whose key came with the request.</summary>
/// <param name="Business">The key's business; null: the admin key.</param>
/// <param name="Actor">The key's id, or admin: who it was, for what is kept as evidence.</param>
internal sealed record Caller(Guid? Business, string Actor)
{
    public bool IsAdmin => Business is null;

    public static Caller Of(HttpContext http) => (Caller)http.Items[typeof(Caller)]!;
}

/// <summary>Finds out whose key it is. What it finds is kept for a second at most, so that a revoked key stops working.</summary>
internal sealed class KeyRing(IGrainFactory grains, ApiOptions options, TimeProvider time)
{
    private const int MostCached = 10_000;
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(0.8);
    private readonly ConcurrentDictionary<string, (Caller? Caller, long Until)> _cache = new(StringComparer.Ordinal);
    private readonly byte[] _adminHash = Hash(options.AdminKey);

    /// <summary>Null: nobody's.</summary>
    public async Task<Caller?> FindAsync(string key)
    {
        var hash = Hash(key);
        if (CryptographicOperations.FixedTimeEquals(hash, _adminHash))
            return new Caller(Business: null, "admin");

        var name = Convert.ToHexString(hash);
        var now = time.GetTimestamp();
        if (!_cache.TryGetValue(name, out var found) || found.Until <= now)
        {
            if (_cache.Count >= MostCached)
                _cache.Clear();
            var owner = await grains.Reader().FindKeyAsync(hash);
            found = (owner is null ? null : new Caller(owner.BusinessId, $"key {owner.KeyId}"), now + (long)(Kept.TotalSeconds * time.TimestampFrequency));
            _cache[name] = found;
        }

        return found.Caller;
    }

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>A new business key: 256 random bits.</summary>
    public static string New() => "sms_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
}

/// <summary>Lets a request through to what its key may do.</summary>
internal static class Authentication
{
    /// <summary>Any key will do.</summary>
    public static RouteGroupBuilder RequireKey(this RouteGroupBuilder group)
    {
        group.AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            var header = http.Request.Headers.Authorization.ToString();
            const string Scheme = "Bearer ";
            var caller = header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && header.Length > Scheme.Length
                ? await http.RepeatAsync(() => http.RequestServices.GetRequiredService<KeyRing>().FindAsync(header[Scheme.Length..].Trim()))
                : null;
            if (caller is null)
            {
                http.Response.Headers.WWWAuthenticate = "Bearer";
                return Problem.Of(StatusCodes.Status401Unauthorized, "unauthorized", "The request has no valid key: Authorization: Bearer KEY.").ToResult();
            }

            http.Items[typeof(Caller)] = caller;
            return await next(context);
        });
        return group;
    }

    /// <summary>The admin key only.</summary>
    public static RouteHandlerBuilder RequireAdmin(this RouteHandlerBuilder endpoint) => endpoint.AddEndpointFilter(async (context, next) =>
        Caller.Of(context.HttpContext).IsAdmin
            ? await next(context)
            : Problem.Of(StatusCodes.Status403Forbidden, "admin_key_required", "Only the admin key may do this.").ToResult());

    /// <summary>
    /// The admin key, or a key of the business in the path, which must exist. Others learn nothing, not even whether it
    /// does.
    /// </summary>
    public static RouteGroupBuilder RequireOwnBusiness(this RouteGroupBuilder group)
    {
        group.AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            var business = http.BusinessId();
            var isThere = Caller.Of(http) is { Business: { } own }
                ? own == business
                : (await http.RepeatAsync(() => http.RequestServices.GetRequiredService<IGrainFactory>().Business(business).GetAsync())).Business is not null;
            return isThere ? await next(context) : Problem.NotFound.ToResult();
        });
        return group;
    }
}
