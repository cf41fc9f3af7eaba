using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Segments;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>Claimed rows: each waits for its recipient's lane and a slot, is decided again, and goes or is put off.</summary>
internal sealed partial class BusinessGrain
{
    /// <summary>A slot dealt longer ago than this passed during an outage: slots are dealt anew, or all would go at once.</summary>
    private static readonly Duration SlotTolerance = Duration.FromSeconds(5);

    private static readonly Duration BlockedWait = Duration.FromMilliseconds(500);

    /// <summary>What was looked up longer ago than this is looked up again before it is decided on.</summary>
    private static readonly Duration LookupAge = Duration.FromSeconds(1);

    public Task DispatchAsync(ClaimedRow[] rows)
    {
        var fresh = rows.Where(r => !leases.Holds(r)).ToList();
        foreach (var row in fresh)
            leases.Keep(row);
        return Task.WhenAll(fresh.Select(r => IsCrowded(r) ? HoldAsync(r) : HandleAsync(r)));
    }

    private async Task HandleAsync(ClaimedRow row)
    {
        await _lanes.EnterAsync(row.CustomerId, row.Lane, row.AcceptedAt, row.QueueId);
        var underWay = false;
        var hasSlot = false;
        try
        {
            hasSlot = await slots.TakeAsync();
            if (hasSlot)
                underWay = await ConsiderAsync(row);
            else
                await PutBackAsync(row);
        }
        catch (StoreUnavailableException e)
        {
            // Nothing is known to be written; the claim runs out and the row comes back.
            LogLeft(logger, row.MessageId, e);
        }
        catch (Exception e)
        {
            LogFault(logger, row.MessageId, e);
            await ReleaseFaultyAsync(row, e);
        }
        finally
        {
            leases.Forget(row);
            if (!underWay)
            {
                if (hasSlot)
                    slots.Return();
                LeaveLane(row.CustomerId);
            }
        }
    }

    /// <summary>True when an attempt is under way, which then owns the slot, the call and the lane.</summary>
    private async Task<bool> ConsiderAsync(ClaimedRow row)
    {
        await RequireReadableAsync();
        var lookedUpAt = clock.GetCurrentInstant();
        var found = await LookUpAsync(row);
        if (!await slots.TakeCallAsync())
        {
            await PutBackAsync(row);
            return false;
        }

        var underWay = false;
        try
        {
            if (clock.GetCurrentInstant() - lookedUpAt > LookupAge)
                found = await LookUpAsync(row);
            return underWay = await DecideAsync(row, found);
        }
        finally
        {
            if (!underWay)
                slots.ReturnCall();
        }
    }

    private async Task<ClaimLookup> LookUpAsync(ClaimedRow row) =>
        await messages.LookUpClaimAsync(Id, row.QueueId, EffectiveSender?.Key, clock.GetCurrentInstant())
        ?? throw new InvalidOperationException("The row's message or its recipient is not there.");

    private async Task<bool> DecideAsync(ClaimedRow row, ClaimLookup found)
    {
        if (!found.IsPending)
        {
            await ReleaseAsync(row, r => r with { Action = "fail", ErrorMessage = "the message waits no more" });
            return false;
        }

        if (found.IsErased)
        {
            await ReleaseAsync(row, r => r with { Action = "cancel", ErrorClass = "erased", ErrorMessage = "the customer was erased" });
            return false;
        }

        // It goes to the number that the customer has now, as soon as that is read.
        if (found.RawPhone is { } raw && PhoneNumber.TryParse(raw, _settings.Region, out var present) && present != found.To)
        {
            await PutBackAsync(row);
            return false;
        }

        if (_settings.Paused)
        {
            await ReleaseAsync(row, r => r with { Action = "defer", Held = "paused", ScheduledFor = Instant.FromDateTimeOffset(row.ScheduledFor), Reason = row.Reason });
            return false;
        }

        await LoadUsageAsync();
        var now = clock.GetCurrentInstant();
        switch (SendPolicy.Decide(Facts(found, row), now))
        {
            case Verdict.Refuse no:
                await ReleaseAsync(row, r => r with { Action = "fail", ErrorClass = no.Code, ErrorMessage = no.Detail });
                return false;
            case Verdict.Wait wait:
                await ReleaseAsync(row, r => r with { Action = "defer", ScheduledFor = wait.Until, Reason = wait.Reason, Decision = wait.Decision });
                return false;
            case Verdict.Go go:
                return await TryBeginAsync(row, found, go, now);
            default:
                throw new InvalidOperationException("Unknown verdict.");
        }
    }

