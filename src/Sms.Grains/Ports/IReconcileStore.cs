using NodaTime;
using Sms.Domain.Attempts;

namespace Sms.Ports;

/// <summary>What the provider is asked: what became of attempts of unknown outcome, and how messages ended of which it told nothing.</summary>
public interface IReconcileStore
{
    /// <summary>Takes attempts whose look-up is due.</summary>
    /// <param name="limit">1 or more.</param>
    /// <param name="now">The present.</param>
    /// <param name="until">Nobody else is given them before this.</param>
    Task<IReadOnlyList<UnknownAttempt>> ClaimLookupsAsync(int limit, Instant now, Instant until);

    /// <summary>Settles an attempt by what a look-up found.</summary>
    Task<LookupVerdict> SettleLookupAsync(LookupFinding finding);

    /// <summary>The provider did not answer: nothing follows, and it is asked again then.</summary>
    Task PostponeLookupAsync(Guid attemptId, Instant until);

    /// <summary>Takes messages that were sent long enough ago for a final report and have none: their SIDs.</summary>
    /// <param name="limit">1 or more.</param>
    /// <param name="now">The present.</param>
    /// <param name="until">Nobody else is given them before this; should the provider not answer, somebody is then.</param>
    Task<IReadOnlyList<string>> ClaimUnreportedAsync(int limit, Instant now, Instant until);

    /// <summary>The provider has no final report of it yet: it is asked again much later, and at last never.</summary>
    Task PostponeReportAsync(string sid, Instant now);
}

/// <summary>What a look-up of an attempt found.</summary>
public sealed record LookupFinding
{
    public required Guid AttemptId { get; init; }

    /// <summary>The provider's messages that may be it, the likeliest first.</summary>
    public required IReadOnlyList<string> Sids { get; init; }

    /// <summary>The last delay had passed when the provider was asked: not there is never there.</summary>
    public required bool IsFinal { get; init; }

    /// <summary>The next look-up, when it is not there and this was not the last.</summary>
    public required Instant NextLookupAt { get; init; }

    /// <summary>When the provider is asked how the message ended, should it be there.</summary>
    public required Instant CheckAt { get; init; }

    public required Instant At { get; init; }
}

/// <summary>What became of an attempt after a look-up.</summary>
public enum LookupVerdict
{
    /// <summary>The provider has it: sent.</summary>
    Found,

    /// <summary>Not there yet; it is looked up again.</summary>
    Absent,

    /// <summary>It never got there: back in the queue.</summary>
    Requeued,

    /// <summary>It never got there, and the message may not be tried again.</summary>
    Failed,

    /// <summary>Another attempt with the same text to the same recipient must end first.</summary>
    Waits,

    /// <summary>Settled otherwise meanwhile.</summary>
    Settled,
}
