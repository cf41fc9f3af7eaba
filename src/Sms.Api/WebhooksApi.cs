using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.Net.Http.Headers;
using Sms.Contracts;
using Sms.Domain.Segments;

namespace Sms.Api;

/// <summary>What Twilio calls. No key: the signature is the proof. Answered 2xx only after the durable commit.</summary>
internal static partial class WebhooksApi
{
    private const string FormType = "application/x-www-form-urlencoded";

    /// <summary>The longest form, in bytes: 64 KiB. Twilio's have some hundreds, and 1,600 characters of text at most.</summary>
    private const int MaxFormBytes = 64 * 1024;

    /// <summary>Twilio's forms have under 40.</summary>
    private const int MaxParameters = 200;

    private const string EmptyTwiml = """<?xml version="1.0" encoding="UTF-8"?><Response></Response>""";

    public static void MapWebhooks(this WebApplication app)
    {
        var webhooks = app.MapGroup("/webhooks/twilio").AllowAnonymous().RequireRoom(_ => Admission.Unsigned).WithTags("Webhooks");
        webhooks.MapPost("/status", (Delegate)StatusAsync)
            .WithName("reportStatus").WithSummary("The provider reports what became of a message").Produces(StatusCodes.Status204NoContent);
        webhooks.MapPost("/inbound", (Delegate)InboundAsync)
            .WithName("receiveText").WithSummary("The provider hands over an inbound text").Produces<string>(StatusCodes.Status200OK, "text/xml");
    }

    private static async Task<IResult> StatusAsync(HttpContext http)
    {
        if (await ReadSignedFormAsync(http) is not { } form)
            return Forbidden();
        if ((Value(form, "MessageStatus") ?? Value(form, "SmsStatus")) is not { } status)
            return Problem.Invalid("MessageStatus", "is required").ToResult();

        var callback = new StatusCallback(
            ApiJson.TryReadId(http.Request.Query["attempt"].ToString(), out var attempt) ? attempt : null,
            Value(form, "MessageSid") ?? Value(form, "SmsSid"),
            status,
            int.TryParse(Value(form, "ErrorCode"), NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code > 0 ? code : null);
        var outcome = await http.RepeatAsync(() => http.RequestServices.GetRequiredService<StatusReports>().AddAsync(callback));
        ApiMetrics.Callbacks.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        // By hand: a NoContent has a logger made for each reply, and most requests are of this kind.
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return TypedResults.Empty;
    }

    private static async Task<IResult> InboundAsync(HttpContext http)
    {
        if (await ReadSignedFormAsync(http) is not { } form)
            return Forbidden();
        if (Value(form, "MessageSid") is not { } sid || Value(form, "From") is not { } from || Value(form, "To") is not { } to)
            return Problem.Invalid("MessageSid", "and From and To are required").ToResult();

        // Nothing that a recipient may write keeps a STOP from being heard.
        var body = (First(form, "Body") ?? "").Replace("\0", "", StringComparison.Ordinal);
        var text = new InboundText(sid, from, to, Value(form, "MessagingServiceSid"), body, Value(form, "OptOutType"));
        var outcome = await http.RepeatAsync(() => http.RequestServices.GetRequiredService<IGrainFactory>().Webhook().InboundAsync(text));
        ApiMetrics.InboundTexts.Add(1, new KeyValuePair<string, object?>("kind", outcome));
        return TypedResults.Text(EmptyTwiml, "text/xml");
    }

    /// <summary>The form, when one of the account's tokens or the shared key signed it; else null and nothing was done.</summary>
    private static async Task<List<KeyValuePair<string, string>>?> ReadSignedFormAsync(HttpContext http)
    {
        http.RequireCluster();
        var options = http.RequestServices.GetRequiredService<ApiOptions>();
        var signature = http.Request.Headers["X-Twilio-Signature"].ToString();
        if (signature.Length == 0)
            return Refused(http, "no signature");
        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type) || !type.MediaType.Equals(FormType, StringComparison.OrdinalIgnoreCase))
            return Refused(http, "no form");

        var body = await RequestBody.ReadBytesAsync(http.Request, MaxFormBytes);
        if (body.Span.Count((byte)'&') >= MaxParameters)
            throw new ProblemException(Problem.Of(StatusCodes.Status413PayloadTooLarge, "payload_too_large", $"The form has more than {MaxParameters} parameters."));
        var form = Parse(body);
        // As it was received: decoding and encoding again could change a byte that was signed.
        var url = options.PublicUrl.GetLeftPart(UriPartial.Authority) + options.PublicUrl.AbsolutePath.TrimEnd('/')
            + http.Request.Path.ToUriComponent() + http.Request.QueryString.Value;
        if (FindFlaw(http.Request, options, url, form, signature) is { } flaw)
            return Refused(http, flaw);
        Place.Of(http).MoveTo(Admission.Signed);
        return form;
    }

    /// <summary>Says why the signature proves nothing; null when it is the provider's.</summary>
    private static string? FindFlaw(
        HttpRequest request, ApiOptions options, string url, List<KeyValuePair<string, string>> form, string signature)
    {
        // The header says which of our secrets must have signed, and no more: it never lets the other one in.
        var settings = request.Headers[TwilioSignature.SettingsHeader];
        if (settings.Count == 0)
            return options.WebhookTokens.Any(token => TwilioSignature.IsValid(token, url, form, signature)) ? null : "a signature of none of our tokens";
        if (options.WebhookSharedKey is not { } sharedKey)
            return "a signature of a shared key, and TWILIO_WEBHOOK_SHARED_KEY is not set";
        if (TwilioSignature.AlgorithmOf(settings.ToString()) is not { } algorithm)
            return "a signature of an unknown algorithm";
        return TwilioSignature.IsValid(sharedKey, algorithm, url, form, signature) ? null : "a signature of another shared key";
    }

    /// <summary>Names and values in the order given. Any bytes are a form: the signature tells whether they are the provider's.</summary>
    private static List<KeyValuePair<string, string>> Parse(ReadOnlyMemory<byte> body) =>
    [
        .. Encoding.UTF8.GetString(body.Span).Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair =>
        {
            var end = pair.IndexOf('=', StringComparison.Ordinal);
            return end < 0
                ? KeyValuePair.Create(WebUtility.UrlDecode(pair), "")
                : KeyValuePair.Create(WebUtility.UrlDecode(pair[..end]), WebUtility.UrlDecode(pair[(end + 1)..]));
        }),
    ];

    private static List<KeyValuePair<string, string>>? Refused(HttpContext http, string why)
    {
        http.RequestServices.GetRequiredService<RefusedWebhooks>().Note(http.Request.Path, why);
        return null;
    }

    private static IResult Forbidden() =>
        Problem.Of(StatusCodes.Status403Forbidden, "invalid_signature", "The request is not signed by the provider.").ToResult();

    private static string? First(List<KeyValuePair<string, string>> form, string name) =>
        form.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Null: absent, empty, or nothing that the provider would write there.</summary>
    private static string? Value(List<KeyValuePair<string, string>> form, string name) =>
        First(form, name) is { Length: > 0 and <= 200 } value && SmsText.IsValid(value) ? value : null;
}
