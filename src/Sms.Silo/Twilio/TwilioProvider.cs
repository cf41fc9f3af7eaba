using System.Net.Http.Headers;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Domain.Phones;
using Sms.Ports;

namespace Sms.Silo.Twilio;

/// <summary>
/// Sends through Twilio's Messages API. One attempt is at most one request on the wire: nothing here repeats,
/// follows or hedges, and an outcome that is not certain is <see cref="ProviderOutcome.Unknown"/>.
/// </summary>
internal sealed partial class TwilioProvider(
    HttpClient http, IOptions<TwilioOptions> options, TimeProvider time, ILogger<TwilioProvider> logger)
    : IMessageProvider
{
    private readonly TwilioOptions settings = options.Value;
    private readonly CreateRequest createRequest = new(options.Value);
    private readonly MessageLookup lookup = new(http, options.Value);

    public bool IsEnabled =>
        !string.IsNullOrEmpty(settings.AccountSid) && !string.IsNullOrEmpty(settings.AuthToken);

    public Sender? DefaultSender { get; } = options.Value switch
    {
        { MessagingServiceSid: { Length: > 0 } service } => new Sender(From: null, service),
        { PhoneNumber: { Length: > 0 } number } => new Sender(number, MessagingServiceSid: null),
        _ => null,
    };

    public async Task<ProviderOutcome> CreateAsync(ProviderRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!IsEnabled)
            return new ProviderOutcome.NeverLeft("no credentials");

        var start = time.GetTimestamp();
        await using var departure = new Departure(time, request.LeaveBy, settings.Timeout, cancellationToken);
        var outcome = request.LeaveBy.HasPassed(time)
            ? new ProviderOutcome.TooLate()
            : await ExchangeAsync(request, departure, cancellationToken);
        LogOutcome(request.AttemptId, outcome, time.GetElapsedTime(start));
        return outcome;
    }

    public Task<LookupOutcome> ListAsync(PhoneNumber to, Instant since, CancellationToken cancellationToken) =>
        lookup.ListAsync(to, since, cancellationToken);

    public Task<LookupOutcome> FetchAsync(string sid, CancellationToken cancellationToken) =>
        lookup.FetchAsync(sid, cancellationToken);

    private async Task<ProviderOutcome> ExchangeAsync(
        ProviderRequest request, Departure departure, CancellationToken cancellationToken)
    {
        try
        {
            using var message = createRequest.Write(request, departure);
            using var response = await http.SendAsync(
                message, HttpCompletionOption.ResponseHeadersRead, departure.Wire);
            LogReply(request.AttemptId, (int)response.StatusCode,
                Header(response, "Twilio-Request-Id"), Header(response, "Twilio-Concurrent-Requests"));
            var body = await BoundedBody.ReadAsync(response.Content, departure.Wire);
            return CreateReply.Read(response.StatusCode, body.Span, RetryAfter(response.Headers.RetryAfter));
        }
        catch (Exception failure) when (departure.HasLeft
            || failure is HttpRequestException or OperationCanceledException)
        {
            // Once it left, no failure of any kind may pass for "not sent".
            return departure.Close() switch
            {
                DepartureState.Left when departure.Wire.IsCancellationRequested =>
                    new ProviderOutcome.Unknown($"no reply within {settings.Timeout.TotalSeconds} s"),
                DepartureState.Left => new ProviderOutcome.Unknown(Reason(failure)),
                DepartureState.TooLate => new ProviderOutcome.TooLate(),
                DepartureState.TimedOut =>
                    new ProviderOutcome.NeverLeft($"no connection within {settings.Timeout.TotalSeconds} s"),
                DepartureState.Cancelled => throw new OperationCanceledException(cancellationToken),
                _ => new ProviderOutcome.NeverLeft(Reason(failure)),
            };
        }
    }

    // Not the exception's text: it may name hosts and addresses, and it changes between releases.
    private static string Reason(Exception failure) => failure switch
    {
        HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } known => known.HttpRequestError.ToString(),
        OperationCanceledException { InnerException: TimeoutException } => "ConnectTimeout",
        _ => failure.GetBaseException().GetType().Name,
    };

    private Duration? RetryAfter(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? (header?.Date - time.GetUtcNow());
        return wait is { } known ? Duration.Max(Duration.FromTimeSpan(known), Duration.Zero) : null;
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
