using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Sms.Ports;

namespace Sms.Api;

/// <summary>
/// Calls into the cluster that may be repeated: a call that died with its silo is made again, under the same ids,
/// until the business's grain lives elsewhere.
/// </summary>
internal static class ClusterCalls
{
    /// <summary>Beyond the seconds that a silo's death takes to be noticed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    public static async Task<T> RepeatAsync<T>(this HttpContext http, Func<Task<T>> call)
    {
        var time = http.RequestServices.GetRequiredService<TimeProvider>();
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (IsLost(e) && time.GetElapsedTime(started) < Patience && !http.RequestAborted.IsCancellationRequested)
            {
                using var timer = new PeriodicTimer(Pause, time);
                await timer.WaitForNextTickAsync(http.RequestAborted);
            }
        }
    }

    /// <summary>The call may or may not have been carried out.</summary>
    public static bool IsLost(Exception e) => e is TimeoutException or OrleansMessageRejectionException or SiloUnavailableException
        or ConnectionFailedException or GatewayTooBusyException or StoreUnavailableException or LimitExceededException;
}
