namespace Sms.Dispatch;

/// <summary>What has no key of its own, for a <see cref="Batcher{TItem, TResult}"/>: any two may share a batch.</summary>
/// <param name="Key">Made for it.</param>
/// <param name="Value">The item.</param>
internal readonly record struct Keyed<T>(Guid Key, T Value)
{
    public Keyed(T value)
        : this(Guid.NewGuid(), value)
    {
    }
}
