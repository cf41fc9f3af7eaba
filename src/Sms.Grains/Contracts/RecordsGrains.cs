namespace Sms.Contracts;

/// <summary>
/// A business's customers, consent, suppressions, keys and figures, on whichever silo is asked; nothing of it waits for the
/// business's sends. The key is the business's id. Every call may be repeated.
/// </summary>
[GrainInterfaceType("sms.records")]
public interface IRecordsGrain : IGrainWithGuidKey
{
    /// <summary>Whether there is such a business. One that was deleted may be there for another second.</summary>
    Task<bool> ExistsAsync();

    /// <summary>Reads a phone number as the business writes them.</summary>
    Task<PhoneReply> ReadPhoneAsync(string written);

    /// <summary>Makes a customer, or finds the one with the same number; consent is never weakened.</summary>
    Task<CustomerReply> AddCustomerAsync(CreateCustomer command);

    /// <summary>Changes a customer and plans anew what waits for it.</summary>
    Task<CustomerReply> ChangeCustomerAsync(ChangeCustomer command);

    /// <summary>Appends to the consent ledger; null: no such customer.</summary>
    Task<ConsentEntry?> RecordConsentAsync(ConsentEntry entry);

    /// <summary>Erases a customer's person and ends what waits for it; the evidence stays. False: no such customer.</summary>
    Task<bool> EraseCustomerAsync(Guid customerId, string actor);

    /// <summary>All that is known of a customer, with at most 2,000 messages and 200 entries of the ledger; null: no such customer.</summary>
    Task<CustomerExport?> ExportCustomerAsync(Guid customerId, PageRequest page);

    /// <summary>Puts a number on the suppression list and ends what waits for it; returns why not, or null.</summary>
    Task<Refusal?> AddOptOutAsync(string phone, string? reason, string actor);

    /// <summary>Ends a suppression of a number; returns why not, or null.</summary>
    /// <param name="phone">As the client wrote it.</param>
    /// <param name="kind">opt_out, unreachable or under_review.</param>
    Task<Refusal?> RemoveSuppressionAsync(string phone, string kind);

    /// <summary>The numbers to which texts are refused, those included who told one of the business's senders to stop; null: no such business.</summary>
    /// <param name="kind">opt_out, unreachable or under_review; null: all.</param>
    /// <param name="page">Its place and length.</param>
    Task<SuppressionPage?> ListSuppressionsAsync(string? kind, PageRequest page);

    /// <summary>The suppression list, those included who told one of the business's senders to stop.</summary>
    Task<OptOutPage?> ListOptOutsAsync(PageRequest page);

    /// <summary>Adds a key; returns why not, or null. A business has 20 live keys at most.</summary>
    Task<Refusal?> AddKeyAsync(Guid id, byte[] hash, string hint, DateTimeOffset createdAt);

    /// <summary>The business's figures; null: no such business.</summary>
    Task<BusinessStats?> GetStatsAsync();
}

/// <summary>A phone number, or why not.</summary>
/// <param name="E164">The number.</param>
/// <param name="Refusal">Set when there is none.</param>
[GenerateSerializer, Immutable, Alias("sms.phone-reply")]
public sealed record PhoneReply([property: Id(0)] string? E164, [property: Id(1)] Refusal? Refusal);
