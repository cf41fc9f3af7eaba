using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Sms.Integration.Tests.Twilio;

/// <summary>One webhook as it came over the socket.</summary>
internal sealed record ReceivedWebhook(string Url, string RawBody, string? Signature, string? IdempotencyToken, string? UserAgent)
{
    public IReadOnlyDictionary<string, string> Form { get; } =
        QueryHelpers.ParseQuery(RawBody).ToDictionary(field => field.Key, field => field.Value.ToString(), StringComparer.Ordinal);

    public string Status => Form["MessageStatus"];

    /// <summary>Written anew from Twilio's description, from what came and nothing else.</summary>
    public bool IsSignedWith(string token)
    {
        var text = Url;
        foreach (var name in Form.Keys.Order(StringComparer.Ordinal))
            text += name + Form[name];
#pragma warning disable CA5350 // Twilio's scheme.
        using var hmac = new HMACSHA1(Encoding.UTF8.GetBytes(token));
#pragma warning restore CA5350
        return Signature == Convert.ToBase64String(hmac.ComputeHash(Encoding.UTF8.GetBytes(text)));
    }
}

/// <summary>Stands where the API's webhooks are: keeps what comes, answers as told, 204 unless told otherwise.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly ConcurrentQueue<int> answers = new();
    private readonly CancellationTokenSource release = new();
    private readonly List<ReceivedWebhook> received = [];
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private WebhookReceiver(WebApplication server) => this.server = server;

    public Uri Url => new(server.Urls.First());

    /// <summary>No answer until released.</summary>
    public bool Hangs { get; set; }

    public string ReplyBody { get; set; } = "";

    public IReadOnlyList<ReceivedWebhook> Received
    {
        get
        {
            lock (received)
                return [.. received];
        }
    }

    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1));
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        var receiver = new WebhookReceiver(app);
        app.Run(receiver.ReceiveAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    public void AnswerNext(params int[] statuses)
    {
        foreach (var status in statuses)
            answers.Enqueue(status);
    }

    public async Task<IReadOnlyList<ReceivedWebhook>> WaitForAsync(int count)
    {
        while (true)
        {
            Task next;
            lock (received)
            {
                if (received.Count >= count)
                    return [.. received];
                next = changed.Task;
            }

            await next.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>What hangs is answered, and what comes later too.</summary>
    public Task ReleaseAsync() => release.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        await server.DisposeAsync();
        release.Dispose();
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var request = context.Request;
        var webhook = new ReceivedWebhook(
            $"{request.Scheme}://{request.Host}{request.Path}{request.QueryString}", await reader.ReadToEndAsync(),
            request.Headers["X-Twilio-Signature"], request.Headers["I-Twilio-Idempotency-Token"], request.Headers.UserAgent);
        TaskCompletionSource earlier;
        lock (received)
        {
            received.Add(webhook);
            (earlier, changed) = (changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        earlier.SetResult();
        if (Hangs)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(release.Token, context.RequestAborted);
            await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        context.Response.StatusCode = answers.TryDequeue(out var status) ? status : ReplyBody.Length > 0 ? 200 : 204;
        if (context.Response.StatusCode != 204)
            await context.Response.WriteAsync(ReplyBody);
    }
}
