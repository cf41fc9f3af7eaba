using NodaTime;
using Sms.Contracts;
using Sms.Domain.Statutes;

namespace Sms.Ports;

/// <summary>The days that are closed by hand, and what waits by outdated rules.</summary>
public interface IRuleStore
{
    /// <summary>All blackouts; null: the revision is still this one.</summary>
    Task<BlackoutCalendar?> LoadBlackoutsAsync(long? known);

    /// <summary>The calendar as it was at a revision; null: there has been no such revision.</summary>
    Task<BlackoutCalendar?> LoadBlackoutsAtAsync(long revision);

    /// <summary>Changes of the calendar, newest first.</summary>
    Task<BlackoutHistory> GetHistoryAsync(PageRequest page);

    /// <summary>Makes or changes a blackout; one that is there like that stays, and makes no revision.</summary>
    Task PutBlackoutAsync(Blackout blackout, string actor, Instant at);

    /// <summary>False: there was none.</summary>
    Task<bool> RemoveBlackoutAsync(Guid id, string actor, Instant at);

    /// <summary>
    /// Makes fall due what waits for its hour by another tz database, other rules or another calendar than these;
    /// in batches. Returns how many.
    /// </summary>
    Task<int> ReplanOutdatedAsync(string tzdb, string ruleSet, long blackouts, Instant now);
}
