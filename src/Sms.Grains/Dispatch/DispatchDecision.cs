using NodaTime;
using Sms.Contracts;
using Sms.Domain.Phones;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>Decides about a claimed row as things are now: its text may go, or the row is put off or ended.</summary>
internal sealed class DispatchDecision(
    ISendingBusiness business, AttemptGate gate, PaceBook pace, SenderHold hold, ClaimReleases releases, IClock clock)
{
    /// <summary>What may go now; null: it was put off or ended.</summary>
    public async Task<ClearedSend?> DecideAsync(ClaimedRow row, ClaimLookup found)
    {
        if (business.Fault is { } fault)
            return await EndAsync(row, r => AwaitRules(r, found, fault));
        if (!found.IsPending)
            return await EndAsync(row, r => r with { Action = "fail", ErrorMessage = "the message waits no more" });
        if (found.IsErased)
            return await EndAsync(row, r => r with { Action = "cancel", ErrorClass = "erased", ErrorMessage = "the customer was erased" });
        // It goes to the number that the customer has now, as soon as that is read.
        if (found.RawPhone is { } raw && PhoneNumber.TryParse(raw, business.Settings.Region, out var present) && present != found.To)
            return await EndAsync(row, r => r with { ScheduledFor = r.At + ClaimReleases.BlockedWait });
        if (business.Settings.Paused)
        {
            return await EndAsync(row, r => r with
            {
                Action = "defer",
                Held = "paused",
                ScheduledFor = Instant.FromDateTimeOffset(row.ScheduledFor),
                Cause = WaitCause.Paused,
                SlotAt = row.Slot,
            });
        }

        await business.LoadUsageAsync();
        var now = clock.GetCurrentInstant();
        switch (SendPolicy.Decide(business.Facts(found, found.Category.IsAnswer(row.Lane)), now))
        {
            case Verdict.Refuse no:
                return await EndAsync(row, r => r with { Action = "fail", ErrorClass = no.Code, ErrorMessage = no.Detail });
            case Verdict.Wait wait:
                return await EndAsync(row, r => r with { Action = "defer", ScheduledFor = wait.Until, Cause = wait.Cause, Decision = wait.Decision });
            case Verdict.Go go:
                return await PassGateAsync(row, found, go, now);
            default:
                throw new InvalidOperationException("Unknown verdict.");
        }
    }

    /// <summary>Nothing is sent by rules that are not the business's; what they say is looked at again in a minute.</summary>
    private static ReleasedClaim AwaitRules(ReleasedClaim claim, ClaimLookup found, string fault) => found.ValidUntil <= claim.At
        ? claim with { Action = "fail", ErrorClass = "expired", ErrorMessage = "The message was valid until a time that has passed." }
        : claim with { ScheduledFor = claim.At + Duration.FromMinutes(1), ErrorMessage = ClaimReleases.Describe(fault) };

    private async Task<ClearedSend?> PassGateAsync(ClaimedRow row, ClaimLookup found, Verdict.Go go, Instant now)
    {
        using var placing = pace.Placing();
        switch (await gate.AskAsync(business.Sender, found.Category, found.Segments, business.Settings.SegmentsPerSecond, row.Slot, now))
        {
            case GateAnswer.Begin begin:
                return new ClearedSend(
                    found.To, found.Body + found.Footer, found.Segments, found.Category, found.ValidUntil, found.Recipient.ConsentId,
                    go, begin.Sender, begin.Slot, now)
                { SettingsVersion = business.Version, IsProbe = begin.IsProbe, IsAnswer = found.Category.IsAnswer(row.Lane) };
            case GateAnswer.Wait wait:
                var isHeld = wait.IsForSender && hold.Holds(found.ValidUntil is not null, wait, now);
                return await EndAsync(row, r => r with
                {
                    Action = wait.IsBrief ? "unclaim" : "defer",
                    ScheduledFor = wait.Until,
                    Cause = wait.Cause,
                    ErrorCode = wait.Code,
                    SlotAt = wait.Slot,
                    Held = isHeld ? "sender" : null,
                });
            default:
                throw new InvalidOperationException("Unknown answer.");
        }
    }

    private async Task<ClearedSend?> EndAsync(ClaimedRow row, Func<ReleasedClaim, ReleasedClaim> with)
    {
        await releases.ReleaseAsync(row, with);
        return null;
    }
}
