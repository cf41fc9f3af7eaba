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

/// <summary>Accepting a send: look up, decide, place, store; then, with a slot in hand, off it goes.</summary>
internal sealed partial class BusinessGrain
{
    /// <summary>How long a one-time password is worth something when the client does not say.</summary>
    /// <remarks>Source: the HTTP contract.</remarks>
    private static readonly Duration OtpValidity = Duration.FromMinutes(10);

    /// <summary>How often slots of cancelled messages are looked for, at most: it reads the business's paced backlog.</summary>
    private static readonly Duration FreeSlotsEvery = Duration.FromSeconds(5);

    /// <summary>When marketing is looked at again that waits because no opt-out can be written.</summary>
    private static readonly Duration OptOutWait = Duration.FromSeconds(5);

    public async Task<SendReply> SendAsync(SendCommand command)
    {
        var replies = await SendManyAsync([command]);
        return replies[0];
    }

    public async Task<SendReply[]> SendManyAsync(SendCommand[] commands)
    {
        var replies = new SendReply[commands.Length];
        if (_business is null)
        {
            Array.Fill(replies, Refuse(NoBusiness));
            return replies;
        }

        await RequireReadableAsync();

        // Of several entries with one key the first makes the message; the others find it, in the next round.
        var left = Enumerable.Range(0, commands.Length).ToList();
        while (left.Count > 0)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            var round = left.Where(n => commands[n].IdempotencyKey is not { } key || seen.Add(key)).ToList();
            await WithKeysAsync(seen, () => AcceptAsync(commands, round, replies));
            left.RemoveAll(round.Contains);
        }

