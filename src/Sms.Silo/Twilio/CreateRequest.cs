using NodaTime;
using Sms.Ports;
using Twilio.Rest.Api.V2010.Account;
using PackagePhoneNumber = Twilio.Types.PhoneNumber;

namespace Sms.Silo.Twilio;

/// <summary>Says in the package's words which message is to be made.</summary>
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

    private readonly string callbackUrl =
        $"{options.PublicUrl.AbsoluteUri.TrimEnd('/')}/webhooks/twilio/status?attempt=";

    public CreateMessageOptions Of(ProviderRequest request) => new(new PackagePhoneNumber(request.To.E164))
    {
        MessagingServiceSid = request.Sender.MessagingServiceSid,
        From = request.Sender is { MessagingServiceSid: null, From: { } from } ? new PackagePhoneNumber(from) : null,
        Body = request.Body,
        // The package writes the text that a URL was made of, to the byte.
        StatusCallback = new Uri($"{callbackUrl}{request.AttemptId:D}{ConnectionOverrides}"),
        ValidityPeriod = request.ValidityPeriod is { } validity ? WholeSeconds(validity) : null,
        // The package would walk two empty lists for each message.
        MediaUrl = null,
        PersistentAction = null,
    };

    // Rounded down: what is left of a sending window must not be overstayed.
    private static int WholeSeconds(Duration validity) =>
        (int)Math.Clamp(Math.Floor(validity.TotalSeconds), MinValidity, MaxValidity);
}
