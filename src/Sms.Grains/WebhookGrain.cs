using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Attempts;
using Sms.Domain.Replies;
using Sms.Domain.Segments;
using Sms.Ports;

namespace Sms;

/// <summary>Applies the provider's callbacks, on whichever silo is asked; the database keeps them in order.</summary>
[StatelessWorker, Reentrant, GrainType("sms.webhook")]
internal sealed partial class WebhookGrain(
    IWebhookStore store, IMessageProvider provider, OptOutWatch optOuts, IClock clock, IOptions<ReconcileOptions> reconcile, ILogger<WebhookGrain> logger)
    : Grain, IWebhookGrain
{
    /// <summary>Of a reply that a person must read, at most this is kept. Source: the longest body Twilio takes.</summary>
    private const int MostKept = 1600;

    public async Task<string[]> StatusAsync(StatusCallback[] callbacks)
    {
        var now = clock.GetCurrentInstant();
        var judged = callbacks.Select(c => StatusJudge.Judge(c.AttemptId, c.Sid, c.Status, c.ErrorCode, now, reconcile.Value.Last)).ToArray();
        // A word that is new to us tells nothing that could move a message.
        var reports = judged.OfType<ReportedStatus>().ToArray();
        var outcomes = new Queue<string>(reports.Length > 0 ? await store.ApplyCallbacksAsync(reports) : []);
        return [.. judged.Select(report => report is null ? "unknown" : outcomes.Dequeue())];
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
        // A keyword says all there is to say; what was judged by a phrase, or is to be judged, must be readable.
        var note = reply.Kind == ReplyKind.Review || reply.Source == ReplySource.Phrase
            ? SmsText.Cut(text.Body, MostKept)
            : null;
        string[] senders = text.MessagingServiceSid is { } service ? [service, text.To] : [text.To];
        var isDefault = provider.DefaultSender is { } own && senders.Contains(own.Key, StringComparer.Ordinal);
        var applied = await store.ApplyInboundAsync(text.Sid, senders, isDefault, text.From, kind, reply.Words, note, clock.GetCurrentInstant());
        if (applied.Unfinished is { } unfinished)
            await optOuts.FinishAsync(unfinished);
        // With a verdict of its own the provider has answered too.
        if (reply is { Kind: ReplyKind.Help, Source: not ReplySource.Provider } && applied is { BusinessId: { } business, CustomerId: { } customer })
            await AnswerHelpAsync(business, customer, text.Sid, reply.Language);
        return applied.Kind;
    }

    private async Task AnswerHelpAsync(Guid business, Guid customer, string sid, string language)
    {
        // The same text gives the same id: however often the webhook comes, it is answered once.
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"help {sid}")).AsSpan(0, 16);
        // Version and variant of an id that is made of a hash: RFC 9562, section 5.8.
        (hash[6], hash[8]) = ((byte)((hash[6] & 0x0F) | 0x80), (byte)((hash[8] & 0x3F) | 0x80));
        var id = new Guid(hash, bigEndian: true);
        if (await GrainFactory.Business(business).AnswerHelpAsync(id, customer, language) is { } refusal)
            LogUnanswered(logger, business, refusal.Code);
    }

    [LoggerMessage(1, LogLevel.Warning, "Business {Business} did not answer a call for help: {Code}")]
    private static partial void LogUnanswered(ILogger logger, Guid business, string code);
}
