using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
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
internal sealed partial class LeaseKeeper(
    IRetryQueue queue, IClock clock, TimeProvider time, IOptions<RetryOptions> options, ILogger<LeaseKeeper> logger)
    : BackgroundService
{
    private readonly ConcurrentDictionary<Guid, Guid> _held = new();

    public void Keep(ClaimedRow row) => _held[row.QueueId] = row.LeaseToken;

    /// <summary>Whether this claim, or a newer one of the same row, is in hand already.</summary>
    public bool Holds(ClaimedRow row) => _held.TryGetValue(row.QueueId, out var token) && token == row.LeaseToken;

    public void Forget(ClaimedRow row) => _held.TryRemove(KeyValuePair.Create(row.QueueId, row.LeaseToken));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.Lease / 4, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            await RenewAsync();
    }

    private async Task RenewAsync()
    {
        var claims = _held.Select(p => (p.Key, p.Value)).ToList();
        if (claims.Count == 0)
            return;

        try
        {
            var until = clock.GetCurrentInstant() + Duration.FromTimeSpan(options.Value.Lease);
            foreach (var lost in await queue.RenewAsync(claims, until))
                _held.TryRemove(lost, out _);
        }
        catch (Exception e)
        {
            // Whatever it was: renewing goes on. The claims run out if this lasts; then the rows are recovered, and what
            // we still do is fenced off.
            LogNotRenewed(logger, claims.Count, e);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Count} claims could not be renewed")]
    private static partial void LogNotRenewed(ILogger logger, int count, Exception e);
}
