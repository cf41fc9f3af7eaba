using NodaTime;
using Sms.Contracts;

namespace Sms.Dispatch;

/// <summary>
/// Failures in a row of something that is done again and again, and when to speak of them: at the first, once a minute
/// while they last, and when they are over. Of an outage others speak: see <see cref="Outage"/>.
/// </summary>
internal sealed class FailureSpell(MonotonicClock time)
{
    private static readonly Duration SayAgain = Duration.FromMinutes(1);

    private Duration? _saidAt;

    /// <summary>Failures since the last success.</summary>
    public int Count { get; private set; }

    /// <summary>Notes a failure; returns whether to speak of it.</summary>
    public bool Failed(Exception e)
    {
        Count++;
        // A time-out may be of something that nobody else speaks of.
        if ((LostCalls.IsOutage(e) && e is not TimeoutException) || time.Elapsed - _saidAt < SayAgain)
            return false;
        _saidAt = time.Elapsed;
        return true;
    }

    /// <summary>Notes a success; returns how many failures it ends that were spoken of.</summary>
    public int Succeeded()
    {
        var ended = _saidAt is null ? 0 : Count;
        (Count, _saidAt) = (0, null);
        return ended;
    }
}
