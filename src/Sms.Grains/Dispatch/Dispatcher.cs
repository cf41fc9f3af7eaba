using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// The way of one business's claimed rows to their attempts: each waits for its recipient's turn and a permit, is decided,
/// passes the gate, begins, and goes; or it is put off. Rows that a send was stored with, claimed, take the same way; what was
/// decided with them is not decided again within a second. Used within one grain's turns.
/// </summary>
internal sealed partial class Dispatcher(
    ISendingBusiness business,
    IMessageStore messages,
    RecipientQueues queues,
    DispatchPermits permits,
    AttemptGate gate,
    PaceBook pace,
    ProviderBreaker breaker,
    LeaseKeeper leases,
    ClockCheck clockCheck,
    Courier courier,
    RetryOptions retry,
    IClock clock,
    ILogger logger)
{
    /// <summary>What was looked up longer ago than this is looked up again before it is decided on.</summary>
    private static readonly Duration LookupAge = Duration.FromSeconds(1);

    private readonly ClaimReleases _releases = new(business.Id, messages, clock);
    private readonly SenderHold _hold = new(business.Id, messages, clock, logger);
    private DispatchDecision? _decision;
    private RecipientBacklog? _backlog;

    private DispatchDecision Decision => _decision ??= new(business, gate, pace, _hold, _releases, clock);

    /// <summary>In memory a recipient has a sixteenth of a claimer's room.</summary>
    private RecipientBacklog Backlog => _backlog ??= new(
        queues, Math.Max(1, retry.BatchSize / 4),
        (customer, limit) => messages.ClaimCrowdedAsync(business.Id, customer, limit, Duration.FromTimeSpan(retry.Lease), clock.GetCurrentInstant()),
        row => _ = TakeInAsync(row, mayHold: false), () => permits.IsClosed, logger);

    /// <summary>Takes over claimed rows.</summary>
    /// <returns>When each has begun its attempt, was put off, or waits behind another message to its recipient.</returns>
    public Task TakeInAsync(IReadOnlyList<ClaimedRow> rows) =>
        Task.WhenAll(rows.Where(r => !leases.Holds(r)).Select(r => TakeInAsync(r, mayHold: true)));

    /// <summary>Says that these recipients have rows that are held.</summary>
    public void Remind(IReadOnlyList<Guid> customers)
    {
        foreach (var customer in customers)
            Backlog.Remind(customer);
    }

    /// <summary>Takes the recipient's turn and a permit for a message that is about to be stored, if both are free; else null.</summary>
    public DispatchPermit? TryTakeTurn(Guid customer, short lane)
    {
        if (!clockCheck.IsTrusted || !queues.TryEnter(customer))
            return null;
        var permit = permits.TryTake(lane);
        if (permit is null)
            EndTurn(customer);
        return permit;
    }

    /// <summary>Whether a text to this recipient is under way here, or about to be.</summary>
    public bool IsTaken(Guid customer) => queues.IsTaken(customer);

    /// <summary>Sends what was stored with a claim of ours. It does not throw.</summary>
    /// <param name="row">The claimed row.</param>
    /// <param name="customer">Whose turn was taken. A new customer's row may turn out to be another's, stored a moment ago.</param>
    /// <param name="permit">What was taken with the turn.</param>
    /// <param name="cleared">What was decided.</param>
    public void Send(ClaimedRow row, Guid customer, DispatchPermit permit, ClearedSend cleared)
    {
        leases.Keep(row);
        if (row.CustomerId == customer)
        {
            _ = HandleAsync(row, permit, cleared);
            return;
        }

        // It is decided again, and counted then.
        business.Usage.Forget();
        GiveUp(customer, permit);
        _ = HandleInTurnAsync(row);
    }

    /// <summary>Gives up a turn and its permit.</summary>
    public void GiveUp(Guid customer, DispatchPermit permit)
    {
        permit.Dispose();
        EndTurn(customer);
    }

    /// <summary>Gives back a claim that may have been stored: nobody knows. It does not throw.</summary>
    public async Task GiveBackAsync(ClaimedRow row)
    {
        try
        {
            await _releases.PutBackAsync(row, slot: null);
        }
        catch (Exception e)
        {
            // If it is there, the claim runs out and the row comes back.
            LogLeft(logger, e.LineLevel, row.MessageId, business.Id, e);
        }
    }

    private Task TakeInAsync(ClaimedRow row, bool mayHold)
    {
        leases.Keep(row);
        if (mayHold && Backlog.IsFull(row))
            return HoldAsync(row);
        if (queues.TryEnter(row.CustomerId))
            return HandleAsync(row, permit: null, cleared: null);
        // It needs no room meanwhile; how many wait like this is bounded for each recipient.
        _ = HandleInTurnAsync(row);
        return Task.CompletedTask;
    }

    private async Task HandleInTurnAsync(ClaimedRow row)
    {
        await queues.EnterAsync(row.CustomerId, row.Lane, row.AcceptedAt, row.QueueId);
        await HandleAsync(row, permit: null, cleared: null);
    }

    private async Task HoldAsync(ClaimedRow row)
    {
        try
        {
            await Backlog.HoldAsync(row.CustomerId, () => _releases.ReleaseAsync(row, r => r with { Held = "recipient" }));
        }
        catch (StoreUnavailableException e)
        {
            // The claim runs out and the row comes back.
            LogLeft(logger, e.LineLevel, row.MessageId, business.Id, e);
        }
        finally
        {
            leases.Forget(row);
        }
    }

    private async Task HandleAsync(ClaimedRow row, DispatchPermit? permit, ClearedSend? cleared)
    {
        var underWay = false;
        try
        {
            permit ??= await permits.TakeAsync(row.Lane);
            if (permit is null)
                await _releases.PutBackAsync(row);
            else if (!clockCheck.IsTrusted)
                // By this clock nothing may be decided; others claim it at once.
                await _releases.ReleaseAsync(row, r => r with { SlotAt = row.Slot });
            else
                underWay = await TryBeginAsync(row, permit, cleared);
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            // The database, or another silo, did not answer. Nothing is known to be written; the claim runs out and the row comes back.
            LogLeft(logger, e.LineLevel, row.MessageId, business.Id, e);
        }
        catch (Exception e)
        {
            LogFault(logger, row.MessageId, business.Id, e);
            await FaultAsync(row, e);
        }
        finally
        {
            leases.Forget(row);
            if (!underWay)
            {
                // It was counted for its day when it was stored, and will be again when it begins.
                if (cleared is not null)
                    business.Usage.Forget();
                permit?.Dispose();
                EndTurn(row.CustomerId);
            }
        }
    }

    private async Task FaultAsync(ClaimedRow row, Exception fault)
    {
        try
        {
            await _releases.FaultAsync(row.QueueId, row.LeaseToken, $"{fault.GetType().Name}: {fault.Message}");
        }
        catch (Exception e)
        {
            // The claim runs out and the row comes back.
            LogLeft(logger, e.LineLevel, row.MessageId, business.Id, e);
        }
    }

    private void EndTurn(Guid customer)
    {
        queues.Leave(customer);
        Backlog.Fetch(customer);
    }

    /// <summary>True when an attempt is under way, which then owns the permit and the recipient's turn.</summary>
    private async Task<bool> TryBeginAsync(ClaimedRow row, DispatchPermit permit, ClearedSend? cleared)
    {
        await business.FreshenAsync();
        // Its rows are gone with it.
        if (!business.IsThere)
            return false;
        var lookedUpAt = cleared?.At ?? clock.GetCurrentInstant();
        var found = cleared is null ? await LookUpAsync(row) : null;
        if (!await permit.TakeCallAsync())
        {
            await _releases.PutBackAsync(row);
            return false;
        }

        if (clock.GetCurrentInstant() - lookedUpAt > LookupAge || cleared is { IsProbe: false } && breaker.IsOpen(cleared.Sender.Key))
        {
            if (cleared is not null)
                business.Usage.Forget();
            (cleared, found) = (null, await LookUpAsync(row));
        }

        cleared ??= await Decision.DecideAsync(row, found!);
        return cleared is not null && await BeginAsync(row, permit, cleared);
    }

    private async Task<ClaimLookup> LookUpAsync(ClaimedRow row) =>
        await messages.LookUpClaimAsync(business.Id, row.QueueId, business.Sender?.Key, clock.GetCurrentInstant())
        ?? throw new InvalidOperationException("The row's message or its recipient is not there.");

    private async Task<bool> BeginAsync(ClaimedRow row, DispatchPermit permit, ClearedSend send)
    {
        var now = clock.GetCurrentInstant();
        var day = BusinessCalendar.Day(now, business.Zone);
        var attempt = courier.NewAttempt(now, send.Sender, send.Go.OpenUntil);
        var flight = new InFlight(business.Id, row.MessageId, row.AttemptCount + 1, Instant.FromDateTimeOffset(row.AcceptedAt), send.ValidUntil);
        BegunAttempt begun;
        try
        {
            begun = await messages.BeginAttemptAsync(new BeginAttempt(
                business.Id, row.QueueId, row.LeaseToken, attempt.Recorded, now, send.Go.Decision, send.Segments, send.IsAnswer ? null : day)
            {
                IsDecisionStored = send.IsDecisionStored,
                SettingsVersion = send.SettingsVersion,
                To = send.To,
                ConsentId = send.ConsentId,
                DailySegmentLimit = send.IsAnswer ? null : business.DailyLimit(send.Category),
            });
        }
        catch (StoreUnavailableException e) when (!e.IsUnwritten)
        {
            courier.Withdraw(attempt, flight);
            throw;
        }

        switch (begun.Outcome)
        {
            case BeginOutcome.Begun:
                // A send that was stored claimed was counted then.
                if (begun.IsCounted && !send.IsDecisionStored)
                    business.Usage.Count(day, send.Segments);
                _ = FlyAsync(
                    new ProviderRequest(attempt.Recorded.Id, send.To, send.Text, send.Sender, Validity(send.Go.OpenUntil, attempt), attempt.LeaveBy),
                    flight with { Number = begun.Number }, permit, row.CustomerId);
                return true;
            case BeginOutcome.Changed:
                business.Doubt();
                await _releases.PutBackAsync(row, send.Slot);
                return false;
            case BeginOutcome.Blocked:
                await _releases.PutBackAsync(row, send.Slot);
                return false;
            default:
                return false;
        }
    }

    /// <summary>Makes the request and sees to its outcome, while nobody waits for it.</summary>
    private async Task FlyAsync(ProviderRequest request, InFlight flight, DispatchPermit permit, Guid customer)
    {
        try
        {
            await courier.DeliverAsync(request, flight, permit.Answered);
            if (_hold.MayHoldRows && !breaker.IsOpen(request.Sender.Key))
                await _hold.ReleaseAsync();
        }
        catch (Exception e)
        {
            // The attempt stays open in the database; it becomes unknown there and is reconciled.
            LogUnsettled(logger, e.LineLevel, request.AttemptId, flight.MessageId, business.Id, e);
        }
        finally
        {
            permit.Dispose();
            EndTurn(customer);
        }
    }

    /// <summary>What is left of the window when the request leaves at the last moment at which it may.</summary>
    private static Duration? Validity(Instant? openUntil, PreparedAttempt attempt) => openUntil is { } end ? end - attempt.Recorded.LeaveBy : null;

    [LoggerMessage(EventId = 1, Message = "Message {MessageId} of business {BusinessId} is left to recovery: the database did not take what became of it")]
    private static partial void LogLeft(ILogger logger, LogLevel level, Guid messageId, Guid businessId, Exception e);

    [LoggerMessage(2, LogLevel.Error, "Handling message {MessageId} of business {BusinessId} failed")]
    private static partial void LogFault(ILogger logger, Guid messageId, Guid businessId, Exception e);

    [LoggerMessage(EventId = 3, Message = "The outcome of attempt {AttemptId} of message {MessageId} of business {BusinessId} could not be recorded")]
    private static partial void LogUnsettled(ILogger logger, LogLevel level, Guid attemptId, Guid messageId, Guid businessId, Exception e);
}
