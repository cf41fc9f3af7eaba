using NodaTime;
using Sms.Domain.Attempts;

namespace Sms.Ports;

/// <summary>What the provider tells of messages whose business is found by the attempt or the number.</summary>
public interface IWebhookStore
{
    /// <summary>Applies status callbacks with one commit.</summary>
    /// <returns>Of each in its place: applied, repeated, conflict, double, unknown, or locked: somebody else has locked its message, and it may be given again.</returns>
    Task<string[]> ApplyCallbacksAsync(IReadOnlyList<ReportedStatus> reports);

    /// <summary>Applies an inbound text. An opt-out is in force when this returns, whatever rows others have locked.</summary>
    /// <param name="sid">The provider's id of the text.</param>
    /// <param name="senders">Our messaging service, if it came through one, and our number.</param>
    /// <param name="isDefault">Whether that is the installation's own sender.</param>
    /// <param name="phone">Who wrote it, E.164.</param>
    /// <param name="kind">opt_out, opt_in, help, review or other.</param>
    /// <param name="words">The words that said so.</param>
    /// <param name="note">The text, where a person should be able to read it later.</param>
    /// <param name="at">The present.</param>
    Task<InboundOutcome> ApplyInboundAsync(
        string sid, string[] senders, bool isDefault, string phone, string kind, string? words, string? note, Instant at);

    /// <summary>Makes the ledger's entries of an opt-out and ends what waits for it, as far as nobody else has it locked.</summary>
    /// <returns>False: something is left, and it is to be repeated.</returns>
    Task<bool> FinishOptOutAsync(long id, Instant at);

    /// <summary>The opt-outs that are to be finished now. It throws when no opt-out can be written.</summary>
    Task<IReadOnlyList<UnfinishedOptOut>> FindUnfinishedOptOutsAsync(Instant at, int limit);
}

/// <param name="Id">Names it.</param>
/// <param name="Tries">How often it was tried before.</param>
/// <param name="LastError">What the database said then; null: something was locked.</param>
public sealed record UnfinishedOptOut(long Id, int Tries, string? LastError);

/// <param name="Kind">opt_out, opt_in, help, review or other; repeated when it came before.</param>
/// <param name="BusinessId">Whoever is to answer a call for help; null: nobody texted the number from these senders.</param>
/// <param name="CustomerId">Who asked there.</param>
/// <param name="Unfinished">An opt-out or a review whose ledger entries and cancellations are still to be made; null: there is none.</param>
public sealed record InboundOutcome(string Kind, Guid? BusinessId, Guid? CustomerId, long? Unfinished);
