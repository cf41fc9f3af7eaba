using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.Extensions.Options;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>Finds the caller by the key in <c>Authorization: Bearer KEY</c>, where a route asks for one.</summary>
internal sealed class KeyAuthentication(KeyRing keys, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string Name = "Bearer";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // A key that nothing depends on is not looked up.
        if (Context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>() is null)
            return AuthenticateResult.NoResult();
        Context.RequireCluster();
        var header = Request.Headers.Authorization.ToString();
        const string Prefix = Name + " ";
        var caller = header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && header.Length > Prefix.Length
            ? await Context.RepeatAsync(() => keys.FindAsync(header[Prefix.Length..].Trim(), Context.RequestAborted))
            : null;
        return caller is null ? AuthenticateResult.NoResult() : AuthenticateResult.Success(new AuthenticationTicket(caller, Name));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = Name;
        return Problem.Of(StatusCodes.Status401Unauthorized, "unauthorized", "The request has no valid key: Authorization: Bearer KEY.").WriteAsync(Context);
    }
}

/// <summary>What a key must be for a route. A route that names none of these, nor allows anybody, is refused to everybody.</summary>
internal static class Policies
{
    public const string AnyKey = "any key";

    public const string Admin = "admin";

    /// <summary>
    /// The admin key, or a key of the business in the path, which must exist. Others learn nothing, not even whether it
    /// does.
    /// </summary>
    public const string OwnBusiness = "own business";

    public static IServiceCollection AddSmsAuthentication(this IServiceCollection services)
    {
        services.AddAuthentication(KeyAuthentication.Name).AddScheme<AuthenticationSchemeOptions, KeyAuthentication>(KeyAuthentication.Name, configureOptions: null);
        services.AddAuthorizationBuilder()
            .AddPolicy(AnyKey, p => p.RequireAuthenticatedUser())
            .AddPolicy(Admin, p => p.AddRequirements(new Requirement(
                Problem.Of(StatusCodes.Status403Forbidden, "admin_key_required", "Only the admin key may do this."),
                (_, caller) => Task.FromResult(caller.IsAdmin))))
            .AddPolicy(OwnBusiness, p => p.AddRequirements(new Requirement(Problem.NotFound, IsOwnAsync)))
            // What no route answers (404, 405, 415) is nobody's.
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAssertion(c => c.Resource is HttpContext http && http.GetEndpoint() is not RouteEndpoint).Build());
        return services.AddSingleton<IAuthorizationMiddlewareResultHandler, Refusing>();
    }

    private static async Task<bool> IsOwnAsync(HttpContext http, Caller caller)
    {
        var business = http.BusinessId();
        return caller.IsAdmin
            ? await http.RepeatAsync(() => http.RequestServices.GetRequiredService<IGrainFactory>().Records(business).ExistsAsync())
            : caller.Business == business;
    }

    /// <param name="refusal">What a caller is told who does not meet it.</param>
    /// <param name="isMet">Whether a caller does.</param>
    private sealed class Requirement(Problem refusal, Func<HttpContext, Caller, Task<bool>> isMet) : IAuthorizationRequirement, IAuthorizationHandler
    {
        public Problem Refusal => refusal;

        public async Task HandleAsync(AuthorizationHandlerContext context)
        {
            if (context.User is Caller caller && await isMet((HttpContext)context.Resource!, caller))
                context.Succeed(this);
        }
    }

    /// <summary>Answers a known caller who may not do it with the problem of the requirement that is not met.</summary>
    private sealed class Refusing : IAuthorizationMiddlewareResultHandler
    {
        public Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult) =>
            authorizeResult switch
            {
                { Succeeded: true } => next(context),
                { Forbidden: true } => authorizeResult.AuthorizationFailure!.FailedRequirements.OfType<Requirement>().First().Refusal.WriteAsync(context),
                _ => context.ChallengeAsync(),
            };
    }
}
