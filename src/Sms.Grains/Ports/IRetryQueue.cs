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
    /// <param name="limit">1 to 1,000; less takes nothing.</param>
    /// <param name="lease">How long the claim holds unless renewed.</param>
    /// <param name="now">The present.</param>
    /// <param name="low">Rows due before it are not looked for; null: all are.</param>
    /// <param name="onlyPasswords">Leaves all but one-time passwords where they are.</param>
    Task<DueRows> ClaimDueAsync(int limit, Duration lease, Instant now, Instant? low = null, bool onlyPasswords = false);

    /// <summary>Gives back rows whose lease ran out; returns how many.</summary>
    /// <param name="now">The present.</param>
    /// <param name="lease">
    /// How long a claim holds. A lease that ends much later was made when the clock was ahead: it is nobody's, for a live
    /// holder would have renewed it. Null: the longest that can be set.
    /// </param>
    Task<int> RecoverAsync(Instant now, Duration? lease = null);

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

    /// <summary>
    /// Puts pending messages back into the queue that have neither a row there nor an attempt, because somebody changed their
    /// rows by hand; returns how many. Each call looks at some thousands and goes on where the one before it ended.
    /// </summary>
    Task<int> RequeueLostAsync(Instant now);

    /// <summary>Ends one-time passwords that are held for a pause and have expired; returns how many.</summary>
    Task<int> EndExpiredAsync(Instant now);

    /// <summary>
    /// Rows that are claimed again and again and come to nothing: three times or more handling them threw, or their claim
    /// was lost, within the last ten minutes.
    /// </summary>
    Task<long> CountClaimedInVainAsync(Instant now);

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
/// <param name="unreadable">See <see cref="Unreadable"/>.</param>
public sealed class DueRows(IList<DueRow> rows, Instant? nextDue, IReadOnlyList<UnreadableRow>? unreadable = null) : ReadOnlyCollection<DueRow>(rows)
{
    /// <summary>Rows that were claimed and hold what cannot be read; they are not among the others.</summary>
    public IReadOnlyList<UnreadableRow> Unreadable { get; } = unreadable ?? [];

    /// <summary>All that were claimed.</summary>
    public int Taken => Count + Unreadable.Count;

    /// <summary>When the first of the rows that were not taken falls, or fell, due; null: none waits.</summary>
    public Instant? NextDue { get; } = nextDue;
}

/// <summary>A row of the queue, claimed, that holds what no value of ours can be: somebody wrote it.</summary>
/// <param name="QueueId">The row.</param>
/// <param name="LeaseToken">The claim.</param>
/// <param name="BusinessId">Whose it is; null: that cannot be read either.</param>
/// <param name="Why">What was thrown, without the row's contents.</param>
public sealed record UnreadableRow(Guid QueueId, Guid LeaseToken, Guid? BusinessId, string Why);

/// <param name="BusinessId">Whose it is.</param>
/// <param name="Row">The claim.</param>
public readonly record struct DueRow(Guid BusinessId, ClaimedRow Row);
