using Microsoft.Extensions.Logging;
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

    /// <summary>
    /// The database or another silo is away, which is said in one place for all calls: see <see cref="Dispatch.Outage"/>. A
    /// locked row, or a read that takes too long, is not an outage.
    /// </summary>
    public static bool IsOutage(Exception e) => IsLost(e) && e is not StoreUnavailableException { IsUnwritten: true } and not StoreUnavailableException { MayConcernOne: true };

    extension(Exception e)
    {
        /// <summary>The level of a line about one thing that the exception kept from being done.</summary>
        public LogLevel LineLevel => IsOutage(e) ? LogLevel.Debug : LogLevel.Warning;
    }
}
