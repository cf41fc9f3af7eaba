using System.Diagnostics;
using System.Globalization;

namespace Sms.Silo.Embedded;

/// <summary>Who has a process number now. Numbers come back, after a restart of a container at once; so a number alone proves nothing.</summary>
internal static class LiveProcess
{
    private const int StatePosition = 0;
    private const int StartPosition = 19;

    /// <summary>When this process started, in the system's ticks since boot; "0" where the system does not tell.</summary>
    public static string OwnStart => ReadStat(Environment.ProcessId)?[StartPosition] ?? "0";

    /// <summary>Whether the number is taken, even by a process that ended and was not yet collected.</summary>
    public static bool IsTaken(int processId)
    {
        if (OperatingSystem.IsLinux())
            return Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}"));
        return Named(processId) is not null;
    }

    /// <summary>Whether <paramref name="processId"/> lives and is the one that started at <paramref name="start"/> (see <see cref="OwnStart"/>).</summary>
    public static bool IsAlive(int processId, string start)
    {
        if (!OperatingSystem.IsLinux())
            return Named(processId) is not null;
        return ReadStat(processId) is { } stat && !HasEnded(stat) && (start is "0" || string.Equals(stat[StartPosition], start, StringComparison.Ordinal));
    }

    /// <summary>Whether <paramref name="processId"/> is the server that wrote <paramref name="postmasterFile"/>.</summary>
    public static bool IsServer(int processId, string postmasterFile)
    {
        if (!OperatingSystem.IsLinux())
            return Named(processId)?.Contains("postgres", StringComparison.OrdinalIgnoreCase) == true;
        if (ReadStat(processId) is not { } stat || HasEnded(stat))
            return false;
        var folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}");
        try
        {
            // A server's current folder is its data folder: number, path and start time there are those here.
            return Identity(Path.Combine(folder, "cwd", "postmaster.pid")).SequenceEqual(Identity(postmasterFile), StringComparer.Ordinal);
        }
        catch (UnauthorizedAccessException)
        {
            // Another user's process, in a container without the right to look into it.
            return Named(processId)?.StartsWith("postgres", StringComparison.Ordinal) == true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Identity(string postmasterFile) => File.ReadAllLines(postmasterFile).Take(3);

    private static bool HasEnded(string[] stat) => stat[StatePosition] is "Z" or "X";

    /// <summary>The fields of <c>/proc/N/stat</c> after the name, which may hold blanks and brackets itself.</summary>
    private static string[]? ReadStat(int processId)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string? Named(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return process.ProcessName;
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }
}
