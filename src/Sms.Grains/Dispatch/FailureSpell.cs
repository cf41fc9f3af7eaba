using NodaTime;

namespace Sms.Dispatch;

/// <summary>
/// Failures in a row of something that is done again and again, and when to speak of them: at the first, once a minute
/// while they last, and when they are over.
/// </summary>
internal sealed class FailureSpell(MonotonicClock time)
{
    private static readonly Duration SayAgain = Duration.FromMinutes(1);

    private Duration _saidAt;

    /// <summary>Failures since the last success.</summary>
    public int Count { get; private set; }

    /// <summary>Notes a failure; returns whether to speak of it.</summary>
    public bool Failed()
    {
        if (++Count > 1 && time.Elapsed - _saidAt < SayAgain)
            return false;
        _saidAt = time.Elapsed;
        return true;
    }

    /// <summary>Notes a success; returns how many failures it ends.</summary>
    public int Succeeded()
    {
        var ended = Count;
        Count = 0;
        return ended;
    }
}
