using System.Diagnostics;
using System.Threading.Channels;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Gathers the items of simultaneous callers into one statement, or one call to a grain: it costs about the same for one
/// and for two hundred. A lone caller does not wait for company: what is there goes. Businesses take turns, so that the
/// crowd of one turns nobody else's items away.
/// </summary>
/// <typeparam name="TItem">What a caller wants written or looked up.</typeparam>
/// <typeparam name="TResult">What it gets back.</typeparam>
internal sealed class Batcher<TItem, TResult> : IAsyncDisposable
    where TItem : notnull
{
    /// <summary>A batch that takes longer, for somebody's lock, holds up no others.</summary>
    private static readonly TimeSpan LongBatch = TimeSpan.FromMilliseconds(200);

    /// <summary>For how long an item goes again that somebody else has locked, before its caller is told.</summary>
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(2);

    /// <summary>How long such an item waits before it goes again: at first as long as our own statements hold their locks.</summary>
    private static readonly TimeSpan ShortestLockWait = TimeSpan.FromMilliseconds(10), LongestLockWait = TimeSpan.FromMilliseconds(200);

    /// <summary>Items of one business that are taken in even when so many of others wait that there is no room.</summary>
    private const int Share = 64;

    private readonly TurnQueue<Entry> _queue;
    private readonly Channel<bool> _added = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });
    private readonly string _name;
    private readonly Func<TItem, Guid> _key;
    private readonly Func<TItem, Guid> _business;
    private readonly Func<IReadOnlyList<TItem>, Task<IReadOnlyDictionary<Guid, TResult>>> _run;
    private readonly int _most;
    private readonly TimeSpan _patience;
    private readonly int _atOnce;
    private readonly Task _loop;

    /// <param name="name">A word for the figures.</param>
    /// <param name="key">Unique within a batch: a second item with the same key goes into the next one.</param>
    /// <param name="run">Runs a batch. The result has an entry for every key that it handled; the others are locked by somebody else, and go again a moment later.</param>
    /// <param name="atOnce">Batches at once: beside one that runs only a full one begins, or one that has waited for too long. The more there are, the fewer rows each has.</param>
    /// <param name="most">Items in a batch, at most.</param>
    /// <param name="capacity">Items waiting, at most; beyond it callers are turned away.</param>
    /// <param name="patience">How long an item may wait for its batch; then its caller is turned away, who would have given up by the time it is written. Null: as long as it takes.</param>
    /// <param name="business">Whose an item is; null: they are all alike.</param>
    public Batcher(
        string name, Func<TItem, Guid> key, Func<IReadOnlyList<TItem>, Task<IReadOnlyDictionary<Guid, TResult>>> run,
        int atOnce = 2, int most = 256, int capacity = 8192, TimeSpan? patience = null,
        Func<TItem, Guid>? business = null)
    {
        _name = name;
        _key = key;
        _run = run;
        _most = most;
        _patience = patience ?? Timeout.InfiniteTimeSpan;
        _atOnce = atOnce;
        _business = business ?? (_ => Guid.Empty);
        _queue = new TurnQueue<Entry>(capacity, business is null ? 0 : Share);
        _loop = Task.Run(LoopAsync);
    }

    /// <exception cref="StoreUnavailableException">The database did not answer, or too many callers wait already and nothing was written.</exception>
    public Task<TResult> AddAsync(TItem item)
    {
        var entry = new Entry(item, new TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously), Stopwatch.GetTimestamp());
        if (!_queue.TryAdd(_business(item), entry))
            throw TurnedAway();
        _added.Writer.TryWrite(true);
        return entry.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _added.Writer.TryComplete();
        await _loop;
    }

    private async Task LoopAsync()
    {
        var batch = new Dictionary<Guid, Entry>();
        var later = new Queue<Entry>();
        var running = new List<Task>();
        var begun = 0L;
        while (later.Count > 0 || _queue.Count > 0 || await _added.Reader.WaitToReadAsync())
        {
            _added.Reader.TryRead(out _);
            running.RemoveAll(r => r.IsCompleted);
            if (running.Count == _atOnce)
            {
                await Task.WhenAny(running);
                continue;
            }

            var left = LongBatch - Stopwatch.GetElapsedTime(begun);
            if (running.Count > 0 && later.Count + _queue.Count < _most && left > TimeSpan.Zero)
            {
                await ((Task)Task.WhenAny(running)).WaitAsync(left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            batch.Clear();
            for (var n = later.Count; n > 0; n--)
                Put(later.Dequeue());
            while (batch.Count < _most && _queue.TryTake(out var entry))
                Put(entry);
            begun = Stopwatch.GetTimestamp();
            if (batch.Count > 0)
                running.Add(RunAsync([.. batch.Values]));
        }

        await Task.WhenAll(running);

        void Put(Entry entry)
        {
            if (_patience != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(entry.AddedAt) > _patience)
                entry.Done.SetException(TurnedAway());
            else if (!batch.TryAdd(_key(entry.Item), entry))
                later.Enqueue(entry);
        }
    }

    private async Task RunAsync(IReadOnlyList<Entry> entries)
    {
        try
        {
            var results = await _run([.. entries.Select(e => e.Item)]);
            SmsMetrics.Committed(entries.Count, _name);
            foreach (var entry in entries)
            {
                if (results.TryGetValue(_key(entry.Item), out var result))
                    entry.Done.SetResult(result);
                else
                    _ = AgainAsync(entry);
            }
        }
        catch (StoreUnavailableException e) when (entries.Count == 1 || !e.MayConcernOne)
        {
            // Nobody's fault and everybody's fate: one by one they would only wait longer for the same.
            foreach (var entry in entries)
                entry.Done.SetException(e);
        }
        catch (Exception) when (entries.Count > 1)
        {
            // One bad item fails the statement: alone, it fails only its own caller, and first of all no other business's.
            // Each may be repeated.
            var parts = entries.GroupBy(e => _business(e.Item)).Select(g => g.ToList()).ToList();
            if (parts.Count > 1)
            {
                await Task.WhenAll(parts.Select(RunAsync));
                return;
            }

            foreach (var entry in entries)
                await RunAsync([entry]);
        }
        catch (Exception e)
        {
            // The driver's exceptions do not cross the wire; what happened does.
            entries[0].Done.SetException(new InvalidOperationException($"The database refused a write: {e.Message}"));
        }
    }

    /// <summary>It leaves its batch alone, and the batch does not wait for it.</summary>
    private async Task AgainAsync(Entry entry)
    {
        var waited = Stopwatch.GetElapsedTime(entry.AddedAt);
        if (waited > LockPatience)
        {
            entry.Done.SetException(new StoreUnavailableException("Somebody else has locked what it concerns.") { IsUnwritten = true, MayConcernOne = true });
            return;
        }

        await Task.Delay(waited < ShortestLockWait ? ShortestLockWait : waited < LongestLockWait ? waited : LongestLockWait);
        if (!_queue.TryAdd(_business(entry.Item), entry) || !_added.Writer.TryWrite(true))
            entry.Done.TrySetException(TurnedAway());
    }

    private static StoreUnavailableException TurnedAway() =>
        new("Too many writes wait for the database already.") { IsUnwritten = true };

    private readonly record struct Entry(TItem Item, TaskCompletionSource<TResult> Done, long AddedAt);
}
