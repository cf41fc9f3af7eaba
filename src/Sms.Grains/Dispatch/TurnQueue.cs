using System.Diagnostics.CodeAnalysis;

namespace Sms.Dispatch;

/// <summary>A bounded queue whose owners take turns: a crowd of one owner's items keeps no other's waiting, nor out.</summary>
/// <typeparam name="T">What waits.</typeparam>
/// <param name="capacity">Items waiting, at most.</param>
/// <param name="share">Items of one owner that are taken in even when the queue is full.</param>
internal sealed class TurnQueue<T>(int capacity, int share)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Queue<T>> _waiting = [];
    private readonly Queue<Guid> _turns = [];
    private int _count;

    /// <summary>How many wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>False: there is no room for this owner.</summary>
    public bool TryAdd(Guid owner, T item)
    {
        lock (_gate)
        {
            var isWaiting = _waiting.TryGetValue(owner, out var items);
            if (_count >= capacity && (items?.Count ?? 0) >= share)
                return false;
            if (!isWaiting)
            {
                _waiting.Add(owner, items = []);
                _turns.Enqueue(owner);
            }

            items!.Enqueue(item);
            _count++;
            return true;
        }
    }

    /// <summary>The first item of the owner whose turn it is; those of one owner come in the order of their adding.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T item)
    {
        lock (_gate)
        {
            if (!_turns.TryDequeue(out var owner))
            {
                item = default;
                return false;
            }

            var items = _waiting[owner];
            item = items.Dequeue();
            _count--;
            if (items.Count > 0)
                _turns.Enqueue(owner);
            else
                _waiting.Remove(owner);
            return true;
        }
    }
}
