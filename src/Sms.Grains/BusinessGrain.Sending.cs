using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Segments;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms;

/// <summary>Accepting a send: look up, check, decide, store; what may go now is stored claimed, and goes.</summary>
internal sealed partial class BusinessGrain
{
    private Instant _lastAcceptedAt = Instant.MinValue;

    public async Task<SendReply> SendAsync(SendCommand command)
    {
        var replies = await SendManyAsync([command]);
        return replies[0];
    }

    public async Task<SendReply[]> SendManyAsync(SendCommand[] commands)
    {
        var replies = new SendReply[commands.Length];
        await FreshenAsync();
        if (!_inForce.IsThere)
        {
            Array.Fill(replies, Refuse(Refusals.NoBusiness));
            return replies;
        }

        // Of several entries with one key the first makes the message; the others find it, in the next round.
        var left = Enumerable.Range(0, commands.Length).ToList();
        while (left.Count > 0)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            var round = left.Where(n => commands[n].IdempotencyKey is not { } key || seen.Add(key)).ToList();
            await _callsInWork.RunAsync(
                [.. seen.Select(SendName.Of), .. round.Select(n => SendName.Of(commands[n].MessageId))], () => AcceptAsync(commands, round, replies));
            left.RemoveAll(round.Contains);
        }