    private async Task<bool> TryBeginAsync(ClaimedRow row, ClaimLookup found, Verdict.Go go, Instant now)
    {
        if (!provider.IsEnabled || EffectiveSender is not { } sender)
        {
            await ReleaseAsync(row, r => r with { Action = "defer", ScheduledFor = now + ProviderBreaker.ProbeEvery, Reason = "twilio_error" });
            return false;
        }

        if (breaker.ClosedUntil(sender.Key) is { } probe)
        {
            await AwaitSenderAsync(row, found, probe, now);
            return false;
        }

        if (AwaitsOptOuts(found.Category))
        {
            await ReleaseAsync(row, r => r with { ScheduledFor = now + OptOutWait });
            return false;
        }

        if (!HasSlotOfItsOwn(row, now) && await AwaitsSlotAsync(row, found, sender, now))
            return false;

        var attempt = courier.NewAttempt(now, sender, go.OpenUntil);
        BegunAttempt begun;
        try
        {
            begun = await messages.BeginAttemptAsync(new BeginAttempt(
                Id, row.QueueId, row.LeaseToken, attempt.Recorded, now, go.Decision, found.Segments, BusinessCalendar.Day(now, Zone))
            {
                To = found.To,
                ConsentId = found.ConsentId,
                DailySegmentLimit = DailyLimit(found.Category),
            });
        }
        catch (StoreUnavailableException e) when (!e.IsUnwritten)
        {
            courier.Withdraw(attempt, new InFlight(Id, row.AttemptCount + 1, Instant.FromDateTimeOffset(row.AcceptedAt), found.ValidUntil, row.Lane));
            throw;
        }

        switch (begun.Outcome)
        {
            case BeginOutcome.Begun:
                if (begun.IsCounted)
                    _usage.Count(BusinessCalendar.Day(now, Zone), found.Segments);
                SendOff(attempt, found.To, found.Body + found.Footer, sender, Validity(go.OpenUntil, attempt), row.CustomerId,
                    new InFlight(Id, begun.Number, Instant.FromDateTimeOffset(row.AcceptedAt), found.ValidUntil, row.Lane));
                return true;
            case BeginOutcome.Changed:
                _usage.Forget();
                await PutBackAsync(row);
                return false;
            case BeginOutcome.Blocked:
                await PutBackAsync(row);
                return false;
            default:
                return false;
        }
    }

    /// <summary>True when the pace does not let it go now: it waits for the slot it was dealt.</summary>
    private async Task<bool> AwaitsSlotAsync(ClaimedRow row, ClaimLookup found, Sender sender, Instant now)
    {
        _placing++;
        try
        {
            var slot = await ReservePaceAsync(sender, now, found.Segments, found.Category);
            if (slot <= now)
                return false;
            await ReleaseAsync(row, r => r with { Action = "defer", ScheduledFor = slot, Reason = "rate_limit" });
            return true;
        }
        finally
        {
            _placing--;
        }
    }

    /// <summary>
    /// The sender is refused: one row stays due at the next probe, and so does what expires; all others are held, those
    /// that nobody has claimed yet as well.
    /// </summary>
    private async Task AwaitSenderAsync(ClaimedRow row, ClaimLookup found, Instant probe, Instant now)
    {
        var hold = _nextProbe > now && found.ValidUntil is null;
        if (!hold)
            _nextProbe = probe;
        await ReleaseAsync(row, r => r with { Action = "defer", ScheduledFor = probe, Reason = "twilio_error", Held = hold ? "sender" : null });
        if (_holding.IsCompleted)
            _holding = HoldDueAsync(now, probe);
    }

    private async Task HoldDueAsync(Instant now, Instant probe)
    {
        _mayHoldRows = true;
        try
        {
            await messages.HoldDueAsync(Id, now, probe);
        }
        catch (StoreUnavailableException e)
        {
            // They are claimed, and held, one by one.
            LogHeldNothing(logger, Id, e);
        }
    }

