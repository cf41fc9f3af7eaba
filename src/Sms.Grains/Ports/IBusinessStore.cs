using NodaTime;
using Sms.Contracts;
using Sms.Domain.Sending;

namespace Sms.Ports;

/// <summary>Businesses, their keys and their customers.</summary>
public interface IBusinessStore
{
    /// <summary>The business, or null.</summary>
    Task<StoredBusiness?> LoadAsync(Guid businessId);

    /// <summary>Stores a business and its first key. False: the id exists already, nothing was written.</summary>
    Task<bool> CreateAsync(StoredBusiness business, CreateBusiness command, Instant at);

    /// <summary>
    /// Writes what is given, and nothing else, if the business has still the version that the change was made for; returns it
    /// as it is stored then. Null: somebody else has changed it since, or it is not there, and nothing was written.
    /// </summary>
    Task<StoredBusiness?> ChangeAsync(BusinessChange change, Instant at);

    /// <summary>Segments handed over on that day and messages accepted in that month.</summary>
    Task<(int SegmentsOfDay, int MessagesOfMonth)> LoadUsageAsync(Guid businessId, LocalDate day, LocalDate month);

    /// <summary>The last slot dealt to a message that waits for the business's pace; null: none waits.</summary>
    Task<PaceSlot?> LastPaceSlotAsync(Guid businessId);

    /// <summary>Stores a customer, or returns the one with the same number, whose consent it may only strengthen.</summary>
    /// <param name="businessId">Whose customer.</param>
    /// <param name="command">What the client said.</param>
    /// <param name="phone">E.164.</param>
    /// <param name="at">The present.</param>
    Task<(CustomerView Customer, bool Created)> AddCustomerAsync(Guid businessId, CreateCustomer command, string phone, Instant at);

    Task<CustomerView?> GetCustomerAsync(Guid businessId, Guid customerId);

    /// <summary>Whose live key has this SHA-256; null: nobody's.</summary>
    Task<KeyOwner?> FindKeyAsync(byte[] keyHash);

    /// <summary>Null when the database and its schema are usable, else what is not.</summary>
    Task<string?> CheckAsync();
}

/// <param name="Id">Its id.</param>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Timezone">tz id; null: the default.</param>
/// <param name="Settings">A JSON object; null: it is longer than 64 KB, so others wrote it, and it is not read.</param>
public sealed record StoredBusiness(Guid Id, string Name, string? Timezone, string? Settings)
{
    /// <summary>Grows with each change of the other members, whoever makes it.</summary>
    public long Version { get; init; }
}

/// <summary>What is to be changed of a business; null members stay.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Version">The version that it is known in.</param>
/// <param name="Actor">Who changes it: a key by its id, or admin.</param>
public sealed record BusinessChange(Guid Id, long Version, string Actor)
{
    /// <summary>1 to 200 characters.</summary>
    public string? Name { get; init; }

    /// <summary>tz id.</summary>
    public string? Timezone { get; init; }

    /// <summary>A JSON object that is laid over the settings.</summary>
    public string? Settings { get; init; }

    public bool IsEmpty => Name is null && Timezone is null && Settings is null;
}
