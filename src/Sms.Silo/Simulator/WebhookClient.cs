using System.Net.Sockets;
using System.Text;
using Sms.Silo.Twilio;

namespace Sms.Silo.Simulator;

/// <summary>Posts signed webhooks. What the other side does, or fails to do, is a result and no exception.</summary>
internal sealed class WebhookClient(TwilioSimulatorOptions options) : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        // The target is this machine: a proxy named in some environment is not on the way there.
        UseProxy = false,
        MaxConnectionsPerServer = options.CallbackConcurrency,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>One request; it throws only when <paramref name="cancellationToken"/> is cancelled.</summary>
    /// <param name="url">Absolute, http or https; a fragment is left out.</param>
    /// <param name="form">Every field.</param>
    /// <param name="deliveryId">Names this webhook over all of its repeats.</param>
    /// <param name="isForged">Signs with a token that is not the account's.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public async Task<WebhookReply> PostAsync(
        string url, IReadOnlyCollection<KeyValuePair<string, string>> form, Guid deliveryId, bool isForged, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.WebhookTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, WebhookSignature.WithoutFragment(url));
            request.Content = new FormUrlEncodedContent(form);
            var token = isForged ? options.AuthToken + " of somebody else" : options.AuthToken;
            request.Headers.TryAddWithoutValidation("X-Twilio-Signature", WebhookSignature.Compute(token, url, form));
            request.Headers.TryAddWithoutValidation("I-Twilio-Idempotency-Token", deliveryId.ToString());
            request.Headers.UserAgent.ParseAdd("TwilioProxy/1.1");
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            using var body = await BoundedBody.ReadAsync(response.Content, limit.Token);
            return WebhookReply.Of((int)response.StatusCode, Encoding.UTF8.GetString(body.Bytes));
        }
        catch (HttpRequestException failure)
        {
            var isConnect = failure.HttpRequestError is HttpRequestError.ConnectionError
                or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError;
            return WebhookReply.None(failure.Message, isConnect ? WebhookFailures.Connect : WebhookFailures.Read);
        }
        catch (SocketException failure)
        {
            // Of a connection that was reset as soon as it stood; the handler does not wrap it.
            return WebhookReply.None(failure.Message, WebhookFailures.Connect);
        }
        catch (IOException failure)
        {
            return WebhookReply.None(failure.Message, WebhookFailures.Read);
        }
        catch (OperationCanceledException ended) when (!cancellationToken.IsCancellationRequested)
        {
            // The handler's own limit is the one on connecting; ours is on the whole.
            return limit.IsCancellationRequested
                ? WebhookReply.None($"no reply within {options.WebhookTimeout.TotalSeconds} s", WebhookFailures.Read)
                : WebhookReply.None(ended.Message, WebhookFailures.Connect);
        }
    }

    public void Dispose() => http.Dispose();
}
