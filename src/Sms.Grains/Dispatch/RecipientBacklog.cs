using Microsoft.Extensions.Logging;
using Sms.Contracts;

namespace Sms.Dispatch;

/// <summary>
/// Recipients with more due than may wait for their turn in memory. The rest is held in the queue, where no claimer finds
/// it, and fetched in its order while the recipient's turns are used up. Used within one grain's turns.
/// </summary>
/// <param name="queues">The turns.</param>
/// <param name="mostWaiting">Of one recipient, in memory; 1 or more.</param>
/// <param name="claim">Claims so many, at most, of the rows that are held for a recipient, in their order.</param>
/// <param name="handle">Takes in the rows that were claimed.</param>
/// <param name="isClosed">Nothing is fetched once the silo stops.</param>
/// <param name="logger">For what goes wrong.</param>
internal sealed partial class RecipientBacklog(
    RecipientQueues queues, int mostWaiting, Func<Guid, int, Task<IReadOnlyList<ClaimedRow>>> claim, Action<ClaimedRow> handle,
    Func<bool> isClosed, ILogger logger)
{
    private readonly Dictionary<Guid, Backlog> _backlogs = [];

    /// <summary>Whether the row is to be held: its recipient has enough here. One-time passwords are never held, as they go first.</summary>
    public bool IsFull(ClaimedRow row) =>
        row.Lane > 0 && (_backlogs.ContainsKey(row.CustomerId) || queues.Waiting(row.CustomerId) >= mostWaiting);

    /// <summary>Says that the recipient has rows that are held.</summary>
    public void Remind(Guid customer)
    {
        _backlogs.TryAdd(customer, new Backlog());
        Fetch(customer);
    }

    /// <param name="customer">The row's recipient.</param>
    /// <param name="hold">Puts the row where it is held.</param>
    public async Task HoldAsync(Guid customer, Func<Task> hold)
    {
        if (!_backlogs.TryGetValue(customer, out var backlog))
            _backlogs.Add(customer, backlog = new Backlog());
        backlog.Arriving++;
        try
        {
            await hold();
        }
        finally
        {
            backlog.Arriving--;
            backlog.HasArrived = true;
            Fetch(customer);
        }
    }

    /// <summary>Without effect when nothing is held for the recipient, or enough wait here.</summary>
    public void Fetch(Guid customer)
    {
        if (_backlogs.TryGetValue(customer, out var backlog) && !backlog.IsFetching && backlog.Arriving == 0
            && queues.Waiting(customer) <= mostWaiting / 2 && !isClosed())
            _ = FetchAsync(customer, backlog);
    }

    private async Task FetchAsync(Guid customer, Backlog backlog)
    {
        backlog.IsFetching = true;
        backlog.HasArrived = false;
        try
        {
            var room = mostWaiting - queues.Waiting(customer);
            var rows = await claim(customer, room);
            if (rows.Count < room && !backlog.HasArrived && backlog.Arriving == 0)
                _backlogs.Remove(customer);
            backlog.IsFetching = false;
            foreach (var row in rows)
                handle(row);
            if (rows.Count < room)
                Fetch(customer);
        }
        catch (Exception e)
        {
            // A claimer reminds of it.
            backlog.IsFetching = false;
            LogNotFetched(logger, e.LineLevel, customer, e);
        }
    }

    [LoggerMessage(EventId = 5, Message = "What is held for recipient {CustomerId} waits on")]
    private static partial void LogNotFetched(ILogger logger, LogLevel level, Guid customerId, Exception e);

    /// <summary>What is held in the queue for one recipient.</summary>
    private sealed class Backlog
    {
        /// <summary>Rows on their way into the queue.</summary>
        public int Arriving { get; set; }

        /// <summary>Whether one may have come there that the last fetch did not see.</summary>
        public bool HasArrived { get; set; }

        public bool IsFetching { get; set; }
    }
}
