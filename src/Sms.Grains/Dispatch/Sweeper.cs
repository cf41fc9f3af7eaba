using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Blanks bodies that are older than they are kept, in batches, and finishes erasures, part by part.
/// </summary>
internal sealed partial class Sweeper(IRecordStore records, IClock clock, IOptions<RetentionOptions> options, ILogger<Sweeper> logger)
{
    /// <summary>Rows a statement changes: few enough not to be felt by who sends at the time.</summary>
    private const int Batch = 500;

    /// <summary>How many parts of erasures are done before the upkeep looks at what else is due; it comes back in a second.</summary>
    private const int MostParts = 20;

    public async Task BlankBodiesAsync(CancellationToken cancellationToken)
    {
        var before = clock.GetCurrentInstant() - Duration.FromTimeSpan(options.Value.Bodies);
        var blanked = await InBatchesAsync(() => records.BlankBodiesAsync(before, Batch), cancellationToken);
        if (blanked > 0)
            LogBlanked(logger, blanked);
    }

    public async Task FinishErasuresAsync(CancellationToken cancellationToken)
    {
        var (now, finished) = (clock.GetCurrentInstant(), 0);
        for (var part = 0; part < MostParts && !cancellationToken.IsCancellationRequested; part++)
        {
            if (await records.FinishErasureAsync(now) is not { } isComplete)
                break;
            finished += isComplete ? 1 : 0;
        }

        if (finished > 0)
            LogFinished(logger, finished);
    }

    private static async Task<int> InBatchesAsync(Func<Task<int>> sweep, CancellationToken cancellationToken)
    {
        var (swept, batch) = (0, 0);
        do
        {
            batch = await sweep();
            swept += batch;
        }
        while (batch == Batch && !cancellationToken.IsCancellationRequested);
        return swept;
    }

    [LoggerMessage(1, LogLevel.Information, "Blanked the bodies of {Bodies} old messages")]
    private static partial void LogBlanked(ILogger logger, int bodies);

    [LoggerMessage(2, LogLevel.Information, "{Erasures} erasures are complete now")]
    private static partial void LogFinished(ILogger logger, int erasures);
}
