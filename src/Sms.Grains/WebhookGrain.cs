using NodaTime;
using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Domain.Delivery;
using Sms.Domain.Failures;
using Sms.Domain.Replies;
using Sms.Ports;

namespace Sms;

/// <summary>Applies the provider's callbacks, on whichever silo is asked; the database keeps them in order.</summary>
[StatelessWorker, Reentrant, GrainType("sms.webhook")]
internal sealed class WebhookGrain(IWebhookStore store, IMessageProvider provider, IClock clock) : Grain, IWebhookGrain
{
    public Task<string> StatusAsync(StatusCallback callback)
    {
        // A word that is new to us tells nothing that could move a message.
        if (!DeliveryWords.TryParse(callback.Status, out var status))
            return Task.FromResult("unknown");

        var movesTo = status switch
        {
            DeliveryStatus.Delivered or DeliveryStatus.Read => "delivered",
            DeliveryStatus.Undelivered or DeliveryStatus.Failed or DeliveryStatus.Canceled => "failed",
            _ => "sent",
        };
        var failure = movesTo == "failed" ? ErrorCatalog.ClassifyDelivery(callback.ErrorCode ?? 0) : (FailureClass?)null;
        return store.ApplyCallbackAsync(new ReportedStatus
        {
            AttemptId = callback.AttemptId,
            Sid = callback.Sid,
            Status = callback.Status,
            MovesTo = movesTo,
            Rank = status.Rank(),
            ErrorCode = callback.ErrorCode,
            ErrorClass = failure,
            ErrorMessage = movesTo != "failed" ? null
                : callback.ErrorCode is { } code && ErrorCatalog.Find(code) is { } known ? known.Meaning : "The message was not delivered",
            Suppress = failure switch
            {
                FailureClass.OptOut => "opt_out",
                FailureClass.BadNumber => "unreachable",
                _ => null,
            },
            At = clock.GetCurrentInstant(),
        });
    }

    public async Task<string> InboundAsync(InboundText text)
    {
        var reply = ReplyClassifier.Classify(text.Body, text.OptOutType);
        var kind = reply.Kind switch
        {
            ReplyKind.OptOut => "opt_out",
            ReplyKind.OptIn => "opt_in",
            ReplyKind.Help => "help",
            _ => "other",
        };
        string[] senders = text.MessagingServiceSid is { } service ? [service, text.To] : [text.To];
        var isDefault = provider.DefaultSender is { } own && senders.Contains(own.Key, StringComparer.Ordinal);
        return await store.ApplyInboundAsync(text.Sid, senders, isDefault, text.From, kind, reply.Keyword, clock.GetCurrentInstant())
            ? kind
            : "repeated";
    }
}