        return replies;
    }

    public Task DispatchAsync(ClaimedRow[] rows) => _dispatcher.TakeInAsync(rows);

    public Task FetchCrowdedAsync(Guid[] customers)
    {
        _dispatcher.Remind(customers);
        return Task.CompletedTask;
    }

    /// <summary>Looks all up at once, then decides one after the other in the order given; the commits are shared again.</summary>
    private async Task AcceptAsync(SendCommand[] commands, List<int> round, SendReply[] replies)
    {
        await LoadUsageAsync();
        var found = await Task.WhenAll(round.Select(n => LookUpAsync(commands[n])));
        var accepted = await Task.WhenAll(round.Zip(found).Select(e => e.Second.Refusal is { } refusal
            ? Task.FromResult(Refuse(refusal))
            : TakenInAsync(() => DecideAsync(commands[e.First], e.Second.Lookup!))));
        for (var n = 0; n < round.Count; n++)
            replies[round[n]] = accepted[n];
    }

    /// <summary>An entry that is turned away for want of room refuses itself alone; others may be stored already.</summary>
    private static async Task<SendReply> TakenInAsync(Func<Task<SendReply>> decide)
    {
        try
        {
            return await decide();
        }
        catch (StoreUnavailableException e) when (e.IsUnwritten)
        {
            return Refuse(Refusals.Overloaded);
        }
    }

    private async Task<(SendLookup? Lookup, Refusal? Refusal)> LookUpAsync(SendCommand command)
    {
        string? phone = null;
        if (command.To is not null)
        {
            if (!PhoneNumber.TryParse(command.To, _settings.Region, out var parsed))
                return (null, Refusals.InvalidPhone);
            phone = parsed.E164;
        }

        try
        {
            var found = await messages.LookUpSendAsync(Id, command, phone, EffectiveSender?.Key, clock.GetCurrentInstant());
            // A number that another customer of the business carries, or that nobody has read yet: asked again under the
            // number, so that its opt-outs are seen.
            if (found is { Phone: null, RawPhone: { } raw } && PhoneNumber.TryParse(raw, _settings.Region, out var read))
                found = await messages.LookUpSendAsync(Id, command, read.E164, EffectiveSender?.Key, clock.GetCurrentInstant());
            return (found, null);
        }
        catch (StoreUnavailableException e) when (e.IsUnwritten)
        {
            return (null, Refusals.Overloaded);
        }
    }

    private async Task<SendReply> DecideAsync(SendCommand command, SendLookup found)
    {
        for (var tries = 1; tries <= MostChanges; tries++)
        {
            if (await TryDecideAsync(command, found) is { } reply)
                return reply;
            // Somebody has changed the business since it was read.
            await _inForce.ReloadAsync();
            if (!_inForce.IsThere)
                return Refuse(Refusals.NoBusiness);
        }

        throw new StoreUnavailableException("The business is being changed over and over.") { IsUnwritten = true };
    }

    /// <summary>Up to the commit this takes one turn, unless the sender has a pace of its own to ask for.</summary>
    /// <returns>Null: the business was not as it was known to be, and nothing is stored.</returns>
    private async Task<SendReply?> TryDecideAsync(SendCommand command, SendLookup found)
    {
        if (found.ExistingMessage is { } existing)
            return await ReplayAsync(command, existing, found.ExistingHash);
        var (at, now) = AcceptanceInstant();
        var (send, refusal) = SendValidation.Check(command, found, _settings, Bar, provider.IsEnabled ? EffectiveSender : null, now);
        if (send is null)
            return Refuse(refusal!);

        if (send.Category == Category.Marketing)
            rules.Saw(send.To);
        var facts = Facts(send.Category, send.To, send.Size.Segments, found.Recipient, send.ValidUntil) with
        {
            NotBefore = send.NotBefore is { } wish && wish > now ? wish : null,
            SegmentsToday = command.IsAnswer ? 0 : _usage.SegmentsToday,
            MessagesThisMonth = command.IsAnswer ? null : _usage.MessagesThisMonth,
        };
        return SendPolicy.Decide(facts, now) switch
        {
            Verdict.Refuse no => Refuse(RefusalOf(no, now)),
            Verdict.Wait wait => (await StoreAsync(Complete(send, found, at, wait.Decision) with { ScheduledFor = wait.Until, Cause = wait.Cause })).Reply,
            Verdict.Go go => await PlaceAsync(send, Complete(send, found, at, go.Decision), go, now),
            var verdict => throw new InvalidOperationException($"Unknown verdict {verdict}."),
        };
    }

    private async Task<SendReply> ReplayAsync(SendCommand command, Guid existing, string? hash)
    {
        if (hash is not null && !string.Equals(hash, command.RequestHash, StringComparison.Ordinal))
            return Refuse(Refusals.KeyReused);
        var message = await messages.GetAsync(Id, existing, clock.GetCurrentInstant());
        // Without a word on its category the first one may have been of another than marketing, which this one asks for.
        if (message is not null && !command.IsCategoryUnsaid && message.Category != command.Category)
            return Refuse(Refusals.KeyReused);
        return new SendReply { Message = message, Replayed = command.MessageId != existing };
    }

    private SendFacts Facts(Category category, PhoneNumber to, int segments, RecipientFacts recipient, Instant? validUntil) => new(
        category, new PlaceFacts(to, recipient.Timezone, recipient.PostalCode, recipient.State), Zone, segments,
        recipient.Consent, recipient.OptedOut, recipient.Unreachable, _settings, NotBefore: null, validUntil,
        _usage.SegmentsToday, MessagesThisMonth: null)
    {
        Blackouts = rules.Blackouts,
        RecentMarketing = recipient.Recent,
        ConsentId = recipient.ConsentId,
        Grant = new ConsentGrant(ConsentGrant.FormOf(recipient.ConsentMethod), At: null),
        SettingsVersion = Version,
    };

    /// <summary>The rules let it go now: it is stored as the gate and the room at hand have it.</summary>
    private async Task<SendReply?> PlaceAsync(ValidSend send, AcceptedMessage message, Verdict.Go go, Instant now)
    {
        using var placing = _pace.Placing();
        switch (await _gate.AskAsync(send.Sender, send.Category, send.Size.Segments, _settings.SegmentsPerSecond, slot: null, now))
        {
            case GateAnswer.Wait wait:
                return (await StoreAsync(message with { ScheduledFor = wait.Until, Cause = wait.Cause, CauseCode = wait.Code, SlotAt = wait.Slot })).Reply;
            case GateAnswer.Begin begin when _dispatcher.TryTakeTurn(message.CustomerId, message.Lane) is { } permit:
                return await StoreClaimedAsync(message, permit, new ClearedSend(
                    send.To, message.Body + message.Footer, send.Size.Segments, send.Category, send.ValidUntil, go.Decision.ConsentId,
                    go, begin.Sender, begin.Slot, now)
                { IsDecisionStored = true, IsProbe = begin.IsProbe, IsAnswer = message.IsAnswer, SettingsVersion = message.SettingsVersion!.Value });
            case GateAnswer.Begin begin:
                return (await StoreAsync(message with { SlotAt = begin.Slot, IsBehind = _dispatcher.IsTaken(message.CustomerId) })).Reply;
            default:
                throw new InvalidOperationException("Unknown answer.");
        }
    }

    private async Task<SendReply?> StoreClaimedAsync(AcceptedMessage message, DispatchPermit permit, ClearedSend cleared)
    {
        var at = message.AcceptedAt.ToDateTimeOffset();
        var claim = new ClaimedRow(
            message.Id, Guid.NewGuid(), message.Id, message.CustomerId, message.Lane, at, at, Reason: null, AttemptCount: 0, SlotAt: null);
        var isHandedOver = false;
        // Counted before it begins, so that simultaneous sends are decided by what the day has left.
        if (!message.IsAnswer)
            _usage.Count(BusinessCalendar.Day(cleared.At, Zone), cleared.Segments);
        try
        {
            var (reply, accepted) = await StoreAsync(message with
            {
                Claim = new NewClaim(claim.LeaseToken, clock.GetCurrentInstant() + Duration.FromTimeSpan(retry.Value.Lease)),
            });
            if (accepted.Placement == Placement.Stored)
            {
                isHandedOver = true;
                _dispatcher.Send(claim with { CustomerId = accepted.CustomerId }, message.CustomerId, permit, cleared);
            }

            return reply;
        }
        catch (StoreUnavailableException e) when (!e.IsUnwritten)
        {
            _ = _dispatcher.GiveBackAsync(claim);
            throw;
        }
        finally
        {
            if (!isHandedOver)
            {
                _usage.Forget();
                _dispatcher.GiveUp(message.CustomerId, permit);
            }
        }
    }

    private AcceptedMessage Complete(ValidSend send, SendLookup found, Instant at, DecisionRecord decision) => new()
    {
        Id = send.Command.MessageId,
        BusinessId = Id,
        CustomerId = found.CustomerId ?? Guid.CreateVersion7(at.ToDateTimeOffset()),
        IsNewCustomer = found.CustomerId is null,
        To = send.To,
        TemplateId = send.Command.TemplateId,
        IsByCustomer = send.Command.CustomerId is not null,
        Body = send.Body,
        Footer = send.Footer,
        Category = send.Category,
        Encoding = send.Size.Encoding.ToWire(),
        Segments = send.Size.Segments,
        MaxAttempts = _settings.MaxAttempts,
        Metadata = send.Command.Metadata,
        Decision = decision,
        NotBefore = send.NotBefore,
        ValidUntil = send.ValidUntil,
        AcceptedAt = at,
        IdempotencyKey = send.Command.IdempotencyKey,
        RequestHash = send.Command.RequestHash,
        IsAnswer = send.Command.IsAnswer,
        Month = send.Command.IsAnswer ? null : BusinessCalendar.Month(at, Zone),
        Sender = send.Sender.Key,
        SettingsVersion = Version,
        MonthlyMessageLimit = send.Command.IsAnswer ? null : _settings.MonthlyLimit(send.Category),
    };

    private async Task<(SendReply? Reply, Accepted Accepted)> StoreAsync(AcceptedMessage message)
    {
        // Counted before the commit, so that simultaneous sends cannot pass the limit together.
        var counted = message.IsAnswer ? 0 : 1;
        _usage.MessagesThisMonth += counted;
        var isStored = false;
        try
        {
            var accepted = await messages.AcceptAsync(message);
            isStored = accepted.Placement == Placement.Stored;
            return (await ReplyAsync(message, accepted), accepted);
        }
        finally
        {
            if (!isStored)
                _usage.MessagesThisMonth -= counted;
        }
    }

    private async Task<SendReply?> ReplyAsync(AcceptedMessage message, Accepted accepted)
    {
        switch (accepted.Placement)
        {
            case Placement.Stored:
                return new SendReply { Message = MessageViews.Of(message with { CustomerId = accepted.CustomerId }) };
            case Placement.Outdated:
                return null;
            case Placement.OverLimit:
                _usage.Forget();
                return Refuse(RefusalOf(SendPolicy.MonthIsFull(message.MonthlyMessageLimit), message.AcceptedAt));
            default:
                if (accepted.RequestHash is not null && !string.Equals(accepted.RequestHash, message.RequestHash, StringComparison.Ordinal))
                    return Refuse(Refusals.KeyReused);
                var first = await messages.GetAsync(Id, accepted.MessageId, clock.GetCurrentInstant());
                return new SendReply { Message = first, Replayed = accepted.MessageId != message.Id };
        }
    }

    private async Task LoadUsageAsync()
    {
        var now = clock.GetCurrentInstant();
        var day = BusinessCalendar.Day(now, Zone);
        if (_usage.IsCurrent(day))
            return;
        var stored = await businesses.LoadUsageAsync(Id, day, BusinessCalendar.Month(now, Zone));
        if (!_usage.IsCurrent(day))
            _usage.Load(day, stored);
    }

    /// <summary>
    /// When a send is accepted, later than any acceptance before: it is the order among the messages to one recipient. And the
    /// present that it is decided by: the same, unless the clock was put back.
    /// </summary>
    private (Instant At, Instant Now) AcceptanceInstant()
    {
        // The database keeps microseconds.
        var ticks = clock.GetCurrentInstant().ToUnixTimeTicks() / 10 * 10;
        var now = Instant.FromUnixTimeTicks(ticks);
        _lastAcceptedAt = Instant.Max(now, _lastAcceptedAt + Duration.FromTicks(10));
        return (_lastAcceptedAt, _lastAcceptedAt - now < Duration.FromSeconds(1) ? _lastAcceptedAt : now);
    }

    private Refusal RefusalOf(Verdict.Refuse no, Instant now) => new(no.Code, no.Detail)
    {
        RetryAt = no.Code is "monthly_limit_reached" ? BusinessCalendar.NextMonth(now, Zone).ToDateTimeOffset() : null,
    };

    private static SendReply Refuse(Refusal refusal) => new() { Refusal = refusal };
}
