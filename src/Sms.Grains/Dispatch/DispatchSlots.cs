using Microsoft.Extensions.Options;

namespace Sms.Dispatch;

/// <summary>
/// The calls to the provider that one silo makes at once. A slot is taken before an attempt is recorded, so that
/// a recorded attempt can leave at once.
/// </summary>
internal sealed class DispatchSlots(IOptions<DispatchOptions> options) : IDisposable
{
    private readonly SemaphoreSlim _free = new(options.Value.MaxConcurrency);
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;

    /// <summary>Set once the silo stops: no slot is given out any more.</summary>
    public bool IsClosed => _stopping.IsCancellationRequested;

    /// <summary>Takes a slot when one is free at this moment.</summary>
    public bool TryTake()
    {
        if (IsClosed || !_free.Wait(0))
            return false;
        Interlocked.Increment(ref _taken);
        return true;
    }

    /// <summary>Waits for a slot; false when the silo stops first.</summary>
    public async Task<bool> TakeAsync()
    {
        try
        {
            await _free.WaitAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        Interlocked.Increment(ref _taken);
        return true;
    }

    public void Return()
    {
        _free.Release();
        if (Interlocked.Decrement(ref _taken) == 0 && IsClosed)
            _drained.TrySetResult();
    }

    /// <summary>Gives out no more slots and completes when all that were taken are back.</summary>
    public async Task CloseAsync()
    {
        await _stopping.CancelAsync();
        if (Volatile.Read(ref _taken) == 0)
            _drained.TrySetResult();
        await _drained.Task;
    }

    public void Dispose()
    {
        _free.Dispose();
        _stopping.Dispose();
    }
}
