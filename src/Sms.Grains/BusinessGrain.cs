using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Replies;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms;

/// <summary>
/// One business. Decisions are taken within a turn, so they follow each other; calls interleave only while they
/// wait for a commit or the provider.
/// </summary>
/// <remarks>
/// Invariants across interleaving calls: a recipient's lane has one holder; the usage counters include what is being
/// accepted; the instants of acceptance strictly increase; an idempotency key, and a message's id, is worked on by one call
/// at a time; what is decided by the business's settings is decided by those of the last second.
/// What a second activation could break for a moment (order, double claims) the database refuses: see the functions
/// accept_messages and begin_attempts.
/// </remarks>
[GrainType("sms.business")]
internal sealed partial class BusinessGrain(
    IMessageStore messages,
    IBusinessStore businesses,
    IRecordStore records,
    IMessageProvider provider,
    DispatchPermits permits,
    ProviderBreaker breaker,
    LeaseKeeper leases,
    ClockCheck clockCheck,
    Courier courier,
    RuleWatch rules,
    OptOutWatch optOuts,
    UnreadableBusinesses unreadable,
    IClock clock,
    TimeProvider time,
    IOptions<SenderOptions> senderOptions,
    IOptions<RetryOptions> retry,
    ILogger<BusinessGrain> logger) : Grain, IBusinessGrain
{
    /// <summary>How often a change is laid over what somebody else has written meanwhile, before its client is asked to come again.</summary>
    private const int MostChanges = 5;

    /// <summary>How often a plan that nobody waits for is tried.</summary>
    private static readonly TimeSpan FinishEvery = TimeSpan.FromSeconds(2);

    private readonly Usage _usage = new();
    private readonly CallsInWork<SendName> _callsInWork = new();
    private BusinessInForce _inForce = null!;

    // As they were read last; what is no setting there has its default, and nothing is sent.
    private BusinessSettings _settings = BusinessSettings.Default;
    private PaceBook _pace = null!;
    private AttemptGate _gate = null!;
    private Dispatcher _dispatcher = null!;
    private Task _changing = Task.CompletedTask;
    private int _changes;

    // Whether what waits was decided again after the last change of what it is decided by.
    private bool _isPlanned = true;

    // Whether this activation has planned what waits. The one before it may have died between a change and its plan: the
    // first client to repeat the change has it finished.
    private bool _hasPlanned;
    private long? _finishedAt;

    // Whether what waits for a slot of the pace must be dealt another.
    private bool _slotsAreVoid;

    private Guid Id => this.GetPrimaryKey();

    private string Zone => _inForce.Business?.Zone ?? BusinessCalendar.DefaultZone;

    /// <summary>Of the settings that are decided by.</summary>
    private long Version => _inForce.Business?.Stored.Version ?? 0;

    /// <summary>Why the business sends nothing, whatever it is; null: nothing stands against it.</summary>
    private Refusal? Bar => _inForce.Business?.BarredBy(provider.DefaultSender);

    private Sender? EffectiveSender => _inForce.Business is { } business ? business.SenderOr(provider.DefaultSender) : provider.DefaultSender;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _inForce = new BusinessInForce(() => businesses.LoadAsync(Id), time, Follow);
        _pace = new PaceBook(
            Id, () => businesses.LastPaceSlotAsync(Id),
            senderOptions.Value.SegmentsPerSecond is null ? null : s => GrainFactory.GetGrain<ISenderGrain>(s), clock, logger);
        _gate = new AttemptGate(provider, breaker, () => optOuts.CanBeWritten, _pace);
        _dispatcher = new Dispatcher(this, messages, new RecipientQueues(), permits, _gate, _pace, breaker, leases, clockCheck, courier, retry.Value, clock, logger);
        await rules.Loaded.WaitAsync(cancellationToken);
        await _inForce.ReloadAsync();
        if (_inForce.IsThere && await businesses.LastPaceSlotAsync(Id) is { } slot && _settings.SegmentsPerSecond is { } pace)
            _pace.Resume(slot, pace);
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        unreadable.Note(Id, fault: null);
        return Task.CompletedTask;
    }

    public async Task<BusinessReply> CreateAsync(CreateBusiness command)
    {
        await _inForce.FreshenAsync();
        if (!_inForce.IsThere)
        {
            var blank = KnownBusiness.Of(new StoredBusiness(Id, "", BusinessCalendar.DefaultZone, "{}"));
            if (BusinessEdit.Read(blank, new ChangeBusiness(command.Name, command.Timezone, command.Settings, ByAdmin: true, "admin"), provider.DefaultSender, out var edit) is { } refusal)
                return new BusinessReply(null, refusal);
            var made = new StoredBusiness(Id, command.Name, edit.After.Zone, BusinessSettingsJson.Write(edit.After.Own));
            await businesses.CreateAsync(made, command, clock.GetCurrentInstant());
            await _inForce.ReloadAsync();
        }

        return View();
    }

    public async Task<BusinessReply> GetAsync()
    {
        await ReloadAsync();
        return View();
    }

    public Task<BusinessReply> ChangeAsync(ChangeBusiness command)
    {
        // One after the other: each is merged into what the one before it made.
        var change = ChangeAfterAsync(_changing, ++_changes, command);
        _changing = change;
        return change;
    }

    private async Task<BusinessReply> ChangeAfterAsync(Task before, int number, ChangeBusiness command)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
        var reply = await StoreChangeAsync(command);
        if (_inForce.IsThere && !_isPlanned)
            await PlanAsync(number);
        return reply;
    }

    private async Task<BusinessReply> StoreChangeAsync(ChangeBusiness command)
    {
        // What is no change to what is known may be one to what somebody has just written.
        await _inForce.ReloadAsync();
        for (var tries = 1; _inForce is { IsThere: true, Business: { } current }; tries++)
        {
            if (BusinessEdit.Read(current, command, provider.DefaultSender, out var edit) is { } refusal)
                return new BusinessReply(null, refusal);
            if (!edit.After.PlansLike(current) || edit.NamesPlan && !_hasPlanned)
                _isPlanned = false;
            if (edit.Change.IsEmpty || await WriteAsync(edit.Change))
                break;
            if (tries == MostChanges)
                throw new StoreUnavailableException("The business is being changed by others over and over.");
            await _inForce.ReloadAsync();
        }

        return View();
    }

    /// <summary>False: somebody else has changed it, and nothing was written.</summary>
    private async Task<bool> WriteAsync(BusinessChange change)
    {
        try
        {
            if (await businesses.ChangeAsync(change, clock.GetCurrentInstant()) is not { } stored)
                return false;
            _inForce.Wrote(stored);
            return true;
        }
        catch (StoreUnavailableException)
        {
            // It may be stored all the same, and there is one truth: whatever is asked or sent next looks first.
            _inForce.Doubt();
            throw;
        }
    }

    /// <summary>What waits is planned by the last of several changes: of two plans at once one would undo the other.</summary>
    private async Task PlanAsync(int number)
    {
        bool IsOutdated() => _changes != number;
        await messages.ReplanAsync(Id, _settings.Paused, _slotsAreVoid, clock.GetCurrentInstant(), IsOutdated);
        _isPlanned = !IsOutdated();
        _hasPlanned |= _isPlanned;
        _slotsAreVoid &= !_isPlanned || _settings.Paused;
    }

    /// <summary>Reads the business now. Without an answer of the database nothing may be decided.</summary>
    private async Task ReloadAsync()
    {
        await _inForce.ReloadAsync();
        FinishPlan();
    }

    /// <summary>Reads the business unless that was done within the second: before anything is decided by it.</summary>
    private async Task FreshenAsync()
    {
        await _inForce.FreshenAsync();
        FinishPlan();
    }

    /// <summary>What somebody else changed, or a change that was cut off left: nobody waits for its plan.</summary>
    private void FinishPlan()
    {
        if (_isPlanned || !_inForce.IsThere || !_changing.IsCompleted || _finishedAt is { } last && time.GetElapsedTime(last) < FinishEvery)
            return;
        _finishedAt = time.GetTimestamp();
        _changing = FinishAsync(++_changes);

        async Task FinishAsync(int number)
        {
            try
            {
                await PlanAsync(number);
            }
            catch (Exception e)
            {
                // Each row is decided again at its turn, and the plan is tried again.
                LogNotPlanned(logger, e.LineLevel, Id, e);
            }
        }
    }

    /// <summary>Something else is known of the business than before.</summary>
    private void Follow(KnownBusiness? before)
    {
        var now = _inForce.Business!;
        _settings = now.Settings;
        unreadable.Note(Id, now.Fault);
        if (now.Fault is { } fault)
            LogUnreadable(logger, Id, fault);
        if (before is null)
            return;
        _isPlanned &= now.PlansLike(before);
        if (now.DealsLike(before))
            return;
        _slotsAreVoid = true;
        if (now.Settings.SegmentsPerSecond is { } pace)
            _pace.DealAnew(pace);
    }

    public async Task<Refusal?> AnswerHelpAsync(Guid messageId, Guid customerId, string language)
    {
        await FreshenAsync();
        if (_inForce is not { IsThere: true, Business: { } business })
            return Refusals.NoBusiness;
        var reply = await SendAsync(new SendCommand
        {
            MessageId = messageId,
            CustomerId = customerId,
            Body = HelpAnswer.Text(_settings.HelpText, business.Stored.Name, language, _settings.BodyLimit),
            Category = Category.Transactional.ToWire(),
            IsAnswer = true,
        });
        return reply.Refusal;
    }

    public Task<RetryOutcome> RetryAsync(Guid messageId) => records.RetryMessageAsync(Id, messageId, clock.GetCurrentInstant());

    public async Task<CancelOutcome> CancelAsync(Guid messageId)
    {
        var (outcome, slot) = await messages.CancelAsync(Id, messageId, clock.GetCurrentInstant());
        if (slot is not null)
            await _pace.GiveBackAsync(EffectiveSender, slot);
        return outcome;
    }

    private BusinessReply View() => new(_inForce.IsThere ? _inForce.Business?.View(provider.DefaultSender) : null, null);

    [LoggerMessage(7, LogLevel.Warning, "Nothing is sent for business {Business}, whose settings were not written by this program and cannot be read: {Fault}")]
    private static partial void LogUnreadable(ILogger logger, Guid business, string fault);

    [LoggerMessage(EventId = 8, Message = "What waits for business {Business} is not planned by its present settings yet")]
    private static partial void LogNotPlanned(ILogger logger, LogLevel level, Guid business, Exception e);
}
