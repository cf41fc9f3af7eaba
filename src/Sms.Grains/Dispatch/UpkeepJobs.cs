using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Orleans.Runtime;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>All that is done again and again beside the sends, with its periods. One grain runs it for the whole cluster.</summary>
/// <param name="queue">The queue.</param>
/// <param name="reconciler">Asks the provider.</param>
/// <param name="sweeper">What is kept for a time only.</param>
/// <param name="optOuts">What opt-outs left to do.</param>
/// <param name="grains">For reminders to businesses.</param>
/// <param name="membership">Which processes live.</param>
/// <param name="clock">The present.</param>
/// <param name="dispatch">How long a reply may take.</param>
/// <param name="reconcile">When the provider is asked.</param>
/// <param name="ofAdapters">Jobs that the host brings along.</param>
/// <param name="logger">For what a job did.</param>
internal sealed partial class UpkeepJobs(
    IRetryQueue queue,
    Reconciler reconciler,
    Sweeper sweeper,
    OptOutWatch optOuts,
    IGrainFactory grains,
    IClusterMembershipService membership,
    IClock clock,
    IOptions<DispatchOptions> dispatch,
    IOptions<ReconcileOptions> reconcile,
    IEnumerable<UpkeepJob> ofAdapters,
    ILogger<UpkeepJobs> logger)
{
    /// <summary>What is kept for a time only is looked for so often.</summary>
    public static readonly TimeSpan SweepEvery = TimeSpan.FromHours(1);

    /// <summary>Beyond the last instant at which an attempt's reply can arrive; covers clocks that differ between silos.</summary>
    private static readonly Duration ExpiryMargin = Duration.FromSeconds(15);

    /// <summary>Beyond the last instant at which a request of a process that is gone can have left; covers clocks that differ.</summary>
    private static readonly Duration GoneMargin = Duration.FromSeconds(5);

    private static readonly TimeSpan
        Second = TimeSpan.FromSeconds(1), FiveSeconds = TimeSpan.FromSeconds(5), Minute = TimeSpan.FromMinutes(1);

    public IReadOnlyList<UpkeepJob> All =>
    [
        new("expire_attempts", FiveSeconds, _ => ExpireAttemptsAsync()),
        new("look_up", Second, reconciler.RunAsync),
        new("finish_opt_outs", Second, optOuts.FinishAllAsync),
        new("fold_counts", FiveSeconds, _ => queue.FoldCountsAsync()),
        new("analyze_grown", FiveSeconds, _ => queue.AnalyzeGrownAsync()),
        new("probe_stopped", ProviderBreaker.ProbeEvery.ToTimeSpan(), _ => queue.ProbeStoppedAsync(clock.GetCurrentInstant())),
        new("release_unpaused", Minute, _ => queue.ReleaseUnpausedAsync(clock.GetCurrentInstant())),
        new("requeue_lost", Minute, _ => RequeueLostAsync()),
        new("end_expired", Minute, _ => queue.EndExpiredAsync(clock.GetCurrentInstant())),
        new("remind_crowded", Minute, _ => RemindCrowdedAsync()),
        new("blank_bodies", SweepEvery, sweeper.BlankBodiesAsync),
        new("finish_erasures", Second, sweeper.FinishErasuresAsync),
        .. ofAdapters,
    ];

    private async Task ExpireAttemptsAsync()
    {
        var now = clock.GetCurrentInstant();
        var alive = membership.CurrentSnapshot.Members.Values
            .Where(m => m.Status != SiloStatus.Dead).Select(m => m.SiloAddress.ToParsableString()).ToList();
        var expired = await queue.ExpireAttemptsAsync(
            now - Duration.FromTimeSpan(dispatch.Value.Timeout) - ExpiryMargin, now, now + reconcile.Value.First, now - GoneMargin, alive);
        SmsMetrics.ExpiredAttempts(expired);
        if (expired > 0)
            LogExpired(logger, expired);
    }

    private async Task RequeueLostAsync()
    {
        if (await queue.RequeueLostAsync(clock.GetCurrentInstant()) is > 0 and var found)
            LogRequeued(logger, found);
    }

    /// <summary>Each business is reminded though another's grain does not answer.</summary>
    private async Task RemindCrowdedAsync()
    {
        var crowded = await queue.FindCrowdedAsync();
        await Task.WhenAll(crowded.Select(business => grains.Business(business.Key).FetchCrowdedAsync([.. business])));
    }

    [LoggerMessage(2, LogLevel.Warning, "{Messages} pending messages had neither a row in the queue nor an attempt: somebody changed rows by hand. They are queued again")]
    private static partial void LogRequeued(ILogger logger, int messages);

    [LoggerMessage(1, LogLevel.Warning, "{Attempts} attempts of dead processes are of unknown outcome")]
    private static partial void LogExpired(ILogger logger, int attempts);
}
