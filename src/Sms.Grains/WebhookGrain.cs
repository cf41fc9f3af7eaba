using Microsoft.Extensions.Options;
using NodaTime;
using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Replies;
using Sms.Ports;

namespace Sms;

/// <summary>Applies the provider's callbacks, on whichever silo is asked; the database keeps them in order.</summary>
[StatelessWorker, Reentrant, GrainType("sms.webhook")]
internal sealed class WebhookGrain(IWebhookStore store, IMessageProvider provider, IClock clock, IOptions<ReconcileOptions> reconcile) : Grain, IWebhookGrain
{
    public Task<string> StatusAsync(StatusCallback callback)
    {
        // A word that is new to us tells nothing that could move a message.
        return StatusJudge.Judge(callback, clock.GetCurrentInstant(), reconcile.Value.Last) is { } report
            ? store.ApplyCallbackAsync(report)
            : Task.FromResult("unknown");
    }

    public async Task<string> InboundAsync(InboundText text)
    {
        var reply = ReplyClassifier.Classify(text.Body, text.OptOutType);
        var kind = reply.Kind switch
        {
            ReplyKind.OptOut => "opt_out",
            ReplyKind.OptIn => "opt_in",
            ReplyKind.Help => "help",
            ReplyKind.Review => "review",
            _ => "other",
        };
        string[] senders = text.MessagingServiceSid is { } service ? [service, text.To] : [text.To];
        var isDefault = provider.DefaultSender is { } own && senders.Contains(own.Key, StringComparer.Ordinal);
        return await store.ApplyInboundAsync(text.Sid, senders, isDefault, text.From, kind, reply.Words, clock.GetCurrentInstant())
            ? kind
            : "repeated";
    }
}
