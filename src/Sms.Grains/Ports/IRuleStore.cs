using NodaTime;
using Sms.Domain.Statutes;

namespace Sms.Ports;

/// <summary>The days that are closed by hand, and what waits by outdated rules.</summary>
public interface IRuleStore
{
    /// <summary>All blackouts; null: the revision is still this one.</summary>
    Task<BlackoutCalendar?> LoadBlackoutsAsync(long? known);

    /// <summary>Makes or changes a blackout.</summary>
    Task PutBlackoutAsync(Blackout blackout, Instant at);

    /// <summary>False: there was none.</summary>
    Task<bool> RemoveBlackoutAsync(Guid id);

    /// <summary>
    /// Makes fall due what waits for its hour by another tz database, other rules or another calendar than these;
    /// in batches. Returns how many.
    /// </summary>
    Task<int> ReplanOutdatedAsync(string tzdb, string ruleSet, long blackouts, Instant now);
}
