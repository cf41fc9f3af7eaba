using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Ports;

namespace Sms;

/// <summary>
/// Recipients with more due than may wait for their turn here. The rest is held in the queue, where no claimer finds it, and
/// fetched in its order while the lane empties: so one recipient does not fill the claimers' room, which is for all.
/// </summary>
internal sealed partial class BusinessGrain
{
    private readonly Dictionary<Guid, Crowd> _crowds = [];

    /// <summary>Of one recipient; a sixteenth of a claimer's room.</summary>
    private int MostWaiting => Math.Max(1, retry.Value.BatchSize / 4);

    public Task FetchCrowdedAsync(Guid[] customers)
    {
        foreach (var customer in customers)
        {
            _crowds.TryAdd(customer, new Crowd());
            Fetch(customer);
        }

        return Task.CompletedTask;
    }

    /// <summary>One-time passwords are never held: they go first.</summary>
    private bool IsCrowded(ClaimedRow row) =>
        row.Lane > 0 && (_crowds.ContainsKey(row.CustomerId) || _lanes.Waiting(row.CustomerId) >= MostWaiting);

    private async Task HoldAsync(ClaimedRow row)
    {
        if (!_crowds.TryGetValue(row.CustomerId, out var crowd))
            _crowds.Add(row.CustomerId, crowd = new Crowd());
        crowd.Arriving++;
        try
        {
            await ReleaseAsync(row, r => r with { Held = "recipient" });
        }
        catch (StoreUnavailableException e)
        {
            // The claim runs out and the row comes back.
            LogLeft(logger, row.MessageId, e);
        }
        finally
        {
            leases.Forget(row);
            crowd.Arriving--;
            crowd.HasArrived = true;
            Fetch(row.CustomerId);
        }
    }

    private void LeaveLane(Guid customer)
    {
        _lanes.Leave(customer);
        Fetch(customer);
    }

    /// <summary>Without effect when the recipient has no crowd, or enough wait here.</summary>
    private void Fetch(Guid customer)
    {
        if (_crowds.TryGetValue(customer, out var crowd) && !crowd.IsFetching && crowd.Arriving == 0
            && _lanes.Waiting(customer) <= MostWaiting / 2 && !slots.IsClosed)
            _ = FetchAsync(customer, crowd);
    }

    private async Task FetchAsync(Guid customer, Crowd crowd)
    {
        crowd.IsFetching = true;
        crowd.HasArrived = false;
        try
        {
            var room = MostWaiting - _lanes.Waiting(customer);
            var rows = await messages.ClaimCrowdedAsync(Id, customer, room, Duration.FromTimeSpan(retry.Value.Lease), clock.GetCurrentInstant());
            foreach (var row in rows)
                leases.Keep(row);
            if (rows.Count < room && !crowd.HasArrived && crowd.Arriving == 0)
                _crowds.Remove(customer);
            crowd.IsFetching = false;
            foreach (var row in rows)
                _ = HandleAsync(row);
            if (rows.Count < room)
                Fetch(customer);
        }
        catch (Exception e)
        {
            // A claimer reminds of it.
            crowd.IsFetching = false;
            LogNotFetched(logger, customer, e);
        }
    }

    [LoggerMessage(5, LogLevel.Warning, "What is held for recipient {CustomerId} waits on")]
    private static partial void LogNotFetched(ILogger logger, Guid customerId, Exception e);

    /// <summary>What is held in the queue for one recipient.</summary>
    private sealed class Crowd
    {
        /// <summary>Rows on their way into the queue.</summary>
        public int Arriving { get; set; }

        /// <summary>Whether one may have come there that the last fetch did not see.</summary>
        public bool HasArrived { get; set; }

        public bool IsFetching { get; set; }
    }
}
