using Sms.Contracts;
using Sms.Dispatch;
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

    public static Task<T> RepeatAsync<T>(this HttpContext http, Func<Task<T>> call) => http.RepeatAsync(_ => call());

    /// <param name="http">The request.</param>
    /// <param name="call">Is told whether a call before it may have been carried out, whose answer was lost.</param>
    public static async Task<T> RepeatAsync<T>(this HttpContext http, Func<bool, Task<T>> call)
    {
        var time = http.RequestServices.GetRequiredService<TimeProvider>();
        var outages = http.RequestServices.GetRequiredService<Outages>();
        var started = time.GetTimestamp();
        for (var isRepeated = false; ; isRepeated = true)
        {
            try
            {
                var result = await call(isRepeated);
                outages.Database.Succeeded();
                return result;
            }
            // Turned away for want of room, and nothing was carried out: asking again at once would only make it worse.
            catch (Exception e) when (LostCalls.IsLost(e) && (isRepeated || e is not StoreUnavailableException { IsUnwritten: true })
                && time.GetElapsedTime(started) < Patience && !http.RequestAborted.IsCancellationRequested)
            {
                using var timer = new PeriodicTimer(Pause, time);
                await timer.WaitForNextTickAsync(http.RequestAborted);
            }
        }
    }

    /// <summary>Until a front-end is connected for the first time there is nobody to call: unavailable, at once.</summary>
    /// <exception cref="ProblemException">It is not connected yet.</exception>
    public static void RequireCluster(this HttpContext http)
    {
        if (!http.IsConnected())
            throw new ProblemException(Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The cluster is not there yet."));
    }

    /// <summary>A front-end has started when its first connection stands; a silo starts its API last.</summary>
    public static bool IsConnected(this HttpContext http) =>
        http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.IsCancellationRequested;
}
