using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Repeats what opt-outs left to do until nothing is left, and watches that opt-outs can be written at all: while none
/// can, no marketing may go.
/// </summary>
internal sealed partial class OptOutWatch(IWebhookStore store, IClock clock, TimeProvider time, ILogger<OptOutWatch> logger) : BackgroundService
{
    /// <summary>How many are finished in one round.</summary>
    private const int Batch = 100;

    /// <summary>A failure that lasts longer than this is said once for each of so many tries.</summary>
    private const int TriesBetweenLogs = 10;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>After so long without a single opt-out that could be written marketing stops.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>For how long the answer to an opt-out waits for its ledger entries; its being in force is committed before.</summary>
    private static readonly TimeSpan FinishPatience = TimeSpan.FromSeconds(1.5);

    private long _lastWritten = time.GetTimestamp();

    /// <summary>Whether an opt-out could be written within the last five seconds.</summary>
    public bool CanBeWritten => time.GetElapsedTime(Volatile.Read(ref _lastWritten)) < Patience;

    /// <summary>What a person should know; null: opt-outs are written.</summary>
    public string? Complaint => CanBeWritten ? null : "No opt-out can be written: marketing waits.";

    /// <summary>Finishes an opt-out that is in force already; what it leaves, or does not do in time, is repeated here. It does not throw.</summary>
    public async Task FinishAsync(long id)
    {
        try
        {
            await store.FinishOptOutAsync(id, clock.GetCurrentInstant()).WaitAsync(FinishPatience, time);
        }
        catch (Exception e)
        {
            LogLeft(logger, id, e);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var finishing = Task.CompletedTask;
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            var couldBeWritten = CanBeWritten;
            try
            {
                var unfinished = await store.FindUnfinishedOptOutsAsync(clock.GetCurrentInstant(), Batch);
                Volatile.Write(ref _lastWritten, time.GetTimestamp());
                if (!couldBeWritten)
                    LogWrittenAgain(logger);
                // Beside the watch: each may wait a moment for what others have locked.
                if (finishing.IsCompleted)
                    finishing = FinishAllAsync(unfinished);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever it is: the watch goes on, and marketing waits if it lasts.
                if (CanBeWritten)
                    LogFailed(logger, e);
                else
                    LogNotWritten(logger, e);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task FinishAllAsync(IReadOnlyList<UnfinishedOptOut> unfinished)
    {
        foreach (var one in unfinished)
        {
            if (one.LastError is { } error && one.Tries % TriesBetweenLogs == 1)
                LogRefused(logger, one.Id, one.Tries, error);
            await FinishAsync(one.Id);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Opt-out {Id} is in force; its ledger entries and cancellations are made later")]
    private static partial void LogLeft(ILogger logger, long id, Exception e);

    [LoggerMessage(2, LogLevel.Error, "The database refuses to finish opt-out {Id}, which is in force, for the {Tries}th time: {Error}")]
    private static partial void LogRefused(ILogger logger, long id, int tries, string error);

    [LoggerMessage(3, LogLevel.Warning, "Opt-outs cannot be written or finished at the moment")]
    private static partial void LogFailed(ILogger logger, Exception e);

    [LoggerMessage(4, LogLevel.Critical, "No opt-out can be written for more than five seconds: marketing waits, and this silo is not ready")]
    private static partial void LogNotWritten(ILogger logger, Exception e);

    [LoggerMessage(5, LogLevel.Information, "Opt-outs can be written again: marketing goes on")]
    private static partial void LogWrittenAgain(ILogger logger);
}
