using Npgsql;

namespace Sms.Api;

/// <summary>
/// Lets a front-end wait for the database and the first silo, in whatever order they come, and says what it waits
/// for. What no waiting mends ends the start.
/// </summary>
internal sealed partial class ClusterWait(TimeProvider time, ILogger<ClusterWait> logger) : IClientConnectionRetryFilter
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How often the same reason is said again.</summary>
    private static readonly TimeSpan SayAgain = TimeSpan.FromSeconds(30);

    private string? _said;
    private long _saidAt;

    public async Task<bool> ShouldRetryConnectionAttempt(Exception exception, CancellationToken cancellationToken)
    {
        if (IsHopeless(exception))
            return false;

        var why = Describe(exception);
        if (why != _said || time.GetElapsedTime(_saidAt) >= SayAgain)
        {
            (_said, _saidAt) = (why, time.GetTimestamp());
            LogWaiting(logger, why);
        }

        using var timer = new PeriodicTimer(Pause, time);
        return await timer.WaitForNextTickAsync(cancellationToken);
    }

    /// <summary>The login is refused, or there is no such database.</summary>
    private static bool IsHopeless(Exception e) => e is PostgresException
    {
        SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification or PostgresErrorCodes.InvalidCatalogName,
    };

    private static string Describe(Exception e) => e switch
    {
        PostgresException p => $"its schema is not there yet (SQLSTATE {p.SqlState}); the first silo makes it",
        NpgsqlException => "the database does not answer",
        _ => "no silo answers",
    };

    [LoggerMessage(1, LogLevel.Warning, "Waiting for the cluster: {Why}")]
    private static partial void LogWaiting(ILogger logger, string why);
}
