using System.Collections.Concurrent;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Sending;

namespace Sms.Dispatch;

/// <summary>
/// Stops a sender whose account or registration the provider refuses, or for which the provider cannot be reached: nothing is
/// failed because a token was rotated or a name server was away. While it is open one probe a minute goes out; the first
/// that meets neither closes it. A sender that nobody uses any more is forgotten.
/// </summary>
internal sealed class ProviderBreaker
{
    /// <summary>The wait between probes.</summary>
    public static readonly Duration ProbeEvery = OutcomeJudge.ProbeEvery;

    /// <summary>
    /// A probe that has been due for so long has nobody left to make it: what is held for a sender asks once a minute. Should
    /// somebody send from it again, that is its probe.
    /// </summary>
    private static readonly Duration ForgottenAfter = ProbeEvery * 10;

    /// <summary>So many requests in a row, of whatever sender, that could not leave say that the provider is out of reach.</summary>
    private const int MostUnreached = 5;

    private readonly ConcurrentDictionary<string, Open> _open = new(StringComparer.Ordinal);
    private readonly IClock _clock;
    private readonly MonotonicClock _time;
    private int _unreached;

    public ProviderBreaker(IClock clock, MonotonicClock time)
    {
        (_clock, _time) = (clock, time);
        SmsMetrics.CountStoppedSenders(() => StoppedSenders);
    }

    /// <summary>Why sending stands still, in one sentence; null when it does not.</summary>
    public string? Complaint => Stopped is { Count: > 0 } stopped ? string.Join("; ", stopped.Select(o => o.Reason).Distinct(StringComparer.Ordinal)) : null;

    /// <summary>How many senders are stopped.</summary>
    public int StoppedSenders => Stopped.Count;

    /// <summary>What is open, but for what nobody uses any more.</summary>
    private ICollection<Open> Stopped
    {
        get
        {
            var now = _time.Elapsed;
            foreach (var entry in _open)
            {
                if (now - entry.Value.ProbeAt > ForgottenAfter)
                    _open.TryRemove(entry);
            }

            return _open.Values;
        }
    }

    /// <summary>Whether the provider refuses this sender, as far as this silo knows.</summary>
    public bool IsOpen(string sender) => _open.ContainsKey(sender);

    /// <summary>Null: the sender may send. Else until when it may not, and why; a caller that gets null while it is open is the probe.</summary>
    public StoppedSender? Stops(string sender)
    {
        if (!_open.TryGetValue(sender, out var open))
            return null;
        var elapsed = _time.Elapsed;
        return elapsed >= open.ProbeAt && _open.TryUpdate(sender, open with { ProbeAt = elapsed + ProbeEvery }, open)
            ? null
            : new StoppedSender(_clock.GetCurrentInstant() + Duration.Max(open.ProbeAt - elapsed, Duration.FromSeconds(1)), open.Cause, open.Code);
    }

    /// <summary>A request of this sender could not leave.</summary>
    /// <returns>Whether that stops the sender, which was not stopped.</returns>
    public bool CouldNotLeave(string sender, string reason) =>
        Interlocked.Increment(ref _unreached) >= MostUnreached
        && Trip(sender, WaitCause.ProviderUnreachable, code: null, $"the provider cannot be reached: {reason}");

    /// <summary>A request left, whatever became of it.</summary>
    public void Left()
    {
        // Nearly always there is nothing to forget.
        if (Volatile.Read(ref _unreached) != 0)
            Volatile.Write(ref _unreached, 0);
    }

    /// <returns>Whether it was not stopped before.</returns>
    public bool Trip(string sender, WaitCause cause, int? code, string reason)
    {
        var open = new Open(_time.Elapsed + ProbeEvery, cause, code, reason);
        if (_open.TryAdd(sender, open))
            return true;
        _open[sender] = open;
        return false;
    }

    /// <returns>Whether it was stopped.</returns>
    public bool Reset(string sender) => _open.TryRemove(sender, out _);

    /// <param name="ProbeAt">By the monotonic clock.</param>
    /// <param name="Cause">What its texts wait for.</param>
    /// <param name="Code">The provider's.</param>
    /// <param name="Reason">What the provider says.</param>
    private sealed record Open(Duration ProbeAt, WaitCause Cause, int? Code, string Reason);
}

/// <param name="Until">The next probe.</param>
/// <param name="Cause">sender_refused or provider_unreachable.</param>
/// <param name="Code">The provider's, where it refuses.</param>
internal sealed record StoppedSender(Instant Until, WaitCause Cause, int? Code);
