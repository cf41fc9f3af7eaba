using NodaTime;

namespace Sms.Ports;

/// <summary>The clock of the database's server.</summary>
public interface IStoreClock
{
    /// <summary>What it shows while this is asked.</summary>
    Task<Instant> ReadAsync();
}
