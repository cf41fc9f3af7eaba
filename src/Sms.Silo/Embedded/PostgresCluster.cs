using System.Globalization;
using System.Security.Cryptography;
using Sms.Api;

namespace Sms.Silo.Embedded;

/// <summary>The data of one major: made, and its server started or found. The caller holds the folder's lock.</summary>
internal sealed class PostgresCluster(DataFolder folder, PostgresBinaries binaries, ServerAccount account, EmbeddedPostgresOptions options, ILogger logger)
{
    private const int Tries = 25;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(200);

    /// <summary>Reasons that pass: a port taken meanwhile, and what is left of a server that was killed.</summary>
    private static readonly string[] PassingReasons = ["could not bind", "is still in use", "already exists"];

    public string Path { get; } = folder.Cluster(binaries.Major);

    private string PostmasterPath => System.IO.Path.Combine(Path, "postmaster.pid");

    /// <summary>Makes the cluster if there is none; a start that is interrupted leaves none, for initdb works beside and the end is a rename.</summary>
    public async Task EnsureMadeAsync(CancellationToken ct)
    {
        if (account.IsOtherUser)
            folder.OpenPassage();
        RemoveInterrupted();
        if (File.Exists(System.IO.Path.Combine(Path, "PG_VERSION")))
        {
            await account.OwnAsync(Path, ct);
            return;
        }

        logger.MakingCluster(binaries.Major, Path, binaries.Directory);
        var secret = folder.AdminPassword(binaries.Major);
        await DataFolder.ReadOrMakeSecretAsync(secret, ct);
        await account.OwnAsync(secret, ct);
        var fresh = $"{Path}.new-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        DataFolder.MakePrivate(fresh);
        await account.OwnAsync(fresh, ct);
        List<string> arguments =
        [
            "-D", fresh, "-U", "postgres", "-A", "scram-sha-256", $"--pwfile={secret}",
            "--locale=C", "-E", "UTF8", "--no-instructions",
            // MB. Who fills a segment before an old one can be used again writes a new one full of zeros first, while all commits
            // wait: 60 to 90 ms for PostgreSQL's own 16 MB, each 5,000 messages, with a p99 at half the peak of 70 ms; 30 by this.
            "--wal-segsize=4",
        ];
        if (!options.Durable)
            arguments.Add("--no-sync");
        var made = await account.RunAsync(binaries.Program("initdb"), arguments, ct);
        if (!made.Succeeded)
            throw new EmbeddedPostgresException($"PostgreSQL {binaries.Major} could not make its cluster in {Path}: {made.Summary}");
        Directory.Move(fresh, Path);
    }

    /// <summary>The server that is up on this cluster, once it takes connections; null if there is none.</summary>
    public async Task<PostmasterFile?> FindAsync(CancellationToken ct)
    {
        for (var told = false; PostmasterFile.Read(PostmasterPath) is { } server; told = true)
        {
            if (!LiveProcess.IsServer(server.ProcessId, PostmasterPath))
            {
                // PostgreSQL sees itself that a number is free, but takes any live process of that number for a server.
                if (LiveProcess.IsTaken(server.ProcessId) && PostmasterFile.Read(PostmasterPath)?.ProcessId == server.ProcessId)
                {
                    logger.StalePostmasterFile(PostmasterPath, server.ProcessId);
                    File.Delete(PostmasterPath);
                }

                return null;
            }

            if (server.IsReady)
                return server;
            if (!told)
                logger.WaitingForServer(Path, server.Status);
            await Task.Delay(Poll, ct);
        }

        return null;
    }

    /// <summary>Starts the server in a session of its own (pg_ctl sees to that), so that Ctrl+C in the host's terminal does not reach it.</summary>
    public async Task<PostmasterFile> StartAsync(CancellationToken ct)
    {
        var log = folder.Log(binaries.Major);
        for (var attempt = 1; ; attempt++)
        {
            // One log per start: its end says why a start failed, and it cannot grow for ever.
            await File.WriteAllTextAsync(log, "", ct);
            await account.OwnAsync(log, ct);
            var port = FreePorts.Any();
            var started = await account.RunAsync(
                binaries.Program("pg_ctl"),
                ["start", "-w", "-s", "-t", "600", "-D", Path, "-l", log, "-o", string.Join(' ', Settings(port).Select(setting => $"-c {setting}"))],
                ct);
            if (started.Succeeded && PostmasterFile.Read(PostmasterPath) is { } server)
                return server;
            var said = await File.ReadAllTextAsync(log, ct);
            var reason = OneLine.Tail(said) is { Length: > 0 } tail ? tail : started.Summary;
            if (attempt == Tries || !PassingReasons.Any(passing => said.Contains(passing, StringComparison.Ordinal)))
                throw new EmbeddedPostgresException($"PostgreSQL {binaries.Major} on {Path} did not start: {reason}");
            logger.StartingAgain(port, reason);
            await Task.Delay(BetweenTries, ct);
        }
    }

    /// <summary>Stops the server where no watchdog does.</summary>
    public Task StopAsync() => account.RunAsync(binaries.Program("pg_ctl"), ["stop", "-w", "-s", "-m", "fast", "-D", Path], CancellationToken.None);

    private void RemoveInterrupted()
    {
        foreach (var half in Directory.GetDirectories(folder.Path, System.IO.Path.GetFileName(Path) + ".new-*"))
        {
            try
            {
                Directory.Delete(half, recursive: true);
                logger.InterruptedCluster(half);
            }
            catch (IOException busy)
            {
                // An initdb that outlived its host still writes there; nobody reads it, and the next start removes it.
                logger.InterruptedClusterBusy(half, busy.Message);
            }
        }
    }

    /// <summary>Settings of this run. On the command line, so that a cluster's own file never holds an unsafe one, and beats it if it does.</summary>
    private IEnumerable<string> Settings(int port)
    {
        yield return "listen_addresses=127.0.0.1";
        yield return "unix_socket_directories=";
        yield return string.Create(CultureInfo.InvariantCulture, $"port={port}");
        yield return string.Create(CultureInfo.InvariantCulture, $"max_connections={options.MaxConnections}");
        // Details and statements may hold phone numbers and texts.
        yield return "log_error_verbosity=terse";
        yield return "log_min_error_statement=panic";
        var flushed = options.Durable ? "on" : "off";
        yield return $"fsync={flushed}";
        yield return $"synchronous_commit={flushed}";
        yield return $"full_page_writes={flushed}";
        if (options.Durable)
        {
            // A checkpoint that WAL forces ends in flushing all files while sends wait (measured: half a second). By PostgreSQL's
            // own 1 GB there is one after some 130,000 messages of 4 KB, by this after half a million.
            yield return "max_wal_size=4GB";
            yield break;
        }

        yield return "wal_level=minimal";
        yield return "max_wal_senders=0";
    }
}
