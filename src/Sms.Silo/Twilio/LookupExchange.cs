using HttpCall = Twilio.Http.Request;

namespace Sms.Silo.Twilio;

/// <summary>The exchange of one look-up, all its pages: reads only.</summary>
internal sealed class LookupExchange(TwilioAccount account, CancellationToken limit) : Exchange(account, MaxBytes, limit)
{
    /// <summary>Bytes of a page at most; a message has 1,600 units of text and some 1,500 bytes beside it.</summary>
    private const int MaxBytes = 2 * 1024 * 1024;

    // Joined as text, since the root may have a path: our host and no other gets the credentials, whatever a reply named as its next page.
    protected override HttpRequestMessage Write(HttpCall request) =>
        new(HttpMethod.Get, Account.Root + request.ConstructUrl().PathAndQuery);
}
