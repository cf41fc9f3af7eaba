using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sms.Contracts;

namespace Sms.Dispatch;

/// <summary>
/// Touches every retry grain at start and every 5 s: all of them may have lived on a silo that died, and their
/// reminders come only once a minute. At the silo's stop it lets the requests that are under way end first.
/// </summary>
internal sealed partial class Wakener(
    IGrainFactory grains, DispatchSlots slots, TimeProvider time, IOptions<RetryOptions> options, ILogger<Wakener> logger)
    : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        LogDraining(logger);
        await slots.CloseAsync().WaitAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            for (var shard = 0; shard < options.Value.Shards; shard++)
            {
                try
                {
                    await grains.GetGrain<IRetryGrain>(shard).WakeAsync();
                }
                catch (Exception e) when (!stoppingToken.IsCancellationRequested)
                {
                    // Its silo is dying or the database is away: the next round tries again.
                    LogNotWoken(logger, shard, e);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(1, LogLevel.Information, "No more claims; waiting for the requests under way")]
    private static partial void LogDraining(ILogger logger);

    [LoggerMessage(2, LogLevel.Warning, "Retry shard {Shard} did not answer")]
    private static partial void LogNotWoken(ILogger logger, int shard, Exception e);
}
