using System.Globalization;
using Sms.Contracts;
using Sms.Domain.Segments;

namespace Sms.Api;

/// <summary>What Twilio calls. No key: the signature is the proof. Answered 2xx only after the durable commit.</summary>
internal static partial class WebhooksApi
{
    private const string EmptyTwiml = """<?xml version="1.0" encoding="UTF-8"?><Response></Response>""";

    public static void MapWebhooks(this WebApplication app)
    {
        var webhooks = app.MapGroup("/webhooks/twilio").RequireRoom().RequireCluster().WithTags("Webhooks");
        webhooks.MapPost("/status", (Delegate)StatusAsync)
            .WithName("reportStatus").WithSummary("The provider reports what became of a message").Produces(StatusCodes.Status204NoContent);
        webhooks.MapPost("/inbound", (Delegate)InboundAsync)
            .WithName("receiveText").WithSummary("The provider hands over an inbound text").Produces<string>(StatusCodes.Status200OK, "text/xml");
    }

    private static async Task<IResult> StatusAsync(HttpContext http)
    {
        if (await ReadSignedFormAsync(http) is not { } form)
            return Forbidden();
        if ((form["MessageStatus"].ToString() is { Length: > 0 } word ? word : form["SmsStatus"].ToString()) is not { Length: > 0 } status)
            return Problem.Invalid("MessageStatus", "is required").ToResult();

        var callback = new StatusCallback(
            Guid.TryParseExact(http.Request.Query["attempt"].ToString(), "D", out var attempt) ? attempt : null,
            Value(form, "MessageSid") ?? Value(form, "SmsSid"),
            status,
            int.TryParse(form["ErrorCode"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code > 0 ? code : null);
        var outcome = await http.RepeatAsync(() => Grain(http).StatusAsync(callback));
        ApiMetrics.Callbacks.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> InboundAsync(HttpContext http)
    {
        if (await ReadSignedFormAsync(http) is not { } form)
            return Forbidden();
        if (Value(form, "MessageSid") is not { } sid || Value(form, "From") is not { } from || Value(form, "To") is not { } to)
            return Problem.Invalid("MessageSid", "and From and To are required").ToResult();

        var body = form["Body"].ToString();
        var text = new InboundText(sid, from, to, Value(form, "MessagingServiceSid"), SmsText.IsValid(body) ? body : "", Value(form, "OptOutType"));
        var outcome = await http.RepeatAsync(() => Grain(http).InboundAsync(text));
        ApiMetrics.InboundTexts.Add(1, new KeyValuePair<string, object?>("kind", outcome));
        return TypedResults.Text(EmptyTwiml, "text/xml");
    }

    /// <summary>The form, when it was signed with one of the account's tokens; else null and nothing was done.</summary>
    private static async Task<IFormCollection?> ReadSignedFormAsync(HttpContext http)
    {
        var options = http.RequestServices.GetRequiredService<ApiOptions>();
        var signature = http.Request.Headers["X-Twilio-Signature"].ToString();
        if (signature.Length == 0 || !http.Request.HasFormContentType)
            return Refused(http, signature.Length == 0 ? "no signature" : "no form");

        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        var parameters = form.SelectMany(p => p.Value, (p, v) => KeyValuePair.Create(p.Key, v ?? "")).ToList();
        if (parameters.Any(p => !SmsText.IsValid(p.Key + p.Value)))
            return Refused(http, "text that is none");
        // As it was received: decoding and encoding again could change a byte that was signed.
        var url = options.PublicUrl.GetLeftPart(UriPartial.Authority) + options.PublicUrl.AbsolutePath.TrimEnd('/')
            + http.Request.Path.ToUriComponent() + http.Request.QueryString.Value;
        return options.WebhookTokens.Any(token => TwilioSignature.IsValid(token, url, parameters, signature))
            ? form
            : Refused(http, "a signature of none of our tokens");
    }

    private static IFormCollection? Refused(HttpContext http, string why)
    {
        LogRefused(http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Sms.Api.Webhooks"), http.Request.Path, why);
        return null;
    }

    private static IResult Forbidden() =>
        Problem.Of(StatusCodes.Status403Forbidden, "invalid_signature", "The request is not signed by the provider.").ToResult();

    private static string? Value(IFormCollection form, string name) => form[name].ToString() is { Length: > 0 and <= 200 } value ? value : null;

    private static IWebhookGrain Grain(HttpContext http) => http.RequestServices.GetRequiredService<IGrainFactory>().GetGrain<IWebhookGrain>(0);

    [LoggerMessage(1, LogLevel.Warning, "Refused a webhook at {Path}: {Why}")]
    private static partial void LogRefused(ILogger logger, string path, string why);
}
