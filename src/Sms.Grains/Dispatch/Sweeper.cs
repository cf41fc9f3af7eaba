using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Blanks bodies that are older than they are kept, and finishes erasures that had to wait for attempts under way. Once an
/// hour, in batches; several silos may do it at once.
/// </summary>
internal sealed partial class Sweeper(IRecordStore records, IClock clock, IOptions<RetentionOptions> options, ILogger<Sweeper> logger)
{
    /// <summary>Rows a statement changes: few enough not to be felt by who sends at the time.</summary>
    private const int Batch = 500;

    private static readonly Duration Every = Duration.FromHours(1);

    private Instant _next = Instant.MinValue;

    /// <summary>Does what is due. It does not throw: what fails stays due.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetCurrentInstant();
        if (now < _next)
            return;
        _next = now + Every;
        var before = now - Duration.FromTimeSpan(options.Value.Bodies);
        // What is wrong with one keeps the other from nothing.
        var blanked = await InBatchesAsync("old bodies", () => records.BlankBodiesAsync(before, Batch), cancellationToken);
        var erased = await InBatchesAsync("erasures", () => records.FinishErasuresAsync(now, Batch), cancellationToken);
        if (blanked + erased > 0)
            LogSwept(logger, blanked, erased);
    }

    private async Task<int> InBatchesAsync(string what, Func<Task<int>> sweep, CancellationToken cancellationToken)
    {
        var (swept, batch) = (0, 0);
        try
        {
            do
            {
                batch = await sweep();
                swept += batch;
            }
            while (batch == Batch && !cancellationToken.IsCancellationRequested);
        }
        catch (Exception e)
        {
            LogLeft(logger, what, e);
        }

        return swept;
    }

    [LoggerMessage(1, LogLevel.Information, "Blanked the bodies of {Bodies} old messages; {Erasures} erasures are complete now")]
    private static partial void LogSwept(ILogger logger, int bodies, int erasures);

    [LoggerMessage(2, LogLevel.Error, "The sweep of {What} is left for the next hour: the database did not answer, or refused it")]
    private static partial void LogLeft(ILogger logger, string what, Exception e);
}
