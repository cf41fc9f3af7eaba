using System.Globalization;
using Microsoft.Extensions.Logging;
using NodaTime;
using Sms.Domain.Clocks;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>
/// Compares this silo's clock with the database's every five seconds. A silo whose clock is wrong would text people by
/// an hour that it is not, and take what the provider sent for what it never got: while they differ by more than five
/// seconds it claims nothing and hands nothing over.
/// </summary>
internal sealed partial class ClockCheck(IStoreClock store, IClock clock, TimeProvider time, ProcessIdentity identity, ILogger<ClockCheck> logger)
    : Repeating(time, TimeSpan.FromSeconds(5), logger)
{
    /// <summary>Clocks that are kept by NTP differ by milliseconds; what the system decides by clocks has a margin of 5 s or more.</summary>
    public static readonly Duration MostDifference = Duration.FromSeconds(5);

    private readonly TaskCompletionSource _compared = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _complaint;

    /// <summary>Whether this silo may claim and hand over. False until the clocks were compared for the first time.</summary>
    public bool IsTrusted => _compared.Task.IsCompleted && !IsWrong;

    /// <summary>Whether the clocks differ by too much.</summary>
    public bool IsWrong => _complaint is not null;

    /// <summary>Completes when the clocks have been compared for the first time.</summary>
    public Task Compared => _compared.Task;

    /// <summary>What a person should know; null: the clocks agree.</summary>
    public string? Complaint => _complaint;

    /// <summary>Compares now; does not wait for the next time.</summary>
    public async Task CompareAsync()
    {
        var asked = clock.GetCurrentInstant();
        var theirs = await store.ReadAsync();
        var comparison = ClockComparison.Of(asked, theirs, clock.GetCurrentInstant());
        var offset = comparison.Offset.TotalSeconds;
        SmsMetrics.ClockIsOff(offset);
        switch (comparison.IsWithin(MostDifference))
        {
            case false:
                if (!IsWrong)
                    LogWrong(Logger, offset);
                _complaint = string.Create(
                    CultureInfo.InvariantCulture,
                    $"The clock of silo {identity.Name} is {Math.Abs(offset):F1} s {(offset > 0 ? "ahead of" : "behind")} the database's: that silo sends nothing.");
                break;
            case true when IsWrong:
                _complaint = null;
                LogRightAgain(Logger, offset);
                break;
        }

        _compared.TrySetResult();
    }

    protected override Task RunAsync(CancellationToken stoppingToken) => CompareAsync();

    [LoggerMessage(1, LogLevel.Critical, "This silo's clock is {Seconds} s ahead of the database's (negative: behind): it claims and sends nothing until they agree")]
    private static partial void LogWrong(ILogger logger, double seconds);

    [LoggerMessage(2, LogLevel.Information, "This silo's clock agrees with the database's again (it is {Seconds} s ahead): it goes on")]
    private static partial void LogRightAgain(ILogger logger, double seconds);
}
