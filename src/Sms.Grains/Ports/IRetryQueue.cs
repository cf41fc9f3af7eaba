using System.Collections.ObjectModel;
using NodaTime;
using Sms.Contracts;

namespace Sms.Ports;

/// <summary>The queue over all businesses: the one authority on what is due.</summary>
public interface IRetryQueue
{
    /// <summary>
    /// Claims at most <paramref name="limit"/> due rows, one-time passwords first; of more businesses than fit each in
    /// its turn.
    /// </summary>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="lease">How long the claim holds unless renewed.</param>
    /// <param name="now">The present.</param>
    /// <param name="low">Rows due before it are not looked for; null: all are.</param>
    Task<DueRows> ClaimDueAsync(int limit, Duration lease, Instant now, Instant? low = null);

    /// <summary>Gives back rows whose lease ran out; returns how many.</summary>
    Task<int> RecoverAsync(Instant now);

    /// <summary>Attempts whose process must be gone become unknown; returns how many.</summary>
    /// <param name="leftBefore">Those that had to leave before this.</param>
    /// <param name="now">The present.</param>
    /// <param name="lookupAt">When the provider is first asked what became of them.</param>
    /// <param name="goneBefore">Those that had to leave before this, when their process is none of <paramref name="alive"/>.</param>
    /// <param name="alive">The processes that live, by the names that they record their attempts under.</param>
    Task<int> ExpireAttemptsAsync(Instant leftBefore, Instant now, Instant lookupAt, Instant goneBefore, IReadOnlyList<string> alive);

    /// <summary>Prolongs claims; returns the rows that are no longer held.</summary>
    Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyList<(Guid QueueId, Guid LeaseToken)> claims, Instant until);

    /// <summary>Lets one row of each business fall due whose rows are held because its sender is refused; returns how many.</summary>
    Task<int> ProbeStoppedAsync(Instant now);

    /// <summary>Rows held for a pause that is over fall due: whoever ended it may have died before it released them.</summary>
    Task ReleaseUnpausedAsync(Instant now);

    /// <summary>Recipients, by business, with rows held because more than enough was claimed for them.</summary>
    Task<ILookup<Guid, Guid>> FindCrowdedAsync();

    /// <summary>Sums up what the statements since the last call changed in the counts of messages by status.</summary>
    Task FoldCountsAsync();

    /// <summary>Has the database look again at tables that have grown: the plans of its statements depend on it. Returns how many.</summary>
    Task<int> AnalyzeGrownAsync();
}

/// <summary>The rows that a claim took.</summary>
/// <param name="rows">One-time passwords first.</param>
/// <param name="nextDue">See <see cref="NextDue"/>.</param>
public sealed class DueRows(IList<DueRow> rows, Instant? nextDue) : ReadOnlyCollection<DueRow>(rows)
{
    /// <summary>When the first of the rows that were not taken falls, or fell, due; null: none waits.</summary>
    public Instant? NextDue { get; } = nextDue;
}

/// <param name="BusinessId">Whose it is.</param>
/// <param name="Row">The claim.</param>
public readonly record struct DueRow(Guid BusinessId, ClaimedRow Row);
