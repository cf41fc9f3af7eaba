namespace Sms.Dispatch;

/// <summary>
/// Calls that name the same thing, an idempotency key or a message's id, take turns: the second sees what the first has
/// made. It is used within the turns of one grain and is not safe for several threads.
/// </summary>
/// <typeparam name="TName">What calls name, compared by value.</typeparam>
internal sealed class CallsInWork<TName>
    where TName : notnull
{
    private readonly Dictionary<TName, Task> _ends = [];

    /// <summary>How many names are in work.</summary>
    public int Count => _ends.Count;

    /// <summary>Does the work as soon as no other call works on any of the names, and keeps all of them until it ends, however it ends.</summary>
    public async Task RunAsync(IReadOnlyCollection<TName> names, Func<Task> work)
    {
        // All at once or none: so no two calls wait for each other.
        while (names.Select(n => _ends.GetValueOrDefault(n)).FirstOrDefault(e => e is not null) is { } other)
            await other;
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var name in names)
            _ends[name] = end.Task;
        try
        {
            await work();
        }
        finally
        {
            foreach (var name in names)
                _ends.Remove(name);
            end.SetResult();
        }
    }
}

/// <summary>What a send names. Exactly one of the two is set.</summary>
/// <param name="Key">The idempotency key.</param>
/// <param name="MessageId">The id that the edge minted: a repeated call has the same.</param>
internal readonly record struct SendName(string? Key, Guid MessageId)
{
    public static SendName Of(string key) => new(key, default);

    public static SendName Of(Guid messageId) => new(null, messageId);
}
