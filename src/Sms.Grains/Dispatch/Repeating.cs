using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Sms.Dispatch;

/// <summary>
/// What a silo does for itself again and again, from its start to its stop. Whatever a run throws is logged and the next
/// one comes all the same: an exception that left a background service would end the silo.
/// </summary>
/// <param name="time">The clock of its timer.</param>
/// <param name="every">From one run to the next; a run that takes longer is followed at once.</param>
/// <param name="logger">Its log.</param>
internal abstract partial class Repeating(TimeProvider time, TimeSpan every, ILogger logger) : BackgroundService
{
    private readonly FailureSpell _failures = new(new MonotonicClock(time));

    protected TimeProvider Time { get; } = time;

    protected ILogger Logger { get; } = logger;

    /// <summary>One run; it may throw.</summary>
    protected abstract Task RunAsync(CancellationToken stoppingToken);

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(every, Time);
        do
        {
            try
            {
                await RunAsync(stoppingToken);
                if (_failures.Succeeded() is > 0 and var failures)
                    LogWellAgain(Logger, GetType().Name, failures);
            }
            catch (Exception e)
            {
                // While it stops, what it waits for may go away beneath it.
                if (!stoppingToken.IsCancellationRequested && _failures.Failed(e))
                    LogFailed(Logger, GetType().Name, _failures.Count, e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(101, LogLevel.Warning, "{Service} failed ({Failures} times in a row) and tries again")]
    private static partial void LogFailed(ILogger logger, string service, int failures, Exception e);

    [LoggerMessage(102, LogLevel.Information, "{Service} is well again after {Failures} failures")]
    private static partial void LogWellAgain(ILogger logger, string service, int failures);
}
