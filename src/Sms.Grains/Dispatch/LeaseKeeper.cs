using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Keeps alive the claims in this silo's hands. When the silo dies they run out, and another one's recovery gives
/// the rows back.
/// </summary>
internal sealed class LeaseKeeper(
    IRetryQueue queue, IClock clock, TimeProvider time, IOptions<RetryOptions> options, ILogger<LeaseKeeper> logger)
    : Repeating(time, options.Value.Lease / 4, logger)
{
    private readonly ConcurrentDictionary<Guid, (Guid Token, long Since)> _held = new();
    private readonly TimeSpan _young = options.Value.Lease / 4;
    private readonly Duration _lease = Duration.FromTimeSpan(options.Value.Lease);

    public void Keep(ClaimedRow row) => _held[row.QueueId] = (row.LeaseToken, Time.GetTimestamp());

    /// <summary>Whether this claim, or a newer one of the same row, is in hand already.</summary>
    public bool Holds(ClaimedRow row) => _held.TryGetValue(row.QueueId, out var held) && held.Token == row.LeaseToken;

    public void Forget(ClaimedRow row)
    {
        if (_held.TryGetValue(row.QueueId, out var held) && held.Token == row.LeaseToken)
            _held.TryRemove(KeyValuePair.Create(row.QueueId, held));
    }

    /// <summary>Should it fail for long, the claims run out: then the rows are recovered, and what we still do is fenced off.</summary>
    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        // Nearly all are in hand for milliseconds: their leases are long enough, and nobody meets a row that is being renewed.
        var claims = _held.Where(p => Time.GetElapsedTime(p.Value.Since) >= _young).Select(p => (p.Key, p.Value.Token)).ToList();
        if (claims.Count == 0)
            return;
        foreach (var lost in await queue.RenewAsync(claims, clock.GetCurrentInstant() + _lease))
            _held.TryRemove(lost, out _);
    }
}