        return replies;
    }

    /// <summary>One call at a time works on a key.</summary>
    private async Task WithKeysAsync(HashSet<string> keys, Func<Task> work)
    {
        while (keys.Select(k => _keysInWork.GetValueOrDefault(k)).FirstOrDefault(t => t is not null) is { } other)
            await other;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var key in keys)
            _keysInWork[key] = done.Task;
        try
        {
            await work();
        }
        finally
        {
            foreach (var key in keys)
                _keysInWork.Remove(key);
            done.SetResult();
        }
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
            return Refuse(Overloaded);
        }
    }

    private async Task<(SendLookup? Lookup, Refusal? Refusal)> LookUpAsync(SendCommand command)
    {
        string? phone = null;
        if (command.To is not null)
        {
            if (!PhoneNumber.TryParse(command.To, _settings.Region, out var parsed))
                return (null, InvalidPhone);
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
            return (null, Overloaded);
        }
    }

    /// <summary>Up to the commit this takes one turn, unless the sender has a pace of its own to ask for.</summary>
    private async Task<SendReply> DecideAsync(SendCommand command, SendLookup found)
    {
        if (found.ExistingMessage is { } existing)
            return await ReplayAsync(command, existing, found.ExistingHash);
        if (Draft(command, found, out var draft) is { } refusal)
            return Refuse(refusal);

        var now = AcceptanceInstant();
        var verdict = SendPolicy.Decide(Facts(draft, found, now), now);
        return verdict switch
        {
            Verdict.Refuse no => Refuse(RefusalOf(no, now)),
            Verdict.Wait wait => await StoreAsync(draft, now, wait.Decision, wait.Until, wait.Reason),
            Verdict.Go go => await PlaceAsync(draft, now, go),
            _ => throw new InvalidOperationException($"Unknown verdict {verdict}."),
        };
    }

    private async Task<SendReply> ReplayAsync(SendCommand command, Guid existing, string? hash)
    {
        if (hash is not null && !string.Equals(hash, command.RequestHash, StringComparison.Ordinal))
            return Refuse(new Refusal("idempotency_key_reused", "This idempotency key was used with another request."));
        var message = await messages.GetAsync(Id, existing);
        return new SendReply { Message = message, Replayed = command.MessageId != existing };
    }

    /// <summary>Checks what is not a matter of rules; everything that is needed is in the draft afterwards.</summary>
    private Refusal? Draft(SendCommand command, SendLookup found, out AcceptedMessage draft)
    {
        draft = null!;
        if (!provider.IsEnabled || EffectiveSender is null)
            return new Refusal("sms_disabled", "No provider is configured: texts cannot be sent.");
        if (command.ValidUntil is { } end && Instant.FromDateTimeOffset(end) <= clock.GetCurrentInstant())
            return Invalid("validUntil", "must be in the future");
        if (_settings.Paused)
            return new Refusal("business_paused", "The business is paused.");
        if (command.CustomerId is not null && found.CustomerId is null)
            return new Refusal("customer_not_found", "The business has no such customer.");
        if (found.Phone is null)
            return InvalidPhone;

        var body = command.Body;
        if (command.TemplateId is not null)
        {
            if (found.TemplateBody is null)
                return new Refusal("unknown_template", "The business has no such template.");
            if (!MessageTemplate.TryRender(found.TemplateBody, command.Variables, _settings.BodyLimit, out body, out var missing))
                return missing is null ? TooLong() : Invalid($"variables.{missing}", "is missing");
        }

        if (string.IsNullOrWhiteSpace(body))
            return new Refusal("body_required", "The message has no text.");
        if (!SmsText.IsValid(body))
            return new Refusal("invalid_text", "The text has U+0000 or half a surrogate pair.");

        var category = SendingWords.ParseCategory(command.Category);
        var footer = OptOutLine.For(category, _settings.OptOutFooter, found.TextedBefore);
        if (OptOutLine.TooLong(body, footer, _settings.BodyLimit) is { } tooLong)
            return new Refusal("body_too_long", tooLong);

        var size = SmsSegments.Measure(body + footer);
        draft = new AcceptedMessage
        {
            Id = command.MessageId,
            BusinessId = Id,
            CustomerId = found.CustomerId ?? Guid.CreateVersion7(clock.GetCurrentInstant().ToDateTimeOffset()),
            IsNewCustomer = found.CustomerId is null,
            To = PhoneNumber.FromE164(found.Phone),
            TemplateId = command.TemplateId,
            IsByCustomer = command.CustomerId is not null,
            Body = body,
            Footer = footer,
            Category = category,
            Encoding = size.Encoding.ToWire(),
            Segments = size.Segments,
            MaxAttempts = _settings.MaxAttempts,
            Metadata = command.Metadata,
            Decision = null!,
            NotBefore = Optional(command.SendAt),
            ValidUntil = Optional(command.ValidUntil) ?? (category == Category.Otp ? clock.GetCurrentInstant() + OtpValidity : null),
            AcceptedAt = default,
            IdempotencyKey = command.IdempotencyKey,
            RequestHash = command.RequestHash,
            Month = default,
            Day = default,
            Sender = EffectiveSender.Key,
            ConsentId = found.ConsentId,
            DailySegmentLimit = DailyLimit(category),
            MonthlyMessageLimit = category == Category.Otp ? null : _settings.MonthlyMessageLimit,
        };
        return null;
    }

    private Refusal TooLong() => new("body_too_long", $"The text has more than {_settings.BodyLimit} UTF-16 units, the business's limit.");

    private int? DailyLimit(Category category) => category == Category.Otp ? null : _settings.DailySegmentLimit;

    private SendFacts Facts(AcceptedMessage draft, SendLookup found, Instant now) => new(
        draft.Category, new PlaceFacts(draft.To, found.Timezone, found.PostalCode, found.State), Zone, draft.Segments,
        found.Consent, found.OptedOut, found.Unreachable, _settings,
        draft.NotBefore is { } at && at > now ? at : null, draft.ValidUntil, _usage.SegmentsToday, _usage.MessagesThisMonth)
    {
        Blackouts = rules.Blackouts,
        RecentMarketing = found.Recent,
        ConsentId = found.ConsentId,
    };

    /// <summary>While nobody can opt out, no marketing goes.</summary>
    private bool AwaitsOptOuts(Category category) => category == Category.Marketing && !optOuts.CanBeWritten;

    /// <summary>It may go now: does the pace, the breaker, the recipient's lane and a slot let it?</summary>
    private async Task<SendReply> PlaceAsync(AcceptedMessage draft, Instant now, Verdict.Go go)
    {
        _placing++;
        try
        {
            return await PlaceInTurnAsync(draft, now, go);
        }
        finally
        {
            _placing--;
        }
    }

    private async Task<SendReply> PlaceInTurnAsync(AcceptedMessage draft, Instant now, Verdict.Go go)
    {
        var sender = EffectiveSender!;
        if (breaker.ClosedUntil(sender.Key) is { } probe)
            return await StoreAsync(draft, now, go.Decision, probe, "twilio_error");
        if (AwaitsOptOuts(draft.Category))
            return await StoreAsync(draft, now, go.Decision, now + OptOutWait, "scheduled");
        var slot = await ReservePaceAsync(sender, now, draft.Segments, draft.Category);
        if (slot > now)
            return await StoreAsync(draft, now, go.Decision, slot, "rate_limit");

        // A new customer's id may turn out to be another's, stored a moment ago; it has no lane to wait in.
        if (!_lanes.TryEnter(draft.CustomerId))
            return await StoreAsync(draft, now, go.Decision, scheduledFor: null, reason: null);
        if (!slots.TryTake())
        {
            LeaveLane(draft.CustomerId);
            return await StoreAsync(draft, now, go.Decision, scheduledFor: null, reason: null);
        }

        var attempt = courier.NewAttempt(now, sender, go.OpenUntil);
        var flight = new InFlight(Id, 1, now, draft.ValidUntil, draft.Category.Lane());
        var underWay = false;
        try
        {
            var accepted = Complete(draft, now, go.Decision) with { Attempt = attempt.Recorded };
            var (reply, placement) = await WriteAsync(accepted);
            if (placement == Placement.Attempt)
            {
                underWay = true;
                _usage.Count(accepted.Day, draft.Segments);
                SendOff(attempt, draft.To, draft.Body + draft.Footer, sender, Validity(go.OpenUntil, attempt), draft.CustomerId, flight);
            }

            return reply;
        }
        catch (StoreUnavailableException e) when (!e.IsUnwritten)
        {
            courier.Withdraw(attempt, flight);
            throw;
        }
        finally
        {
            if (!underWay)
            {
                slots.ReturnCall();
                slots.Return();
                LeaveLane(draft.CustomerId);
            }
        }
    }

    private async Task<SendReply> StoreAsync(AcceptedMessage draft, Instant now, DecisionRecord decision, Instant? scheduledFor, string? reason)
    {
        var (reply, _) = await WriteAsync(Complete(draft, now, decision) with { ScheduledFor = scheduledFor, Reason = reason });
        return reply;
    }

    private AcceptedMessage Complete(AcceptedMessage draft, Instant now, DecisionRecord decision) => draft with
    {
        AcceptedAt = now,
        Decision = decision,
        Day = BusinessCalendar.Day(now, Zone),
        Month = BusinessCalendar.Month(now, Zone),
    };

    private async Task<(SendReply Reply, Placement Placement)> WriteAsync(AcceptedMessage message)
    {
        // Counted before the commit, so that simultaneous sends cannot pass the limit together.
        _usage.MessagesThisMonth++;
        var stored = false;
        try
        {
            var accepted = await messages.AcceptAsync(message);
            if (accepted.Placement == Placement.OverLimit)
            {
                _usage.Forget();
                return (Refuse(RefusalOf(SendPolicy.MonthIsFull(_settings.MonthlyMessageLimit), message.AcceptedAt)), accepted.Placement);
            }

            stored = accepted.Placement != Placement.Duplicate;
            if (stored)
                return (new SendReply { Message = MessageViews.Of(message with { CustomerId = accepted.CustomerId }, accepted.Placement) }, accepted.Placement);
            if (accepted.RequestHash is not null && !string.Equals(accepted.RequestHash, message.RequestHash, StringComparison.Ordinal))
                return (Refuse(new Refusal("idempotency_key_reused", "This idempotency key was used with another request.")), accepted.Placement);
            var first = await messages.GetAsync(Id, accepted.MessageId);
            return (new SendReply { Message = first, Replayed = accepted.MessageId != message.Id }, accepted.Placement);
        }
        finally
        {
            if (!stored)
                _usage.MessagesThisMonth--;
        }
    }

    /// <summary>
    /// The slot of the slower of the business's and the sender's pace. A one-time password takes one, so that all others
    /// keep to the pace, and does not wait for it.
    /// </summary>
    private async Task<Instant> ReservePaceAsync(Sender sender, Instant now, int segments, Category category)
    {
        var slot = now;
        if (_settings.SegmentsPerSecond is { } pace)
        {
            if (_mayHaveFreeSlots && _placing == 1 && now - _freedSlotsAt >= FreeSlotsEvery)
                _freeingSlots = FreeSlotsAsync(now, pace);
            await _freeingSlots;
            slot = _pace.Reserve(now, segments, pace);
        }

        if (senderOptions.Value.SegmentsPerSecond is not null)
        {
            var from = category == Category.Otp ? now : slot;
            slot = Instant.FromDateTimeOffset(await GrainFactory.GetGrain<ISenderGrain>(sender.Key).ReserveAsync(from.ToDateTimeOffset(), segments));
        }

        return category == Category.Otp ? now : slot;
    }

    /// <summary>
    /// Cancelled messages leave their slots to others. Asked for while no slot is dealt that is not stored, and those who
    /// want one meanwhile wait.
    /// </summary>
    private async Task FreeSlotsAsync(Instant now, double pace)
    {
        _freedSlotsAt = now;
        _mayHaveFreeSlots = false;
        try
        {
            _pace.DealAnew(now, await businesses.LastPaceSlotAsync(Id), pace);
        }
        catch (Exception e)
        {
            // Whatever it was: the slots stay as they were dealt, and nobody who waits for one fails.
            _mayHaveFreeSlots = true;
            LogSlotsNotFreed(logger, Id, e);
        }
    }

    private async Task LoadUsageAsync()
    {
        var now = clock.GetCurrentInstant();
        var day = BusinessCalendar.Day(now, Zone);
        if (_usage.IsCurrent(day))
            return;
        var month = BusinessCalendar.Month(now, Zone);
        var stored = await businesses.LoadUsageAsync(Id, day, month);
        if (!_usage.IsCurrent(day))
            _usage.Load(day, month, stored);
    }

    /// <summary>The present, and later than any acceptance before: it is the order among the messages to one recipient.</summary>
    private Instant AcceptanceInstant()
    {
        // The database keeps microseconds.
        var ticks = clock.GetCurrentInstant().ToUnixTimeTicks() / 10 * 10;
        var now = Instant.FromUnixTimeTicks(ticks);
        if (now <= _lastAcceptedAt)
            now = _lastAcceptedAt + Duration.FromTicks(10);
        return _lastAcceptedAt = now;
    }

    private static Instant? Optional(DateTimeOffset? at) => at is { } value ? Instant.FromDateTimeOffset(value) : null;

    /// <summary>What is left of the window when the request leaves at the last moment at which it may.</summary>
    private static Duration? Validity(Instant? openUntil, PreparedAttempt attempt) => openUntil is { } end ? end - attempt.Recorded.LeaveBy : null;

    private Refusal RefusalOf(Verdict.Refuse no, Instant now) => new(no.Code, no.Detail)
    {
        RetryAt = no.Code is "monthly_limit_reached" ? BusinessCalendar.NextMonth(now, Zone).ToDateTimeOffset() : null,
    };

    private static Refusal Overloaded { get; } = new(Refusal.Unavailable, "More sends wait for the database than it takes. Try again later.");

    private static SendReply Refuse(Refusal refusal) => new() { Refusal = refusal };

    [LoggerMessage(6, LogLevel.Warning, "Slots of cancelled messages of business {Business} are not free yet")]
    private static partial void LogSlotsNotFreed(ILogger logger, Guid business, Exception e);
}
