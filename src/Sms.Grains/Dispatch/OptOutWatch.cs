using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Watches that opt-outs can be written at all: while none can, no marketing may go. And finishes what opt-outs left to do,
/// when the upkeep says so.
/// </summary>
internal sealed partial class OptOutWatch(IWebhookStore store, IClock clock, TimeProvider time, ILogger<OptOutWatch> logger)
    : Repeating(time, TimeSpan.FromSeconds(1), logger)
{
    /// <summary>How many are finished in one round.</summary>
    private const int Batch = 100;

    /// <summary>How many rounds there are before the upkeep looks at what else is due.</summary>
    private const int MostRounds = 200;

    /// <summary>A failure that lasts longer than this is said once for each of so many tries.</summary>
    private const int TriesBetweenLogs = 10;

    /// <summary>After so long without a single opt-out that could be written marketing stops.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>For how long the answer to an opt-out waits for its ledger entries; its being in force is committed before.</summary>
    private static readonly TimeSpan FinishPatience = TimeSpan.FromSeconds(1.5);

    private long _lastWritten = time.GetTimestamp();
    private bool _isSaid;

    /// <summary>Whether an opt-out could be written within the last five seconds.</summary>
    public bool CanBeWritten => Time.GetElapsedTime(Volatile.Read(ref _lastWritten)) < Patience;

    /// <summary>What a person should know; null: opt-outs are written.</summary>
    public string? Complaint => CanBeWritten ? null : "No opt-out can be written: marketing waits.";

    /// <summary>
    /// Finishes an opt-out that is in force already, or a part of it; what it leaves, or does not do in time, is repeated here.
    /// It does not throw.
    /// </summary>
    /// <returns>Whether the database did what it could.</returns>
    public async Task<bool> FinishAsync(long id)
    {
        try
        {
            await store.FinishOptOutAsync(id, clock.GetCurrentInstant()).WaitAsync(FinishPatience, Time);
            return true;
        }
        catch (Exception e)
        {
            LogLeft(Logger, e.LineLevel, id, e);
            return false;
        }
    }

    /// <summary>
    /// Finishes those that are due, round after round: one that ends very many texts does so in parts and takes turns with the
    /// others. What one of them meets keeps no other waiting for long.
    /// </summary>
    public async Task FinishAllAsync(CancellationToken cancellationToken)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var due = await store.FindUnfinishedOptOutsAsync(clock.GetCurrentInstant(), Batch);
            var areDone = due.Count > 0;
            foreach (var one in due)
            {
                if (cancellationToken.IsCancellationRequested)
                    return;
                if (one.LastError is { } error && one.Tries % TriesBetweenLogs == 1)
                    LogRefused(Logger, one.Id, one.Tries, error);
                areDone &= await FinishAsync(one.Id);
            }

            if (!areDone)
                return;
        }
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Asking for what is unfinished tries whether one could be written.
            await store.FindUnfinishedOptOutsAsync(clock.GetCurrentInstant(), limit: 0);
            Volatile.Write(ref _lastWritten, Time.GetTimestamp());
        }
        catch (Exception e) when (!CanBeWritten && !_isSaid)
        {
            _isSaid = true;
            LogNotWritten(Logger, e.Message);
        }

        if (!_isSaid || !CanBeWritten)
            return;
        _isSaid = false;
        LogWrittenAgain(Logger);
    }

    [LoggerMessage(EventId = 1, Message = "Opt-out {Id} is in force; its ledger entries and cancellations are made later")]
    private static partial void LogLeft(ILogger logger, LogLevel level, long id, Exception e);

    [LoggerMessage(2, LogLevel.Error, "The database refuses to finish opt-out {Id}, which is in force, for the {Tries}th time: {Error}")]
    private static partial void LogRefused(ILogger logger, long id, int tries, string error);

    [LoggerMessage(4, LogLevel.Critical, "No opt-out can be written for more than five seconds: marketing waits, and this silo is not ready. {Reason}")]
    private static partial void LogNotWritten(ILogger logger, string reason);

    [LoggerMessage(5, LogLevel.Information, "Opt-outs can be written again: marketing goes on")]
    private static partial void LogWrittenAgain(ILogger logger);
}
