namespace Sms.Dispatch;

/// <summary>
/// A number of permits of which some are kept for what is urgent. Who waits is served in order, the urgent first.
/// </summary>
/// <param name="count">How many there are, 1 or more.</param>
/// <param name="reserved">How many of them only the urgent may take; less than <paramref name="count"/>.</param>
internal sealed class PermitPool(int count, int reserved)
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource<bool>> _urgent = [];
    private readonly Queue<TaskCompletionSource<bool>> _others = [];
    private int _free = count;
    private bool _isClosed;

    /// <summary>Takes a permit when one is free at this moment.</summary>
    public bool TryTake(bool isUrgent)
    {
        lock (_gate)
        {
            if (_isClosed || _free <= (isUrgent ? 0 : reserved))
                return false;
            _free--;
            return true;
        }
    }

    /// <summary>Waits for a permit; false when the pool is closed first.</summary>
    public Task<bool> TakeAsync(bool isUrgent)
    {
        lock (_gate)
        {
            if (_isClosed)
                return Task.FromResult(false);
            if (_free > (isUrgent ? 0 : reserved))
            {
                _free--;
                return Task.FromResult(true);
            }

            var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            (isUrgent ? _urgent : _others).Enqueue(turn);
            return turn.Task;
        }
    }

    /// <summary>Gives a permit back: to whoever waits for it, if it is not one that is kept.</summary>
    public void Return()
    {
        TaskCompletionSource<bool>? next;
        lock (_gate)
        {
            if (!_urgent.TryDequeue(out next) && (_free < reserved || !_others.TryDequeue(out next)))
                _free++;
        }

        next?.SetResult(true);
    }

    /// <summary>Gives out no more permits: who waits gets none.</summary>
    public void Close()
    {
        List<TaskCompletionSource<bool>> waiting;
        lock (_gate)
        {
            _isClosed = true;
            waiting = [.. _urgent, .. _others];
            _urgent.Clear();
            _others.Clear();
        }

        foreach (var turn in waiting)
            turn.SetResult(false);
    }
}
