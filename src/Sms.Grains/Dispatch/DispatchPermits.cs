using Microsoft.Extensions.Options;

namespace Sms.Dispatch;

/// <summary>
/// How much one silo hands over at once. A permit has room for one message from its look-up until the provider has
/// answered, and a call for the part of it from just before its attempt is recorded, so that a recorded attempt can leave
/// at once. There is room for <see cref="Depth"/> messages for each call: while some are with the provider, others are
/// looked up and recorded, many in one statement. An eighth of both is kept for one-time passwords, which go first.
/// </summary>
internal sealed class DispatchPermits
{
    /// <summary>Measured with 64 calls on two cores: 16 rows a statement and 1,172 texts a second; with room for one message for each call 12 and 945.</summary>
    private const int Depth = 4;

    /// <summary>The share that is kept for one-time passwords. A provider that takes 5 s a call still begins one every 5 s for each of these calls.</summary>
    private const int ReservedShare = 8;

    private readonly PermitPool _room;
    private readonly PermitPool _calls;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isClosed;
    private int _underWay;

    public DispatchPermits(IOptions<DispatchOptions> options)
    {
        var calls = options.Value.MaxConcurrency;
        // With fewer calls than eight none is nobody else's.
        var reserved = calls / ReservedShare;
        _room = new PermitPool(calls * Depth, reserved * Depth);
        _calls = new PermitPool(calls, reserved);
    }

    /// <summary>Set once the silo stops: no permit is given out any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>A permit if there is room at this moment; else null.</summary>
    /// <param name="lane">0 for one-time passwords.</param>
    public DispatchPermit? TryTake(short lane) => _room.TryTake(lane == 0) ? Give(lane) : null;

    /// <summary>Waits for a permit; null when the silo stops first.</summary>
    /// <param name="lane">0 for one-time passwords.</param>
    public async Task<DispatchPermit?> TakeAsync(short lane) => await _room.TakeAsync(lane == 0) ? Give(lane) : null;

    /// <summary>Gives out no more permits and completes when the work under all that were given is done.</summary>
    public async Task CloseAsync()
    {
        _isClosed = true;
        _room.Close();
        _calls.Close();
        if (Volatile.Read(ref _underWay) == 0)
            _drained.TrySetResult();
        await _drained.Task;
    }

    private DispatchPermit Give(short lane)
    {
        Interlocked.Increment(ref _underWay);
        return new DispatchPermit(_room, _calls, lane, Ended);
    }

    private void Ended()
    {
        if (Interlocked.Decrement(ref _underWay) == 0 && _isClosed)
            _drained.TrySetResult();
    }
}

/// <summary>The right to handle one message. Disposed when all work on it is done.</summary>
internal sealed class DispatchPermit(PermitPool room, PermitPool calls, short lane, Action ended) : IDisposable
{
    private bool _hasRoom = true;
    private bool _hasCall;
    private bool _isDone;

    /// <summary>Waits for a call; false when the silo stops first.</summary>
    public async Task<bool> TakeCallAsync() => _hasCall = await calls.TakeAsync(lane == 0);

    /// <summary>The provider has answered, or is not asked: room and call are free for others while the outcome is recorded.</summary>
    public void Answered()
    {
        if (_hasCall)
            calls.Return();
        if (_hasRoom)
            room.Return();
        (_hasCall, _hasRoom) = (false, false);
    }

    public void Dispose()
    {
        if (_isDone)
            return;
        _isDone = true;
        Answered();
        ended();
    }
}
