using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Domain.Places;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Keeps the calendar of blackouts of this silo at most half a second behind the database's, and has decided again
/// what waits by outdated rules: after a change of the calendar, at start, and once an hour, since a silo of an older
/// release may have decided meanwhile.
/// </summary>
internal sealed partial class RuleWatch(IRuleStore store, IClock clock, TimeProvider time, ILogger<RuleWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(0.5);

    /// <summary>Later than every silo has seen a change: what is decided again must not be decided by the old calendar.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromSeconds(1.5);

    private static readonly TimeSpan ReplanEvery = TimeSpan.FromHours(1);

    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile BlackoutCalendar _blackouts = BlackoutCalendar.Empty;

    /// <summary>As this silo knows it.</summary>
    public BlackoutCalendar Blackouts => _blackouts;

    /// <summary>Completes when the calendar has been read for the first time; nothing may be decided before.</summary>
    public Task Loaded => _loaded.Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (TzdbAge.Warning(clock.GetCurrentInstant()) is { } warning)
            LogOldTzdb(logger, warning);
        var started = time.GetTimestamp();
        var replanAt = TimeSpan.Zero;
        var replanning = Task.CompletedTask;
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            try
            {
                if (await store.LoadBlackoutsAsync(_loaded.Task.IsCompleted ? _blackouts.Revision : null) is { } changed)
                {
                    _blackouts = changed;
                    if (!_loaded.TrySetResult())
                        replanAt = time.GetElapsedTime(started) + Spread;
                }

                // Beside the watch: it goes over all that waits, and a blackout is in force within a second all the while.
                if (time.GetElapsedTime(started) < replanAt || !replanning.IsCompleted)
                    continue;
                replanAt = time.GetElapsedTime(started) + ReplanEvery;
                replanning = ReplanAsync();
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever it is: an exception of a background service would end the silo, and every silo asks the same.
                LogUnavailable(logger, e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));

        async Task ReplanAsync()
        {
            try
            {
                var moved = await store.ReplanOutdatedAsync(
                    RecipientPlace.TzdbVersion, RuleBook.Current.Version, _blackouts.Revision, clock.GetCurrentInstant());
                if (moved > 0)
                    LogReplanned(logger, moved);
            }
            catch (Exception e)
            {
                replanAt = time.GetElapsedTime(started) + Spread;
                LogNotReplanned(logger, e);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Warning}")]
    private static partial void LogOldTzdb(ILogger logger, string warning);

    [LoggerMessage(2, LogLevel.Information, "{Rows} waiting messages are decided again: the rules, their calendar or the tz database have changed")]
    private static partial void LogReplanned(ILogger logger, int rows);

    [LoggerMessage(3, LogLevel.Warning, "The calendar of blackouts cannot be read; the last one known holds")]
    private static partial void LogUnavailable(ILogger logger, Exception e);

    [LoggerMessage(4, LogLevel.Warning, "What waits by outdated rules cannot be decided again yet")]
    private static partial void LogNotReplanned(ILogger logger, Exception e);
}
