namespace Sms.Silo.Embedded;

/// <summary>Where a PostgreSQL of the operating system may be.</summary>
internal static class InstalledPostgres
{
    /// <summary>Folders of the usual packages: parent, names in it, last part.</summary>
    private static readonly (string Parent, string Names, string Last)[] KnownFolders =
    [
        ("/usr/lib/postgresql", "*", "bin"), // Debian, Ubuntu
        ("/usr", "pgsql-*", "bin"), // Fedora, Red Hat: the PostgreSQL project's packages
        ("/opt/homebrew/opt", "postgresql@*", "bin"),
        ("/usr/local/opt", "postgresql@*", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "*", "bin"),
        (Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL"), "*", "bin"),
    ];

    public static async Task<PostgresBinaries?> FindAsync(int? major, CancellationToken ct)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).ToList();
        if (Command.Find("pg_config") is { } pgConfig
            && await Command.RunAsync(pgConfig, ["--bindir"], ct) is { Succeeded: true, Output: var bindir })
        {
            folders.Add(bindir.Trim());
        }

        folders.AddRange(KnownFolders
            .Where(known => Directory.Exists(known.Parent))
            .SelectMany(known => Directory.EnumerateDirectories(known.Parent, known.Names).Select(folder => Path.Combine(folder, known.Last))));
        return await PostgresBinaries.HighestAsync(folders, major, ct);
    }
}
