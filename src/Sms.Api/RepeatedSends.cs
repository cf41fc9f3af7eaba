using Sms.Contracts;
using Sms.Ports;

namespace Sms.Api;

/// <summary>What is answered to a client of whose send several calls into the cluster were made, all under one message id.</summary>
internal static class RepeatedSends
{
    /// <summary>The answer of all of them: a refusal of the last counts only when none before it, whose answer was lost, stored the message.</summary>
    /// <param name="last">The last call's answer.</param>
    /// <param name="isRepeated">Whether calls were made before it.</param>
    /// <param name="look">Reads the message of this id; null: there is none.</param>
    /// <exception cref="StoreUnavailableException">The last one found no room, which says nothing of those before it: to be called again.</exception>
    public static async Task<SendReply> OfAllAsync(SendReply last, bool isRepeated, Func<Task<MessageView?>> look)
    {
        if (last is { Message: null, Refusal: null })
            return last with { Refusal = new Refusal("message_deleted", "The message that this idempotency key made was deleted with its customer.") };
        if (!isRepeated || last.Refusal is not { } refusal)
            return last;
        if (refusal.Code is Refusal.Unavailable)
            throw new StoreUnavailableException(refusal.Detail);
        return await look() is { } stored ? new SendReply { Message = stored } : last;
    }
}
