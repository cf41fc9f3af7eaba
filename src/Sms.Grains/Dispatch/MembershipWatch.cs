using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Sms.Dispatch;

/// <summary>Says which silos join the cluster, leave it and are lost, and counts them.</summary>
internal sealed partial class MembershipWatch(IClusterMembershipService membership, ILogger<MembershipWatch> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Dictionary<SiloAddress, SiloStatus>? known = null;
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(stoppingToken))
        {
            var silos = snapshot.Members.Values.Count(m => m.Status == SiloStatus.Active);
            SmsMetrics.SilosAre(silos);
            foreach (var (silo, member) in snapshot.Members)
            {
                // What there was when this silo came is no news.
                var before = known is null ? member.Status : known.GetValueOrDefault(silo);
                Note(silo, before, member.Status, silos);
            }

            known = snapshot.Members.ToDictionary(m => m.Key, m => m.Value.Status);
        }
    }

    private void Note(SiloAddress silo, SiloStatus before, SiloStatus now, int silos)
    {
        switch (before, now)
        {
            case ( < SiloStatus.Active, SiloStatus.Active):
                LogJoined(logger, silo, silos);
                break;
            case (SiloStatus.ShuttingDown or SiloStatus.Stopping, SiloStatus.Dead):
                LogLeft(logger, silo, silos);
                break;
            case (SiloStatus.Active, SiloStatus.Dead):
                LogLost(logger, silo, silos);
                SmsMetrics.LostSilo();
                break;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Silo {Silo} joined the cluster, which has {Silos} now")]
    private static partial void LogJoined(ILogger logger, SiloAddress silo, int silos);

    [LoggerMessage(2, LogLevel.Information, "Silo {Silo} left the cluster in good order; it has {Silos} now")]
    private static partial void LogLeft(ILogger logger, SiloAddress silo, int silos);

    [LoggerMessage(3, LogLevel.Warning, "Silo {Silo} is lost: it died, or cannot be reached. The cluster has {Silos} now, which take over what it had in hand")]
    private static partial void LogLost(ILogger logger, SiloAddress silo, int silos);
}
