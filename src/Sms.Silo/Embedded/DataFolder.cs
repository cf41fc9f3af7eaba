using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Sms.Silo.Embedded;

/// <summary>The folder of <c>SMS_DATA_DIR</c> as the launcher lays it out.</summary>
/// <remarks>
/// <c>pgN/</c> cluster of major N; <c>pgN.new-*/</c> one being made; <c>pgN.password</c>, <c>pgN.admin-password</c> (0600);
/// <c>pgN.log</c>; <c>hosts/</c> one file per process that uses the server; <c>stopping/</c> one per watchdog that is about to
/// stop it; <c>postgres.lock</c>; <c>throw-away</c> marks a folder that is deleted at the end.
/// </remarks>
internal sealed partial class DataFolder
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(25);

    private DataFolder(string path) => Path = path;

    public string Path { get; }

    public string Hosts => In("hosts");

    public string Stopping => In("stopping");

    private string Marker => In("throw-away");

    /// <exception cref="EmbeddedPostgresException">The folder's data may not be treated as <paramref name="durable"/> says.</exception>
    public static DataFolder Open(string path, bool durable)
    {
        var folder = new DataFolder(System.IO.Path.GetFullPath(path));
        MakePrivate(folder.Path);
        if (durable && File.Exists(folder.Marker))
            throw new EmbeddedPostgresException($"{folder.Path} belongs to a throw-away PostgreSQL and is deleted with it: choose another folder");
        if (!durable && !File.Exists(folder.Marker))
        {
            if (Directory.EnumerateFileSystemEntries(folder.Path).Any())
                throw new EmbeddedPostgresException($"{folder.Path} is not empty, and a throw-away PostgreSQL deletes its folder: choose an empty one");
            File.WriteAllText(folder.Marker, "deleted when its PostgreSQL stops\n");
        }

        MakePrivate(folder.Hosts);
        MakePrivate(folder.Stopping);
        return folder;
    }

    public string Cluster(int major) => In(string.Create(CultureInfo.InvariantCulture, $"pg{major}"));

    public string Log(int major) => Cluster(major) + ".log";

    /// <summary>The highest major that has data here, or null.</summary>
    public int? ExistingMajor() => Directory.EnumerateDirectories(Path)
        .Where(folder => File.Exists(System.IO.Path.Combine(folder, "PG_VERSION")))
        .Select(folder => ClusterName().Match(System.IO.Path.GetFileName(folder)))
        .Where(match => match.Success)
        .Select(match => (int?)int.Parse(match.Groups["major"].ValueSpan, CultureInfo.InvariantCulture))
        .Max();

    /// <summary>Held while one process decides whether the server is up and starts it; freed by the system if the process dies.</summary>
    public async Task<IDisposable> LockAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(In("postgres.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException held) when ((held.HResult & 0xFFFF) is 11 or 32 or 35)
            {
                // EAGAIN on Linux, sharing violation on Windows, EAGAIN on macOS: somebody holds it.
                await Task.Delay(Poll, ct);
            }
        }
    }

    /// <summary>Waits for the watchdogs that have decided to stop the server; one that decides later sees our registration.</summary>
    public async Task WaitForStopsAsync(Action onWaiting, CancellationToken ct)
    {
        var told = false;
        while (LiveEntries(Stopping).Any())
        {
            if (!told)
                onWaiting();
            told = true;
            await Task.Delay(Poll, ct);
        }
    }

    /// <summary>Registers this process as a user of the server.</summary>
    /// <returns>The file: <c>process number - its start - random</c>, so that neither a number used again nor a second use is taken for it.</returns>
    public string Register()
    {
        foreach (var file in Directory.EnumerateFiles(Hosts).Except(LiveEntries(Hosts), StringComparer.Ordinal).ToList())
            File.Delete(file);
        var name = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{LiveProcess.OwnStart}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        var path = System.IO.Path.Combine(Hosts, name);
        File.WriteAllText(path, "settled\n");
        return path;
    }

    public bool HasHosts() => LiveEntries(Hosts).Any();

    public string AdminPassword(int major) => Cluster(major) + ".admin-password";

    public string Password(int major) => Cluster(major) + ".password";

    public string ApplicationPassword(int major) => Cluster(major) + ".login-password";

    /// <summary>The secret in <paramref name="path"/>; made, flushed and readable by the owner only, if there is none.</summary>
    public static async Task<string> ReadOrMakeSecretAsync(string path, CancellationToken ct)
    {
        if (File.Exists(path))
            return (await File.ReadAllTextAsync(path, ct)).Trim();
        var secret = RandomNumberGenerator.GetHexString(40, lowercase: true);
        var half = path + ".new";
        File.Delete(half);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var file = new FileStream(half, options))
        {
            await file.WriteAsync(System.Text.Encoding.ASCII.GetBytes(secret + "\n"), ct);
            file.Flush(flushToDisk: true);
        }

        File.Move(half, path);
        return secret;
    }

    public static void MakePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Lets another user pass through to the cluster, which is its own; what else is here keeps its own rights.</summary>
    public void OpenPassage()
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, File.GetUnixFileMode(Path) | UnixFileMode.OtherExecute);
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);

    private static IEnumerable<string> LiveEntries(string folder) => Directory.EnumerateFiles(folder).Where(file =>
        System.IO.Path.GetFileName(file).Split('-') is [var id, var start, ..]
        && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var processId)
        && LiveProcess.IsAlive(processId, start));

    [GeneratedRegex("^pg(?<major>[0-9]+)$", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex ClusterName();
}
