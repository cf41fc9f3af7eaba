using System.Diagnostics;
using Npgsql;

namespace Sms.Silo.Embedded;

/// <summary>
/// A PostgreSQL of this folder's own, on 127.0.0.1 and a free port, for a laptop and for tests. It stays up while any process
/// that started one on the folder lives, and is stopped when the last of them has ended, however it ended.
/// </summary>
internal sealed class EmbeddedPostgres : IAsyncDisposable
{
    private readonly DataFolder folder;
    private readonly PostgresCluster cluster;
    private readonly Watchdog watchdog;
    private readonly bool durable;
    private readonly ILogger logger;
    private int disposed;

    private EmbeddedPostgres(DataFolder folder, PostgresCluster cluster, Watchdog watchdog, bool durable, ILogger logger) =>
        (this.folder, this.cluster, this.watchdog, this.durable, this.logger) = (folder, cluster, watchdog, durable, logger);

    /// <summary>Database <c>sms</c> as its owner, role <c>sms</c>: no superuser, no BYPASSRLS, may create roles. Holds the password.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Database <c>sms</c> as a login that owns nothing and works in the roles it is let into. Holds the password.</summary>
    public required string ApplicationConnectionString { get; init; }

    /// <summary>Database <c>postgres</c> as the superuser; for tests and the launcher. Holds the password.</summary>
    public required string AdminConnectionString { get; init; }

    public required int Port { get; init; }

    public required int MajorVersion { get; init; }

    /// <summary>Starts the server on the folder's data, or shares the one that another process started there.</summary>
    /// <exception cref="EmbeddedPostgresException">There are no programs, or the server said no; the message is one line.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(EmbeddedPostgresOptions options, ILogger logger, CancellationToken ct)
    {
        var asked = Stopwatch.GetTimestamp();
        var data = DataFolder.Open(options.DataDirectory, options.Durable);
        using var gate = await data.LockAsync(ct);
        var binaries = await new BinarySource(options, logger).LocateAsync(data.ExistingMajor(), ct);
        var server = new PostgresCluster(data, binaries, await ServerAccount.ChooseAsync(ct), options, logger);
        var hold = Watchdog.Start(data, server.Path, options.Durable);
        try
        {
            await data.WaitForStopsAsync(() => logger.WaitingForStop(data.Path), ct);
            var port = await UpAsync(server, hold, logger, binaries.Major, ct);
            var admin = Connection(port, "postgres", await ExistingSecretAsync(data.AdminPassword(binaries.Major), ct), "postgres");
            var password = await DataFolder.ReadOrMakeSecretAsync(data.Password(binaries.Major), ct);
            var applicationPassword = await DataFolder.ReadOrMakeSecretAsync(data.ApplicationPassword(binaries.Major), ct);
            await LoginRole.EnsureAsync(admin, password, applicationPassword, ct);
            var milliseconds = (long)Stopwatch.GetElapsedTime(asked).TotalMilliseconds;
            logger.Ready(binaries.Major, port, server.Path, milliseconds);
            return new EmbeddedPostgres(data, server, hold, options.Durable, logger)
            {
                ConnectionString = Connection(port, LoginRole.Name, password, LoginRole.Name),
                ApplicationConnectionString = Connection(port, LoginRole.Application, applicationPassword, LoginRole.Name),
                AdminConnectionString = admin,
                Port = port,
                MajorVersion = binaries.Major,
            };
        }
        catch
        {
            await hold.LeaveAsync();
            hold.Dispose();
            throw;
        }
    }

    /// <summary>Lets go of the server and waits until it is gone, unless other processes use it; a throw-away one's folder is gone too then.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        var known = await watchdog.LeaveAsync();
        watchdog.Dispose();
        if (!known)
            logger.StillRunning(folder.Path, Watchdog.PatienceSeconds);
        else if (Directory.Exists(folder.Path) && folder.HasHosts())
            logger.LeftToOthers(folder.Path);
        else
            await EndAsync();
    }

    private async Task EndAsync()
    {
        // Elsewhere the watchdog has done both.
        if (OperatingSystem.IsWindows())
        {
            await cluster.StopAsync();
            if (!durable)
                Directory.Delete(folder.Path, recursive: true);
        }

        logger.Stopped(folder.Path);
    }

    private static async Task<int> UpAsync(PostgresCluster cluster, Watchdog watchdog, ILogger logger, int major, CancellationToken ct)
    {
        if (await cluster.FindAsync(ct) is { } running)
        {
            logger.Sharing(major, cluster.Path);
            return running.Port;
        }

        await cluster.EnsureMadeAsync(ct);
        watchdog.Note(starting: true);
        try
        {
            var started = await cluster.StartAsync(ct);
            watchdog.Note(starting: false);
            return started.Port;
        }
        catch (EmbeddedPostgresException)
        {
            // No server will appear any more, so the watchdog need not wait for one.
            watchdog.Note(starting: false);
            throw;
        }
    }

    private static async Task<string> ExistingSecretAsync(string path, CancellationToken ct) => File.Exists(path)
        ? await DataFolder.ReadOrMakeSecretAsync(path, ct)
        : throw new EmbeddedPostgresException($"{path} is missing, and with it the way into the data beside it: put it back, or move the data away");

    private static string Connection(int port, string user, string password, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = port,
        Username = user,
        Password = password,
        Database = database,
        // Loopback only, and a server without certificates: nothing to negotiate.
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
    }.ConnectionString;
}
