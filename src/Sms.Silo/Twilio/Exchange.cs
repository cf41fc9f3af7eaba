using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Twilio.Exceptions;
using HttpCall = Twilio.Http.Request;
using HttpReply = Twilio.Http.Response;

namespace Sms.Silo.Twilio;

/// <summary>
/// The way to Twilio of one call that is made through the package. The package's own way knows no cancellation, waits
/// 100 s, reads a reply of any length, hides the status and headers of a failure, and keeps the last request, its
/// password and its text. This one belongs to one call and knows its limits.
/// </summary>
/// <remarks>
/// Source: clients of one's own are the package's documented extension point,
/// https://github.com/twilio/twilio-csharp/blob/main/advanced-examples/custom-http-client.md.
/// </remarks>
/// <param name="account">Whose call it is.</param>
/// <param name="maxBytes">Bytes of a reply at most; the rest is left unread.</param>
/// <param name="limit">Ends the call.</param>
internal abstract class Exchange(TwilioAccount account, int maxBytes, CancellationToken limit) : global::Twilio.Http.HttpClient
{
    /// <summary>The status of the last reply; null before it was read to its end or its bound.</summary>
    public HttpStatusCode? Status { get; private set; }

    /// <summary>The headers of the same reply.</summary>
    public HttpResponseHeaders? Headers { get; private set; }

    protected TwilioAccount Account => account;

    /// <exception cref="NotSupportedException">Always: no call blocks a thread.</exception>
    public sealed override HttpReply MakeRequest(HttpCall request) =>
        throw new NotSupportedException("Only asynchronous calls are made.");

    public sealed override async Task<HttpReply> MakeRequestAsync(HttpCall request)
    {
        (Status, Headers) = (null, null);
        using var message = Write(request);
        message.Headers.Authorization = account.Credentials;
        message.Headers.TryAddWithoutValidation("Accept", "application/json");
        using var response = await account.Http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit);
        using var body = await BoundedBody.ReadAsync(response.Content, limit, maxBytes);
        (Status, Headers) = (response.StatusCode, response.Headers);
        return new HttpReply(response.StatusCode, ForPackage(response, body.Bytes), response.Headers);
    }

    /// <summary>The request as it goes over the wire, to no host but the account's.</summary>
    protected abstract HttpRequestMessage Write(HttpCall request);

    /// <summary>
    /// Names the reason why a call got no reply. It is not the exception's text, which may name hosts and addresses, in the
    /// package's words the account too, and changes between releases.
    /// </summary>
    public static string Reason(Exception failure) => failure switch
    {
        ApiConnectionException { InnerException: { } cause } => Reason(cause),
        HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } known => known.HttpRequestError.ToString(),
        OperationCanceledException { InnerException: TimeoutException } => "ConnectTimeout",
        _ => failure.GetBaseException().GetType().Name,
    };

    /// <summary>The body as the package gets it.</summary>
    protected virtual string ForPackage(HttpResponseMessage response, ReadOnlySpan<byte> body) => Encoding.UTF8.GetString(body);
}
