using System.Net.Http.Headers;
using System.Text;
using Twilio.Clients;

namespace Sms.Silo.Twilio;

/// <summary>The account, and where its API is: what all calls to it have in common.</summary>
/// <param name="http">Repeats and follows nothing.</param>
/// <param name="options">How Twilio is reached, and as whom.</param>
internal sealed class TwilioAccount(HttpClient http, TwilioOptions options)
{
    public HttpClient Http { get; } = http;

    /// <summary>Stands in for https://api.twilio.com, which the package writes into every URL. It may have a path.</summary>
    public string Root { get; } = Trimmed(options.ApiBaseUrl);

    /// <summary>Where messages are made and listed; relative to <see cref="Root"/>.</summary>
    public string MessagesPath { get; } = MessagesOf(options);

    public Uri MessagesUrl { get; } = new(Trimmed(options.ApiBaseUrl) + MessagesOf(options));

    public AuthenticationHeaderValue Credentials { get; } = new(
        "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.AccountSid}:{options.AuthToken}")));

    public bool IsComplete { get; } = !string.IsNullOrEmpty(options.AccountSid) && !string.IsNullOrEmpty(options.AuthToken);

    /// <summary>The package's client, over this one exchange.</summary>
    public TwilioRestClient ClientOver(Exchange exchange) => new(options.AccountSid, options.AuthToken, httpClient: exchange);

    private static string Trimmed(Uri url) => url.AbsoluteUri.TrimEnd('/');

    private static string MessagesOf(TwilioOptions options) => $"/2010-04-01/Accounts/{options.AccountSid}/Messages.json";
}
