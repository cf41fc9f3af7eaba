using NodaTime;
using Orleans.Concurrency;
using Sms.Contracts;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms;

/// <summary>
/// A business's customers, consent, suppressions, keys and figures, on whichever silo is asked. None of it needs the order
/// of the business's sends: the database keeps its writes in order, and who decides about a send looks there.
/// </summary>
[StatelessWorker, Reentrant, GrainType("sms.records")]
internal sealed class RecordsGrain(
    IMessageStore messages, IBusinessStore businesses, IRecordStore records, IMessageProvider provider, IClock clock, TimeProvider time)
    : Grain, IRecordsGrain
{
    /// <summary>Messages in one part of an export, and those read at once.</summary>
    private const int MostExported = 2000, ExportPage = 200;

    private BusinessInForce? _inForce;

    private Guid Id => this.GetPrimaryKey();

    public async Task<bool> ExistsAsync()
    {
        _inForce ??= new BusinessInForce(() => businesses.LoadAsync(Id), time, _ => { });
        await _inForce.FreshenAsync();
        // One that was not there may have been made this moment.
        if (!_inForce.IsThere)
            await _inForce.ReloadAsync();
        return _inForce.IsThere;
    }

    public async Task<PhoneReply> ReadPhoneAsync(string written)
    {
        if (await LoadAsync() is not { } business)
            return new PhoneReply(null, Refusals.NoBusiness);
        return PhoneNumber.TryParse(written, business.Settings.Region, out var phone)
            ? new PhoneReply(phone.E164, null)
            : new PhoneReply(null, Refusals.InvalidPhone);
    }

    public async Task<CustomerReply> AddCustomerAsync(CreateCustomer command)
    {
        if (await LoadAsync() is not { } business)
            return Refused(Refusals.NoBusiness);
        if (!PhoneNumber.TryParse(command.Phone, business.Settings.Region, out var phone))
            return Refused(Refusals.InvalidPhone);
        if (FindFault(command.Timezone, command.State) is { } fault)
            return Refused(fault);
        if (command.PostalCode is { } code && PostalCode.Fault(code, phone) is { } wrong)
            return Refused(Refusals.Invalid("postalCode", wrong));

        var (customer, created) = await businesses.AddCustomerAsync(Id, command, phone.E164, clock.GetCurrentInstant());
        return new CustomerReply(customer, created, Refusal: null);
    }

    public async Task<CustomerReply> ChangeCustomerAsync(ChangeCustomer command)
    {
        PhoneNumber? phone = null;
        if (command.Phone is not null)
        {
            if (await LoadAsync() is not { } business)
                return Refused(Refusals.NoBusiness);
            if (!PhoneNumber.TryParse(command.Phone, business.Settings.Region, out var parsed))
                return Refused(Refusals.InvalidPhone);
            phone = parsed;
        }

        if (FindFault(command.Timezone, command.State) is { } fault)
            return Refused(fault);
        if (command.PostalCode is { } code && PostalCode.Fault(code, phone ?? await NumberOfAsync(command.Id)) is { } wrong)
            return Refused(Refusals.Invalid("postalCode", wrong));
        var (customer, conflict) = await records.ChangeCustomerAsync(Id, command, phone?.E164, clock.GetCurrentInstant());
        if (conflict)
            return Refused(new Refusal("phone_in_use", "Another customer of the business has this number."));
        return customer is null ? Refused(Refusals.NoBusiness) : new CustomerReply(customer, Created: false, Refusal: null);
    }

    public async Task<ConsentEntry?> RecordConsentAsync(ConsentEntry entry)
    {
        // Consent is for a number: one that others wrote and nobody has read yet is read here.
        var unread = await records.FindUnreadPhoneAsync(Id, entry.CustomerId);
        var read = unread is not null && PhoneNumber.TryParse(unread, (await LoadAsync())?.Settings.Region ?? "", out var phone) ? phone.E164 : null;
        return await records.RecordConsentAsync(Id, entry with { RecordedAt = clock.GetCurrentInstant().ToDateTimeOffset(), Phone = read });
    }

    public Task<bool> EraseCustomerAsync(Guid customerId, string actor) =>
        records.EraseCustomerAsync(Id, customerId, actor, clock.GetCurrentInstant());

    public async Task<CustomerExport?> ExportCustomerAsync(Guid customerId, PageRequest page)
    {
        if (await records.GetConsentAsync(Id, customerId, PageRequest.First) is not { } consent)
            return null;
        var customer = await businesses.GetCustomerAsync(Id, customerId);
        var phones = await records.FindConsentPhonesAsync(Id, customerId);
        if (customer?.Phone is { } phone)
            phones = [.. phones.Union([phone], StringComparer.Ordinal)];

        var found = new List<MessageView>();
        var next = new MessagePage([], NextCursor: null);
        var query = new MessageQuery { CustomerId = customerId, Limit = ExportPage, BeforeCreatedAt = page.BeforeCreatedAt, BeforeId = page.BeforeId };
        do
        {
            next = await messages.ListAsync(Id, query, clock.GetCurrentInstant());
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
            Consent = consent.Data,
            NextConsentCursor = consent.NextCursor,
            OptOuts = await records.FindOptOutsAsync(Id, SenderOf(await LoadAsync()), phones),
            Messages = [.. found],
            Events = [.. found.Select(m => events[m.Id].ToArray())],
            NextCursor = next.NextCursor,
        };
    }

    public async Task<Refusal?> AddOptOutAsync(string phone, string? reason, string actor)
    {
        if (await LoadAsync() is not { } business)
            return Refusals.NoBusiness;
        if (!PhoneNumber.TryParse(phone, business.Settings.Region, out var number))
            return Refusals.InvalidPhone;
        await records.AddOptOutAsync(Id, number.E164, reason, actor, clock.GetCurrentInstant());
        return null;
    }

    public async Task<Refusal?> RemoveSuppressionAsync(string phone, string kind)
    {
        if (await LoadAsync() is not { } business)
            return Refusals.NoBusiness;
        // A number that cannot exist may have been heard from all the same.
        if (!PhoneNumber.TryParse(phone, business.Settings.Region, out var number) && !PhoneNumber.TryRead(phone, out number))
            return Refusals.InvalidPhone;
        return await records.RemoveSuppressionAsync(Id, number.E164, SenderOf(business), kind) ? null : Refusals.NoBusiness;
    }

    public async Task<SuppressionPage?> ListSuppressionsAsync(string? kind, PageRequest page) =>
        await LoadAsync() is { } business ? await records.ListSuppressionsAsync(Id, SenderOf(business), kind, page) : null;

    public async Task<OptOutPage?> ListOptOutsAsync(PageRequest page) =>
        await LoadAsync() is { } business ? await records.ListOptOutsAsync(Id, SenderOf(business), page) : null;

    public async Task<Refusal?> AddKeyAsync(Guid id, byte[] hash, string hint, DateTimeOffset createdAt)
    {
        if (await LoadAsync() is null)
            return Refusals.NoBusiness;
        return await records.AddKeyAsync(Id, id, hash, hint, Instant.FromDateTimeOffset(createdAt)) ? null : Refusals.TooManyKeys;
    }

    public async Task<BusinessStats?> GetStatsAsync()
    {
        if (await LoadAsync() is not { } business)
            return null;
        var now = clock.GetCurrentInstant();
        return await records.GetStatsAsync(Id, BusinessCalendar.Day(now, business.Zone), BusinessCalendar.Month(now, business.Zone), now);
    }

    /// <summary>As it is now: what a client has just changed counts, whichever silo it changed it through.</summary>
    private async Task<KnownBusiness?> LoadAsync() => await businesses.LoadAsync(Id) is { } stored ? KnownBusiness.Of(stored) : null;

    private string? SenderOf(KnownBusiness? business) => (business is null ? provider.DefaultSender : business.SenderOr(provider.DefaultSender))?.Key;

    /// <summary>The number in use; null: none is known, or there is no such customer.</summary>
    private async Task<PhoneNumber?> NumberOfAsync(Guid customerId) =>
        (await businesses.GetCustomerAsync(Id, customerId))?.Phone is { } e164 ? PhoneNumber.FromE164(e164) : null;

    private static Refusal? FindFault(string? timezone, string? state)
    {
        if (timezone is not null && RecipientPlace.AllZones.GetZoneOrNull(timezone) is null)
            return Refusals.InvalidTimezone(timezone);
        return state is not null && RuleBook.Current.State(state) is null ? Refusals.InvalidState : null;
    }

    private static CustomerReply Refused(Refusal refusal) => new(null, Created: false, refusal);
}
