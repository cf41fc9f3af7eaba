using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Replies;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms;

/// <summary>
/// One business. Decisions are taken within a turn, so they follow each other; calls interleave only while they
/// wait for a commit or the provider.
/// </summary>
/// <remarks>
/// Invariants across interleaving calls: a recipient's lane has one holder; the usage counters include what is being
/// accepted; the instants of acceptance strictly increase; an idempotency key is worked on by one call at a time.
/// What a second activation could break for a moment (order, double claims) the database refuses: see the functions
/// accept_messages and begin_attempts.
/// </remarks>
[GrainType("sms.business")]
internal sealed partial class BusinessGrain(
    IMessageStore messages,
    IBusinessStore businesses,
    IRecordStore records,
    IMessageProvider provider,
    DispatchSlots slots,
    ProviderBreaker breaker,
    LeaseKeeper leases,
    Courier courier,
    RuleWatch rules,
    OptOutWatch optOuts,
    IClock clock,
    IOptions<SenderOptions> senderOptions,
    IOptions<RetryOptions> retry,
    ILogger<BusinessGrain> logger) : Grain, IBusinessGrain
{
    /// <summary>Messages in one part of an export, and those read at once.</summary>
    private const int MostExported = 2000, ExportPage = 200;

    private readonly RecipientLanes _lanes = new();
    private readonly Pace _pace = new();
    private readonly Usage _usage = new();
    private readonly Dictionary<string, Task> _keysInWork = new(StringComparer.Ordinal);
    private StoredBusiness? _business;
    private BusinessSettings _settings = BusinessSettings.Default;
    private Instant _lastAcceptedAt = Instant.MinValue;
    private Exception? _unreadable;
    private Instant _nextProbe = Instant.MinValue;
    private Task _holding = Task.CompletedTask;
    private Task _changing = Task.CompletedTask;
    private int _changes;

    // Whether what waits was decided again after the last change of what it is decided by.
    private bool _isPlanned = true;

    // Whether what waits for a slot of the pace must be dealt another.
    private bool _slotsAreVoid;

    // Whether a message was cancelled that may have had a slot of the pace.
    private bool _mayHaveFreeSlots;
    private Instant _freedSlotsAt = Instant.MinValue;
    private Task _freeingSlots = Task.CompletedTask;

    // Messages that ask for a slot of the pace and have not stored it yet.
    private int _placing;

    // An activation before this one may have held some.
    private bool _mayHoldRows = true;

    private Guid Id => this.GetPrimaryKey();

    private string Zone => _business!.Timezone ?? BusinessCalendar.DefaultZone;

    private Sender? EffectiveSender =>
        _settings.SenderFrom is not null || _settings.SenderMessagingServiceSid is not null
            ? new Sender(_settings.SenderFrom, _settings.SenderMessagingServiceSid)
            : provider.DefaultSender;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await rules.Loaded.WaitAsync(cancellationToken);
        await LoadAsync();
    }

    public async Task<BusinessReply> CreateAsync(CreateBusiness command)
    {
        if (_business is null)
        {
            if (Check(command.Name, command.Timezone, command.Settings, byAdmin: true, BusinessSettings.Default, out var settings) is { } refusal)
                return new BusinessReply(null, refusal);
            await businesses.CreateAsync(
                new StoredBusiness(Id, command.Name, command.Timezone ?? BusinessCalendar.DefaultZone, BusinessSettingsJson.Write(settings)),
                command, clock.GetCurrentInstant());
            await LoadAsync();
        }

        return new BusinessReply(View(), null);
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
        if (_business is null || _isPlanned)
            return reply;

        // What waits is planned by the last of several changes: of two plans at once one would undo the other.
        bool IsOutdated() => _changes != number;
        await messages.ReplanAsync(Id, _settings.Paused, _slotsAreVoid, clock.GetCurrentInstant(), IsOutdated);
        _isPlanned = !IsOutdated();
        _slotsAreVoid &= !_isPlanned || _settings.Paused;
        return reply;
    }

    private async Task<BusinessReply> StoreChangeAsync(ChangeBusiness command)
    {
        if (_business is null)
            return new BusinessReply(null, null);
        if (Check(command.Name, command.Timezone, command.Settings, command.ByAdmin, _settings, out var settings) is { } refusal)
            return new BusinessReply(null, refusal);

        var changed = _business with
        {
            Name = command.Name ?? _business.Name,
            Timezone = command.Timezone ?? _business.Timezone,
            Settings = BusinessSettingsJson.Write(settings),
        };
        // Also when nothing is different: this may be the repetition of a change that was cut off.
        if (command.Timezone is not null || command.Settings is not null)
            _isPlanned = false;
        await businesses.UpdateAsync(changed, clock.GetCurrentInstant());
        _unreadable = null;
        if (!string.Equals(changed.Timezone, _business.Timezone, StringComparison.Ordinal)
            || settings.SegmentsPerSecond != _settings.SegmentsPerSecond || settings.DailySegmentLimit != _settings.DailySegmentLimit)
        {
            _slotsAreVoid = true;
            if (settings.SegmentsPerSecond is { } pace)
                _pace.DealAnew(clock.GetCurrentInstant(), last: null, pace);
        }

        (_business, _settings) = (changed, settings);
        return new BusinessReply(View(), null);
    }

    public Task<BusinessReply> GetAsync() => Task.FromResult(new BusinessReply(_business is null ? null : View(), null));

    public async Task<CustomerReply> AddCustomerAsync(CreateCustomer command)
    {
        if (_business is null)
            return new CustomerReply(null, Created: false, NoBusiness);
        if (!PhoneNumber.TryParse(command.Phone, _settings.Region, out var phone))
            return new CustomerReply(null, Created: false, InvalidPhone);
        if (command.Timezone is { } zone && RecipientPlace.AllZones.GetZoneOrNull(zone) is null)
            return new CustomerReply(null, Created: false, InvalidTimezone(zone));
        if (command.State is { } state && RuleBook.Current.State(state) is null)
            return new CustomerReply(null, Created: false, InvalidState);

        if (command.PostalCode is { } code && PostalCode.Fault(code, phone) is { } fault)
            return new CustomerReply(null, Created: false, Invalid("postalCode", fault));

        var (customer, created) = await businesses.AddCustomerAsync(Id, command, phone.E164, clock.GetCurrentInstant());
        return new CustomerReply(customer, created, Refusal: null);
    }

    public async Task<CustomerReply> ChangeCustomerAsync(ChangeCustomer command)
    {
        PhoneNumber? phone = null;
        if (command.Phone is not null)
        {
            if (!PhoneNumber.TryParse(command.Phone, _settings.Region, out var parsed))
                return new CustomerReply(null, Created: false, InvalidPhone);
            phone = parsed;
        }

        if (command.Timezone is { } zone && RecipientPlace.AllZones.GetZoneOrNull(zone) is null)
            return new CustomerReply(null, Created: false, InvalidTimezone(zone));
        if (command.State is { } state && RuleBook.Current.State(state) is null)
            return new CustomerReply(null, Created: false, InvalidState);
        if (command.PostalCode is { } code && PostalCode.Fault(code, phone ?? await NumberOfAsync(command.Id)) is { } fault)
            return new CustomerReply(null, Created: false, Invalid("postalCode", fault));
        var (customer, conflict) = await records.ChangeCustomerAsync(Id, command, phone?.E164, clock.GetCurrentInstant());
        return conflict
            ? new CustomerReply(null, Created: false, new Refusal("phone_in_use", "Another customer of the business has this number."))
            : new CustomerReply(customer, Created: false, customer is null ? NoBusiness : null);
    }

    /// <summary>The number in use; null: none is known, or there is no such customer.</summary>
    private async Task<PhoneNumber?> NumberOfAsync(Guid customerId) =>
        (await businesses.GetCustomerAsync(Id, customerId))?.Phone is { } e164 ? PhoneNumber.FromE164(e164) : null;

    public async Task<ConsentEntry?> RecordConsentAsync(ConsentEntry entry)
    {
        // Consent is for a number: one that others wrote and nobody has read yet is read here.
        var unread = await records.FindUnreadPhoneAsync(Id, entry.CustomerId);
        return await records.RecordConsentAsync(Id, entry with
        {
            RecordedAt = clock.GetCurrentInstant().ToDateTimeOffset(),
            Phone = unread is not null && PhoneNumber.TryParse(unread, _settings.Region, out var phone) ? phone.E164 : null,
        });
    }

    public Task<bool> EraseCustomerAsync(Guid customerId, string actor) =>
        records.EraseCustomerAsync(Id, customerId, actor, clock.GetCurrentInstant());

    public async Task<CustomerExport?> ExportCustomerAsync(Guid customerId, PageRequest page)
    {
        if (await records.GetConsentAsync(Id, customerId) is not { } consent)
            return null;
        var customer = await businesses.GetCustomerAsync(Id, customerId);
        var phones = consent.Select(e => e.Phone).Append(customer?.Phone).OfType<string>().Distinct(StringComparer.Ordinal).ToList();

        var found = new List<MessageView>();
        var next = new MessagePage([], NextCursor: null);
        var query = new MessageQuery { CustomerId = customerId, Limit = ExportPage, BeforeCreatedAt = page.BeforeCreatedAt, BeforeId = page.BeforeId };
        do
        {
            next = await messages.ListAsync(Id, query);
            found.AddRange(next.Data);
            if (next.Data.Length > 0)
                query = query with { BeforeCreatedAt = next.Data[^1].CreatedAt, BeforeId = next.Data[^1].Id };
        }
        while (next.NextCursor is not null && found.Count < MostExported);

        var events = await records.GetEventsAsync(Id, [.. found.Select(m => m.Id)]);
        return new CustomerExport
        {
            Customer = customer,
            Erasure = customer is null ? await records.GetErasureAsync(Id, customerId) : null,
            Consent = consent,
            OptOuts = await records.FindOptOutsAsync(Id, EffectiveSender?.Key, phones),
            Messages = [.. found],
            Events = [.. found.Select(m => events[m.Id].ToArray())],
            NextCursor = next.NextCursor,
        };
    }

    public async Task<Refusal?> AnswerHelpAsync(Guid messageId, Guid customerId, string language)
    {
        if (_business is null)
            return NoBusiness;
        var reply = await SendAsync(new SendCommand
        {
            MessageId = messageId,
            CustomerId = customerId,
            Body = HelpAnswer.Text(_settings.HelpText, _business.Name, language, _settings.BodyLimit),
            Category = Category.Transactional.ToWire(),
        });
        return reply.Refusal;
    }

    public async Task<Refusal?> AddOptOutAsync(string phone, string? reason, string actor)
    {
        if (_business is null)
            return NoBusiness;
        if (!PhoneNumber.TryParse(phone, _settings.Region, out var number))
            return InvalidPhone;
        await records.AddOptOutAsync(Id, number.E164, reason, actor, clock.GetCurrentInstant());
        return null;
    }

    public async Task<Refusal?> RemoveSuppressionAsync(string phone, string kind)
    {
        if (_business is null)
            return NoBusiness;
        // A number that cannot exist may have been heard from all the same.
        if (!PhoneNumber.TryParse(phone, _settings.Region, out var number) && !PhoneNumber.TryRead(phone, out number))
            return InvalidPhone;
        return await records.RemoveSuppressionAsync(Id, number.E164, EffectiveSender?.Key, kind) ? null : NoBusiness;
    }

    public async Task<SuppressionPage?> ListSuppressionsAsync(string? kind, PageRequest page) =>
        _business is null ? null : await records.ListSuppressionsAsync(Id, EffectiveSender?.Key, kind, page);

    public async Task<OptOutPage?> ListOptOutsAsync(PageRequest page) =>
        _business is null ? null : await records.ListOptOutsAsync(Id, EffectiveSender?.Key, page);

    public async Task<bool> AddKeyAsync(Guid id, byte[] hash, string hint, DateTimeOffset createdAt)
    {
        if (_business is null)
            return false;
        await records.AddKeyAsync(Id, id, hash, hint, Instant.FromDateTimeOffset(createdAt));
        return true;
    }

    public async Task<BusinessStats?> GetStatsAsync()
    {
        var now = clock.GetCurrentInstant();
        return _business is null ? null : await records.GetStatsAsync(Id, BusinessCalendar.Day(now, Zone), BusinessCalendar.Month(now, Zone), now);
    }

    public Task<RetryOutcome> RetryAsync(Guid messageId) => records.RetryMessageAsync(Id, messageId, clock.GetCurrentInstant());

    public async Task<CancelOutcome> CancelAsync(Guid messageId)
    {
        var outcome = await messages.CancelAsync(Id, messageId, clock.GetCurrentInstant());
        _mayHaveFreeSlots |= outcome == CancelOutcome.Cancelled;
        return outcome;
    }

    private async Task LoadAsync()
    {
        _business = await businesses.LoadAsync(Id);
        if (_business is null)
            return;
        try
        {
            _settings = BusinessSettingsJson.Parse(_business.Settings);
            _unreadable = null;
        }
        catch (Exception e)
        {
            // Somebody else wrote there. Nothing is sent by rules that are not the business's; who sets them anew is heard.
            _unreadable = e;
        }

        if (await businesses.LastPaceSlotAsync(Id) is { } slot && _settings.SegmentsPerSecond is { } pace)
            _pace.Resume(slot, pace);
    }

    /// <summary>Whatever sends goes by the business's own rules or not at all.</summary>
    private async Task RequireReadableAsync()
    {
        if (_business is null || _unreadable is not null)
            await LoadAsync();
        if (_business is null || _unreadable is not null)
            throw new InvalidOperationException($"The business's settings cannot be read: {_unreadable?.Message ?? "it is not there"}");
    }

    private BusinessView View() => new()
    {
        Id = Id,
        Name = _business!.Name,
        Timezone = Zone,
        Settings = BusinessSettingsJson.Write(_settings),
    };

    private static Refusal? Check(
        string? name, string? timezone, string? settings, bool byAdmin, BusinessSettings current, out BusinessSettings merged)
    {
        merged = current;
        if (name is not null && (string.IsNullOrWhiteSpace(name) || name.Length > 200))
            return Invalid("name", "must have 1 to 200 characters and not be blank");
        if (timezone is not null && RecipientPlace.AllZones.GetZoneOrNull(timezone) is null)
            return InvalidTimezone(timezone);
        if (settings is null)
            return null;

        using var patch = JsonDocument.Parse(settings);
        merged = BusinessSettingsJson.Merge(current, patch.RootElement, byAdmin, out var errors);
        return errors.Count == 0 ? null : new Refusal("validation_failed", "The settings are not valid.") { Errors = errors };
    }

    private static Refusal NoBusiness { get; } = new("not_found", "There is no such resource.");

    private static Refusal InvalidPhone { get; } = new("invalid_phone", "The phone number is not a possible number.");

    private static Refusal InvalidTimezone(string zone) =>
        new("invalid_timezone", $"'{zone}' is no time zone of the tz database.");

    private static Refusal InvalidState { get; } = Invalid("state", "must be the two letters of a state or territory of the US");

    private static Refusal Invalid(string member, string what) =>
        new("validation_failed", $"{member} {what}.") { Errors = new(StringComparer.Ordinal) { [member] = [what] } };

    /// <summary>
    /// What the business has used of its limits, as far as this activation knows: loaded once a day and counted along, so
    /// that most decisions need not ask. The database counts exactly, in the transaction that stores a message or begins
    /// an attempt, and says so when it finds more.
    /// </summary>
    private sealed class Usage
    {
        private LocalDate? _day;
        private LocalDate _month;

        public int SegmentsToday { get; private set; }

        public int MessagesThisMonth { get; set; }

        public bool IsCurrent(LocalDate day) => _day == day;

        /// <summary>The database counted otherwise: it is asked again.</summary>
        public void Forget() => _day = null;

        public void Count(LocalDate day, int segments)
        {
            if (_day == day)
                SegmentsToday += segments;
        }

        public void Load(LocalDate day, LocalDate month, (int Segments, int Messages) stored)
        {
            (_day, _month) = (day, month);
            (SegmentsToday, MessagesThisMonth) = stored;
        }
    }
}
