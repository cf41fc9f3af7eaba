using System.Collections.Concurrent;
using NodaTime;

namespace Sms.Dispatch;

/// <summary>
/// Stops a sender whose account or registration the provider refuses, or for which the provider cannot be reached: nothing is
/// failed because a token was rotated or a name server was away. While it is open one probe a minute goes out; the first
/// that meets neither closes it.
/// </summary>
internal sealed class ProviderBreaker(IClock clock)
{
    /// <summary>The wait between probes.</summary>
    public static readonly Duration ProbeEvery = Duration.FromMinutes(1);

    /// <summary>So many requests in a row, of whatever sender, that could not leave say that the provider is out of reach.</summary>
    private const int MostUnreached = 5;

    private int _unreached;

    private readonly ConcurrentDictionary<string, Open> _open = new(StringComparer.Ordinal);

    private readonly Lock _changes = new();

    /// <summary>Why sending stands still, in one sentence; null when it does not.</summary>
    public string? Complaint => _open.IsEmpty ? null : string.Join("; ", _open.Values.Select(o => o.Reason).Distinct(StringComparer.Ordinal));

    /// <summary>Whether the provider refuses this sender, as far as this silo knows.</summary>
    public bool IsOpen(string sender) => _open.ContainsKey(sender);

    /// <summary>Null: the sender may send. Else when to ask again; a caller that gets null while it is open is the probe.</summary>
    public Instant? ClosedUntil(string sender)
    {
        if (!_open.TryGetValue(sender, out var open))
            return null;
        var now = clock.GetCurrentInstant();
        return now >= open.ProbeAt && _open.TryUpdate(sender, open with { ProbeAt = now + ProbeEvery }, open)
            ? null
            : Instant.Max(open.ProbeAt, now + Duration.FromSeconds(1));
    }

    /// <summary>A request of this sender could not leave.</summary>
    /// <returns>Whether that stops the sender.</returns>
    public bool CouldNotLeave(string sender, string reason)
    {
        if (Interlocked.Increment(ref _unreached) < MostUnreached)
            return false;
        Trip(sender, $"the provider cannot be reached: {reason}");
        return true;
    }

    /// <summary>A request left, whatever became of it.</summary>
    public void Left()
    {
        // Nearly always there is nothing to forget.
        if (Volatile.Read(ref _unreached) != 0)
            Volatile.Write(ref _unreached, 0);
    }

    public void Trip(string sender, string reason)
    {
        lock (_changes)
        {
            if (!_open.ContainsKey(sender))
                SmsMetrics.SenderStopped();
            _open[sender] = new Open(clock.GetCurrentInstant() + ProbeEvery, reason);
        }
    }

    public void Reset(string sender)
    {
        // Nearly always there is nothing to reset.
        if (!_open.ContainsKey(sender))
            return;
        lock (_changes)
        {
            if (_open.TryRemove(sender, out _))
                SmsMetrics.SenderGoesOn();
        }
    }

    private sealed record Open(Instant ProbeAt, string Reason);
}
