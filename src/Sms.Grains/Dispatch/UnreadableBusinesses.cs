using System.Collections.Concurrent;

namespace Sms.Dispatch;

/// <summary>The businesses of this silo that send nothing because their settings or time zone cannot be read, for the health report.</summary>
internal sealed class UnreadableBusinesses
{
    private readonly ConcurrentDictionary<Guid, string> _faults = new();

    /// <summary>One sentence; null when all can be read.</summary>
    public string? Complaint => _faults.ToArray() is { Length: > 0 } all
        ? $"Nothing is sent for {(all.Length == 1 ? "a business" : $"{all.Length} businesses")} whose settings cannot be read, such as {all[0].Key}: {all[0].Value}"
        : null;

    /// <param name="business">The business.</param>
    /// <param name="fault">What cannot be read; null when nothing is wrong with it.</param>
    public void Note(Guid business, string? fault)
    {
        if (fault is null)
            _faults.TryRemove(business, out _);
        else
            _faults[business] = fault;
    }
}
