using System.Net.Http.Headers;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;
using Twilio.Exceptions;
using Twilio.Rest.Api.V2010.Account;

namespace Sms.Silo.Twilio;

/// <summary>
/// Sends through Twilio's Messages API, with the package <c>Twilio</c>. One attempt is at most one request on the wire:
/// nothing here repeats, follows or hedges, and an outcome that is not certain is <see cref="ProviderOutcome.Unknown"/>.
/// The outcome follows from what left and what came back, never from what the package says of it.
/// </summary>
/// <param name="creates">Makes messages.</param>
/// <param name="lookups">Reads messages back, over connections of its own.</param>
/// <param name="options">How Twilio is reached, and as whom.</param>
/// <param name="time">The clock of all limits.</param>
/// <param name="logger">Never sees a number or a text.</param>
internal sealed partial class TwilioProvider(
    HttpClient creates, HttpClient lookups, IOptions<TwilioOptions> options, TimeProvider time, ILogger<TwilioProvider> logger)
    : IMessageProvider
{
    private readonly TwilioOptions settings = options.Value;
    private readonly CreateRequest createRequest = new(options.Value);
    private readonly TwilioAccount account = new(creates, options.Value);
    private readonly MessageLookup lookup = new(lookups, options.Value);

    public bool IsEnabled => account.IsComplete;

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
        var exchange = new CreateExchange(account, departure);
        try
        {
            var message = await MessageResource.CreateAsync(createRequest.Of(request), account.ClientOver(exchange));
            return Answer(request.AttemptId, exchange, message?.Sid, failure: null);
        }
        catch (Exception refusal) when (exchange.Status is not null)
        {
            return Answer(request.AttemptId, exchange, sid: null, refusal);
        }
        catch (Exception failure) when (departure.HasLeft || failure is ApiConnectionException)
        {
            // Once it left, no failure of any kind may pass for "not sent".
            return departure.Close() switch
            {
                DepartureState.Left when departure.Wire.IsCancellationRequested =>
                    new ProviderOutcome.Unknown($"no reply within {settings.Timeout.TotalSeconds} s"),
                DepartureState.Left => new ProviderOutcome.Unknown(Exchange.Reason(failure)),
                DepartureState.TooLate => new ProviderOutcome.TooLate(),
                DepartureState.TimedOut =>
                    new ProviderOutcome.NeverLeft($"no connection within {settings.Timeout.TotalSeconds} s"),
                DepartureState.Cancelled => throw new OperationCanceledException(cancellationToken),
                _ => new ProviderOutcome.NeverLeft(Exchange.Reason(failure)),
            };
        }
    }

    private ProviderOutcome Answer(Guid attemptId, CreateExchange exchange, string? sid, Exception? failure)
    {
        var (status, headers) = (exchange.Status!.Value, exchange.Headers!);
        if (logger.IsEnabled(LogLevel.Debug))
            LogReply(attemptId, (int)status, Header(headers, "Twilio-Request-Id"), Header(headers, "Twilio-Concurrent-Requests"));
        return CreateReply.Read(status, sid, failure, RetryAfter(headers.RetryAfter));
    }

    private Duration? RetryAfter(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? (header?.Date - time.GetUtcNow());
        return wait is { } known ? Duration.Max(Duration.FromTimeSpan(known), Duration.Zero) : null;
    }

    private static string? Header(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
