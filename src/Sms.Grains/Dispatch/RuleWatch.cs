using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Statutes;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Keeps the calendar of blackouts of this silo at most half a second behind the database's, and has decided again
/// what waits by outdated rules: after a change of the calendar, at start, and once an hour, since a silo of an older
/// release may have decided meanwhile.
/// </summary>
internal sealed partial class RuleWatch(IRuleStore store, IClock clock, TimeProvider time, ILogger<RuleWatch> logger)
    : Repeating(time, TimeSpan.FromSeconds(0.5), logger)
{
    /// <summary>Later than every silo has seen a change: what is decided again must not be decided by the old calendar.</summary>
    private static readonly Duration Spread = Duration.FromSeconds(1.5);

    private static readonly Duration ReplanEvery = Duration.FromHours(1);

    private readonly MonotonicClock _elapsed = new(time);
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<int, byte> _unknownCodes = new();
    private volatile BlackoutCalendar _blackouts = BlackoutCalendar.Empty;
    private Duration _replanAt;
    private Task _replanning = Task.CompletedTask;

    /// <summary>As this silo knows it: the last one read holds while none can be.</summary>
    public BlackoutCalendar Blackouts => _blackouts;

    /// <summary>The area codes that were texted and stand in no table; null: there were none since this silo began.</summary>
    public string? Complaint => _unknownCodes.IsEmpty ? null
        : $"Numbers of area codes that no table knows are texted ({string.Join(", ", _unknownCodes.Keys.Order().Take(10))}): the table is old, and they are held to the strictest hours of all states.";

    /// <summary>Takes note of a number to which marketing is to go: a code that nobody knows means that the table is old.</summary>
    public void Saw(PhoneNumber number)
    {
        if (number.IsNorthAmerican && PlaceTables.Current.IsUnknown(number.AreaCode) && _unknownCodes.TryAdd(number.AreaCode, 0))
            LogUnknownCode(Logger, number.AreaCode);
    }

    /// <summary>Completes when the calendar has been read for the first time; nothing may be decided before.</summary>
    public Task Loaded => _loaded.Task;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (TzdbAge.Warning(clock.GetCurrentInstant()) is { } warning)
            LogOutdated(Logger, warning);
        if (RuleBook.Current.Warning(clock.GetCurrentInstant()) is { } stale)
            LogOutdated(Logger, stale);
        return base.StartAsync(cancellationToken);
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        if (await store.LoadBlackoutsAsync(_loaded.Task.IsCompleted ? _blackouts.Revision : null) is { } changed)
        {
            _blackouts = changed;
            if (!_loaded.TrySetResult())
                _replanAt = _elapsed.Elapsed + Spread;
        }

        // Beside the watch: it goes over all that waits, and a blackout is in force within a second all the while.
        if (_elapsed.Elapsed < _replanAt || !_replanning.IsCompleted)
            return;
        _replanAt = _elapsed.Elapsed + ReplanEvery;
        _replanning = ReplanAsync();
    }

    private async Task ReplanAsync()
    {
        try
        {
            var moved = await store.ReplanOutdatedAsync(
                RecipientPlace.TzdbVersion, RuleBook.Current.Version, _blackouts.Revision, clock.GetCurrentInstant());
            if (moved > 0)
                LogReplanned(Logger, moved);
        }
        catch (Exception e)
        {
            _replanAt = _elapsed.Elapsed + Spread;
            LogNotReplanned(Logger, e.LineLevel, e);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Warning}")]
    private static partial void LogOutdated(ILogger logger, string warning);

    [LoggerMessage(2, LogLevel.Information, "{Rows} waiting messages are decided again: the rules, their calendar or the tz database have changed")]
    private static partial void LogReplanned(ILogger logger, int rows);

    [LoggerMessage(EventId = 4, Message = "What waits by outdated rules cannot be decided again yet")]
    private static partial void LogNotReplanned(ILogger logger, LogLevel level, Exception e);

    [LoggerMessage(5, LogLevel.Warning, "A number of area code {AreaCode} is texted, which no table knows: the table of area codes is old, and the number is held to the strictest hours of all states")]
    private static partial void LogUnknownCode(ILogger logger, int areaCode);
}
