using System.Net.Http.Headers;
using System.Text;

namespace Sms.Silo.Simulator;

/// <summary>Lets in whoever has the account's credentials, and shows them that account only.</summary>
internal sealed class AccountDoor(TwilioSimulatorOptions options) : IEndpointFilter
{
    private readonly string credentials =
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.AccountSid}:{options.AuthToken}"));

    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext.Request;
        if (!IsKnown(request))
        {
            context.HttpContext.Response.Headers.WWWAuthenticate = "Basic realm=\"Twilio API\"";
            return ValueTask.FromResult<object?>(TwilioError.Unauthenticated.ToResult());
        }

        return string.Equals(request.RouteValues["account"] as string, options.AccountSid, StringComparison.Ordinal)
            ? next(context)
            : ValueTask.FromResult<object?>(TwilioError.NotFound(request.Path).ToResult());
    }

    private bool IsKnown(HttpRequest request) =>
        AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out var header)
        && string.Equals(header.Scheme, "Basic", StringComparison.OrdinalIgnoreCase)
        && string.Equals(header.Parameter, credentials, StringComparison.Ordinal);
}
