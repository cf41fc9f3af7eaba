using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using NodaTime;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>Writes the request that creates a message.</summary>
/// <remarks>Source: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource.</remarks>
internal sealed class CreateRequest(TwilioOptions options)
{
    /// <summary>Seconds; the least and the most Twilio takes.</summary>
    /// <remarks>Source: the ValidityPeriod parameter of the page above.</remarks>
    private const int MinValidity = 1, MaxValidity = 36_000;

    /// <summary>
    /// Twilio calls back once and repeats only failed connections unless the URL's fragment says otherwise:
    /// rc = 5 repeats, rp = all also after a 5xx of ours and after read time-outs.
    /// </summary>
    /// <remarks>Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.</remarks>
    private const string ConnectionOverrides = "#rc=5&rp=all";

    private readonly Uri url = new(
        $"{options.ApiBaseUrl.AbsoluteUri.TrimEnd('/')}/2010-04-01/Accounts/{options.AccountSid}/Messages.json");

    private readonly AuthenticationHeaderValue credentials = new(
        "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.AccountSid}:{options.AuthToken}")));

    private readonly string callbackUrl =
        $"{options.PublicUrl.AbsoluteUri.TrimEnd('/')}/webhooks/twilio/status?attempt=";

    public HttpRequestMessage Write(ProviderRequest request, Departure departure)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new OneTimeContent(Encoding.ASCII.GetBytes(Form(request)), departure),
        };
        message.Headers.Authorization = credentials;
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return message;
    }

    private string Form(ProviderRequest request)
    {
        var form = new StringBuilder();
        Add("To", request.To.E164);
        if (request.Sender.MessagingServiceSid is { } service)
            Add("MessagingServiceSid", service);
        else if (request.Sender.From is { } from)
            Add("From", from);
        Add("Body", request.Body);
        Add("StatusCallback", $"{callbackUrl}{request.AttemptId:D}{ConnectionOverrides}");
        if (request.ValidityPeriod is { } validity)
            Add("ValidityPeriod", WholeSeconds(validity).ToString(CultureInfo.InvariantCulture));
        return form.ToString();

        void Add(string name, string value) => form
            .Append(form.Length == 0 ? "" : "&").Append(name).Append('=').Append(Uri.EscapeDataString(value));
    }

    // Rounded down: what is left of a sending window must not be overstayed.
    private static int WholeSeconds(Duration validity) =>
        (int)Math.Clamp(Math.Floor(validity.TotalSeconds), MinValidity, MaxValidity);
}
