using System.Globalization;
using Sms.Domain.Segments;

namespace Sms.Silo.Simulator;

/// <summary>Texts from people: Twilio's own STOP first, then the webhook.</summary>
/// <remarks>Source of the fields: https://www.twilio.com/docs/messaging/guides/webhook-request.</remarks>
internal sealed class InboundTexts(TwilioSimulatorOptions options, SimulatorLedger ledger, OptOuts optOuts, WebhookClient client)
{
    /// <param name="text">What somebody wrote.</param>
    /// <param name="url">Where it is posted.</param>
    /// <param name="cancellationToken">Gives the webhook up; an opt-out holds all the same.</param>
    public async Task<InboundResult> ReceiveAsync(InboundText text, Uri url, CancellationToken cancellationToken)
    {
        // The sender's service is known by what it last sent to this person; Twilio knows it by the number's pool.
        var service = text.MessagingServiceSid ?? ledger.MessagesTo(text.From)
            .LastOrDefault(message => message.From == text.To)?.MessagingServiceSid;
        optOuts.Hear(text.From, service ?? text.To, text.Body, text.OptOutType);

        var sid = $"SM{Guid.NewGuid():N}";
        var reply = await client.PostAsync(url.OriginalString, Form(text, sid, service), Guid.NewGuid(), isForged: false, cancellationToken);
        return new InboundResult(sid, reply.StatusCode, reply.Body, reply.Error);
    }

    private List<KeyValuePair<string, string>> Form(InboundText text, string sid, string? service)
    {
        List<KeyValuePair<string, string>> form =
        [
            new("AccountSid", options.AccountSid),
            new("ApiVersion", "2010-04-01"),
            new("Body", text.Body),
            new("From", text.From),
            new("FromCity", ""),
            new("FromCountry", ""),
            new("FromState", ""),
            new("FromZip", ""),
            new("MessageSid", sid),
            new("NumMedia", "0"),
            new("NumSegments", SmsSegments.Measure(text.Body).Segments.ToString(CultureInfo.InvariantCulture)),
            new("SmsMessageSid", sid),
            new("SmsSid", sid),
            new("SmsStatus", "received"),
            new("To", text.To),
        ];
        if (service is not null)
            form.Add(new("MessagingServiceSid", service));
        if (text.OptOutType is { } type)
            form.Add(new("OptOutType", type));
        return form;
    }
}

/// <summary>A text from a person to a sender.</summary>
/// <param name="From">The person, E.164.</param>
/// <param name="To">The sender's number.</param>
/// <param name="Body">The text; may be empty.</param>
/// <param name="OptOutType">STOP, START or HELP, as Advanced Opt-Out adds it; null: not added.</param>
/// <param name="MessagingServiceSid">The service that the number belongs to; null: the one that last wrote to the person from it.</param>
internal sealed record InboundText(string From, string To, string Body, string? OptOutType = null, string? MessagingServiceSid = null);

/// <summary>How the webhook ended.</summary>
/// <param name="MessageSid">The text's own id.</param>
/// <param name="Status">The HTTP status; null: there was no reply.</param>
/// <param name="Body">The reply's text.</param>
/// <param name="Error">Why there was no reply.</param>
internal sealed record InboundResult(string MessageSid, int? Status, string Body, string? Error);
