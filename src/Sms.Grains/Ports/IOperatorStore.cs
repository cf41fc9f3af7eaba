using NodaTime;
using Sms.Contracts;

namespace Sms.Ports;

/// <summary>What is whose, for an operator who does not know.</summary>
public interface IOperatorStore
{
    /// <summary>The message with this id, or this SID of the provider's; null: there is none.</summary>
    Task<MessageView?> FindMessageAsync(Guid? id, string? sid, Instant now);

    /// <summary>The messages to a number (E.164), whichever business's, newest first.</summary>
    Task<MessagePage> FindMessagesToAsync(string phone, PageRequest page, Instant now);

    /// <summary>The businesses, in the order of their ids, the last first; with a query those whose name has it, in whatever case, or whose id it is.</summary>
    Task<(IReadOnlyList<StoredBusiness> Businesses, string? NextCursor)> ListBusinessesAsync(string? query, PageRequest page);
}