    /// <summary>After a request that the provider did not refuse for the sender.</summary>
    private async Task ReleaseStoppedAsync()
    {
        await _holding;
        if (!_mayHoldRows)
            return;
        _mayHoldRows = false;
        try
        {
            await messages.ReleaseStoppedAsync(Id, clock.GetCurrentInstant());
        }
        catch (StoreUnavailableException e)
        {
            _mayHoldRows = true;
            LogHeldNothing(logger, Id, e);
        }
    }

    private static bool HasSlotOfItsOwn(ClaimedRow row, Instant now) =>
        string.Equals(row.Reason, "rate_limit", StringComparison.Ordinal)
        && now - Instant.FromDateTimeOffset(row.ScheduledFor) < SlotTolerance;

    private SendFacts Facts(ClaimLookup found, ClaimedRow row) => new(
        found.Category, new PlaceFacts(found.To, found.Timezone, found.PostalCode, found.State), Zone, found.Segments,
        found.Consent, found.OptedOut, found.Unreachable, _settings, found.NotBefore, found.ValidUntil,
        // What was handed over once has been counted: a retry must not wait for its own segments.
        found.IsCounted ? 0 : _usage.SegmentsToday, MessagesThisMonth: null)
    {
        Blackouts = rules.Blackouts,
        RecentMarketing = found.Recent,
        ConsentId = found.ConsentId,
    };

    /// <summary>Due again in a moment, not at once: a claim would find it as it is, over and over.</summary>
    private Task PutBackAsync(ClaimedRow row) =>
        ReleaseAsync(row, r => r with { Action = "unclaim", ScheduledFor = clock.GetCurrentInstant() + BlockedWait });

    private Task ReleaseAsync(ClaimedRow row, Func<ReleasedClaim, ReleasedClaim> with) => messages.ReleaseAsync(with(new ReleasedClaim
    {
        BusinessId = Id,
        QueueId = row.QueueId,
        LeaseToken = row.LeaseToken,
        Action = "unclaim",
        At = clock.GetCurrentInstant(),
    }));

    private async Task ReleaseFaultyAsync(ClaimedRow row, Exception fault)
    {
        try
        {
            await ReleaseAsync(row, r => r with
            {
                Action = "fault",
                ErrorClass = "fault",
                ErrorMessage = Describe(fault),
            });
        }
        catch (Exception e)
        {
            // The claim runs out and the row comes back.
            LogLeft(logger, row.MessageId, e);
        }
    }

    /// <summary>For whoever looks at the dead letter: what was thrown, in at most 500 characters.</summary>
    private static string Describe(Exception fault) =>
        SmsText.Cut($"{fault.GetType().Name}: {fault.Message}", 500);

    /// <summary>
    /// Starts the request and does not wait for it; the call is given back with the provider's answer, the slot and the
    /// lane when that is recorded.
    /// </summary>
    private void SendOff(
        PreparedAttempt attempt, PhoneNumber to, string body, Sender sender, Duration? validity, Guid customer, InFlight flight)
    {
        var request = new ProviderRequest(attempt.Recorded.Id, to, body, sender, validity, attempt.LeaveBy);
        _ = FlyAsync();

        async Task FlyAsync()
        {
            try
            {
                await courier.DeliverAsync(request, flight, slots.ReturnCall);
                if (_mayHoldRows && !breaker.IsOpen(sender.Key))
                    await ReleaseStoppedAsync();
            }
            catch (Exception e)
            {
                // The attempt stays open in the database; it becomes unknown there and is reconciled.
                LogUnsettled(logger, request.AttemptId, e);
            }
            finally
            {
                slots.Return();
                LeaveLane(customer);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Message {MessageId} is left to recovery: the database did not take what became of it")]
    private static partial void LogLeft(ILogger logger, Guid messageId, Exception e);

    [LoggerMessage(2, LogLevel.Error, "Handling message {MessageId} failed")]
    private static partial void LogFault(ILogger logger, Guid messageId, Exception e);

    [LoggerMessage(4, LogLevel.Warning, "What business {Business} holds for its sender is unchanged: the database did not answer")]
    private static partial void LogHeldNothing(ILogger logger, Guid business, Exception e);

    [LoggerMessage(3, LogLevel.Error, "The outcome of attempt {AttemptId} could not be recorded")]
    private static partial void LogUnsettled(ILogger logger, Guid attemptId, Exception e);
}
