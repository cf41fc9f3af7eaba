using NodaTime;
using Sms.Contracts;
using Sms.Domain.Sending;

namespace Sms.Ports;

/// <summary>Businesses, their keys and their customers.</summary>
public interface IBusinessStore
{
    /// <summary>The business with its usage in the periods given, or null.</summary>
    Task<StoredBusiness?> LoadAsync(Guid businessId);

    /// <summary>Stores a business and its first key. False: the id exists already, nothing was written.</summary>
    Task<bool> CreateAsync(StoredBusiness business, CreateBusiness command, Instant at);

    Task UpdateAsync(StoredBusiness business, Instant at);

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
/// <param name="Settings">A JSON object.</param>
public sealed record StoredBusiness(Guid Id, string Name, string? Timezone, string Settings);
