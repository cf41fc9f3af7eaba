using Sms.Ports;

namespace Sms;

/// <summary>
/// What one grain knows of its business. What others write (the e-mail product, an operator, another silo) is known within
/// a second of being asked for, and a business that is made or deleted is found or gone within it too.
/// </summary>
/// <param name="load">Reads it; null: it is not there.</param>
/// <param name="time">Measures ages; no step of the wall clock counts.</param>
/// <param name="changed">Is called with what was known before, null at first, when something else is known.</param>
/// <remarks>Used within the turns of one grain. Of reads at the same time none undoes what a later one found.</remarks>
internal sealed class BusinessInForce(Func<Task<StoredBusiness?>> load, TimeProvider time, Action<KnownBusiness?> changed)
{
    /// <summary>With the time that a look-up takes, it is known within a second.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(0.8);

    private Task _reading = Task.CompletedTask;
    private long? _readAt;
    private int _begun, _known;

    /// <summary>As it was when it was there last; null: it never was.</summary>
    public KnownBusiness? Business { get; private set; }

    /// <summary>Whether it was there at the last look.</summary>
    public bool IsThere { get; private set; }

    /// <summary>Reads it, unless it was read within the last 0.8 s.</summary>
    /// <exception cref="StoreUnavailableException">The database does not answer: nothing may be decided.</exception>
    public Task FreshenAsync()
    {
        if (_readAt is { } at && time.GetElapsedTime(at) < Kept)
            return Task.CompletedTask;
        return _reading.IsCompleted ? _reading = ReloadAsync() : _reading;
    }

    /// <summary>Reads it now.</summary>
    public async Task ReloadAsync()
    {
        var number = ++_begun;
        var stored = await load();
        // Whoever began later knows better.
        if (number < _known)
            return;
        _known = number;
        Learn(stored);
    }

    /// <summary>This grain wrote it, and this is how it is stored.</summary>
    public void Wrote(StoredBusiness stored)
    {
        _known = ++_begun;
        Learn(stored);
    }

    /// <summary>A write got no answer: nothing is decided before it is read again.</summary>
    public void Doubt()
    {
        _known = ++_begun;
        _readAt = null;
        // A read under way may have begun before the write.
        _reading = Task.CompletedTask;
    }

    private void Learn(StoredBusiness? stored)
    {
        _readAt = time.GetTimestamp();
        IsThere = stored is not null;
        if (stored is null || stored == Business?.Stored)
            return;
        var before = Business;
        Business = KnownBusiness.Of(stored);
        changed(before);
    }
}
