using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sms.Contracts;

namespace Sms.Dispatch;

/// <summary>
/// Touches every retry grain and the upkeep's at start and every 5 s: all of them may have lived on a silo that died, and
/// their reminders come only once a minute. At the silo's stop it lets the requests that are under way end first.
/// </summary>
internal sealed partial class Wakener(
    IGrainFactory grains, DispatchPermits permits, TimeProvider time, IOptions<RetryOptions> options, ILogger<Wakener> logger)
    : Repeating(time, TimeSpan.FromSeconds(5), logger)
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        LogDraining(Logger);
        await permits.CloseAsync().WaitAsync(cancellationToken);
    }

    /// <summary>One whose silo is dying, or cannot be activated while the database is away, keeps no other from being touched.</summary>
    protected override Task RunAsync(CancellationToken stoppingToken) => Task.WhenAll(
        [
            .. Enumerable.Range(0, options.Value.Shards).Select(shard => grains.GetGrain<IRetryGrain>(shard).WakeAsync()),
            grains.GetGrain<IUpkeepGrain>(0).WakeAsync(),
        ]);

    [LoggerMessage(1, LogLevel.Information, "No more claims; waiting for the requests under way")]
    private static partial void LogDraining(ILogger logger);
}
