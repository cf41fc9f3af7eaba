using System.ComponentModel;
using System.Globalization;

namespace Sms.Silo.Embedded;

/// <summary>A folder with the programs of one PostgreSQL.</summary>
internal sealed record PostgresBinaries(string Directory, int Major)
{
    /// <summary>The oldest PostgreSQL that the schema is written for.</summary>
    public const int OldestMajor = 15;

    public string Program(string name) => Locate(Directory, name);

    /// <summary>The server in <paramref name="folder"/>; null if there is none that runs here, or it is too old.</summary>
    public static async Task<PostgresBinaries?> InspectAsync(string folder, CancellationToken ct)
    {
        if (!IsComplete(folder))
            return null;
        // Links on PATH lead to the folder that also has the rest.
        if (new FileInfo(Locate(folder, "initdb")).ResolveLinkTarget(returnFinalTarget: true) is FileInfo { DirectoryName: { } home } && IsComplete(home))
            folder = home;
        CommandResult version;
        try
        {
            version = await Command.RunAsync(Locate(folder, "postgres"), ["--version"], ct);
        }
        catch (Win32Exception)
        {
            // Built for another processor or C library.
            return null;
        }

        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 19beta1"
        var digits = version.Output.Split("(PostgreSQL) ", 2) is [_, var rest] ? string.Concat(rest.TakeWhile(char.IsAsciiDigit)) : "";
        return version.Succeeded && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var major) && major >= OldestMajor
            ? new PostgresBinaries(System.IO.Path.GetFullPath(folder), major)
            : null;
    }

    /// <summary>The highest of <paramref name="folders"/>, of major <paramref name="major"/> if that is given.</summary>
    public static async Task<PostgresBinaries?> HighestAsync(IEnumerable<string> folders, int? major, CancellationToken ct)
    {
        PostgresBinaries? highest = null;
        foreach (var folder in folders.Distinct(StringComparer.Ordinal))
        {
            if (await InspectAsync(folder, ct) is { } found && (major is null || found.Major == major) && found.Major > (highest?.Major ?? 0))
                highest = found;
        }

        return highest;
    }

    private static bool IsComplete(string folder) =>
        File.Exists(Locate(folder, "initdb")) && File.Exists(Locate(folder, "postgres")) && File.Exists(Locate(folder, "pg_ctl"));

    private static string Locate(string folder, string program) =>
        System.IO.Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program);
}
