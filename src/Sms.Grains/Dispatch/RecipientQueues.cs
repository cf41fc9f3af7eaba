namespace Sms.Dispatch;

/// <summary>
/// Of the messages to one recipient whose turn has come one is sent at a time: one-time passwords first, then in
/// the order of acceptance. Different recipients do not wait for each other. Used within one grain's turns.
/// </summary>
internal sealed class RecipientQueues
{
    private readonly Dictionary<Guid, PriorityQueue<TaskCompletionSource, (short Lane, DateTimeOffset AcceptedAt, Guid Id)>> _busy = [];

    /// <summary>How many wait for their turn behind the one under way.</summary>
    public int Waiting(Guid customer) => _busy.TryGetValue(customer, out var waiting) ? waiting.Count : 0;

    /// <summary>Whether one is under way.</summary>
    public bool IsTaken(Guid customer) => _busy.ContainsKey(customer);

    /// <summary>Enters when nobody is under way or waiting for this recipient.</summary>
    public bool TryEnter(Guid customer) => _busy.TryAdd(customer, new());

    /// <summary>Completes when it is this message's turn.</summary>
    public Task EnterAsync(Guid customer, short lane, DateTimeOffset acceptedAt, Guid id)
    {
        if (TryEnter(customer))
            return Task.CompletedTask;
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _busy[customer].Enqueue(turn, (lane, acceptedAt, id));
        return turn.Task;
    }

    /// <summary>Passes the turn on.</summary>
    public void Leave(Guid customer)
    {
        if (_busy[customer].TryDequeue(out var next, out _))
            next.SetResult();
        else
            _busy.Remove(customer);
    }
}
