using Orleans.Runtime;
using Sms.Contracts;
using Sms.Dispatch;

namespace Sms;

/// <summary>
/// Does what is to be done again and again for the whole cluster: see <see cref="UpkeepJobs"/>. There is one activation;
/// its reminder and every silo's <see cref="Wakener"/> bring it back after any crash.
/// </summary>
[GrainType("sms.upkeep")]
internal sealed class UpkeepGrain(Upkeep upkeep, DispatchPermits permits, ClockCheck clockCheck) : Grain, IUpkeepGrain, IRemindable, IDisposable
{
    /// <summary>The name of the reminder.</summary>
    public const string ReminderName = "wake";

    /// <summary>As often as the most frequent job is due.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _leaving = new();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await this.RegisterOrUpdateReminder(ReminderName, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), cancellationToken);
        this.RegisterGrainTimer(BeginAsync, new GrainTimerCreationOptions(TimeSpan.Zero, Every) { KeepAlive = true });
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _leaving.CancelAsync();
        await upkeep.WhenIdleAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task WakeAsync() => Task.CompletedTask;

    public Task ReceiveReminder(string reminderName, TickStatus status) => Task.CompletedTask;

    public void Dispose() => _leaving.Dispose();

    private Task BeginAsync(CancellationToken cancellationToken)
    {
        if (clockCheck.IsWrong)
            DeactivateOnIdle();
        else if (clockCheck.IsTrusted && !permits.IsClosed)
            upkeep.Begin(_leaving.Token);
        return Task.CompletedTask;
    }
}
