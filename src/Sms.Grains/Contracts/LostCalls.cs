using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Sms.Ports;

namespace Sms.Contracts;

/// <summary>Calls whose answer was lost with a silo, a connection or the database.</summary>
internal static class LostCalls
{
    /// <summary>
    /// The call may or may not have been carried out. It is no fault of what was called for: it is made again, under the
    /// same ids.
    /// </summary>
    public static bool IsLost(Exception e) => e is TimeoutException or OrleansMessageRejectionException or SiloUnavailableException
        or ConnectionFailedException or GatewayTooBusyException or StoreUnavailableException or LimitExceededException;
}
