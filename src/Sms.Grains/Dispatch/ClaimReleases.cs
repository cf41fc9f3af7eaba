using NodaTime;
using Sms.Contracts;
using Sms.Domain.Segments;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>The ways in which a claim of one business ends without an attempt.</summary>
internal sealed class ClaimReleases(Guid business, IMessageStore messages, IClock clock)
{
    /// <summary>How long a row waits that another message to its recipient, or a change, kept from beginning.</summary>
    /// <remarks>Less than the second of grace that begin_attempts gives it: so it keeps its turn.</remarks>
    public static readonly Duration BlockedWait = Duration.FromMilliseconds(500);

    /// <summary>The longest text that is kept of why a claim ended, in UTF-16 units.</summary>
    private const int MostDescribed = 500;

    /// <summary>Shortens what is to be kept of why a claim ended.</summary>
    public static string Describe(string why) => SmsText.Cut(why, MostDescribed);

    /// <summary>Releases the claim; without more the row is as it was before.</summary>
    public Task ReleaseAsync(ClaimedRow row, Func<ReleasedClaim, ReleasedClaim> with) => ReleaseAsync(row.QueueId, row.LeaseToken, with);

    /// <summary>The row is due again in a moment, not at once: a claim would find it as it is, over and over.</summary>
    public Task PutBackAsync(ClaimedRow row) => PutBackAsync(row, row.Slot);

    /// <param name="row">The claimed row.</param>
    /// <param name="slot">The slot of the pace that it keeps; null: none.</param>
    public Task PutBackAsync(ClaimedRow row, Instant? slot) =>
        ReleaseAsync(row, r => r with { ScheduledFor = r.At + BlockedWait, SlotAt = slot });

    /// <summary>It could not be handled: it is tried again with backoff, and is a dead letter at the tenth time.</summary>
    public Task FaultAsync(Guid queueId, Guid leaseToken, string why) => ReleaseAsync(queueId, leaseToken, r => r with
    {
        Action = "fault",
        ErrorClass = "fault",
        ErrorMessage = Describe(why),
    });

    private Task ReleaseAsync(Guid queueId, Guid leaseToken, Func<ReleasedClaim, ReleasedClaim> with) => messages.ReleaseAsync(with(new ReleasedClaim
    {
        BusinessId = business,
        QueueId = queueId,
        LeaseToken = leaseToken,
        Action = "unclaim",
        At = clock.GetCurrentInstant(),
    }));
}
