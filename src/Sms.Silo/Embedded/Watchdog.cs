using System.Diagnostics;

namespace Sms.Silo.Embedded;

/// <summary>This host's hold on the server: while it lasts the server stays up, and when it ends, in whatever way, the last host's watchdog stops the server.</summary>
internal sealed class Watchdog : IDisposable
{
    /// <summary>How long <see cref="LeaveAsync"/> waits; the script itself gives up after 30 s.</summary>
    public const int PatienceSeconds = 40;

    private readonly DataFolder folder;
    private readonly string cluster;
    private readonly bool durable;
    private readonly string registration;

    /// <summary>Null on Windows, which has no shell that could wait.</summary>
    private Process? process;

    private Watchdog(DataFolder folder, string cluster, bool durable)
    {
        (this.folder, this.cluster, this.durable) = (folder, cluster, durable);
        registration = folder.Register();
    }

    public static Watchdog Start(DataFolder folder, string cluster, bool durable)
    {
        var watchdog = new Watchdog(folder, cluster, durable);
        watchdog.Launch();
        return watchdog;
    }

    /// <summary>Says whether a server may be about to appear that has not written its number yet.</summary>
    public void Note(bool starting) => File.WriteAllText(registration, starting ? "starting\n" : "settled\n");

    /// <summary>Lets go, and waits until the server is gone or known to be used by others.</summary>
    /// <returns>False if that was not known after <see cref="PatienceSeconds"/>.</returns>
    public async Task<bool> LeaveAsync()
    {
        if (process is null)
        {
            File.Delete(registration);
            return true;
        }

        if (process.HasExited)
        {
            // Somebody killed it; another finds its pipe closed and does the same work.
            process.Dispose();
            Launch();
        }

        process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(PatienceSeconds));
        try
        {
            await process.WaitForExitAsync(patience.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose() => process?.Dispose();

    private void Launch()
    {
        if (OperatingSystem.IsWindows())
            return;
        string[] shell = ["/bin/sh", "-c", WatchdogScript.Text, "sms-postgres-watchdog", folder.Path, cluster, registration, durable ? "keep" : "delete"];
        // A session of its own: else Ctrl+C, or a kill of the host's process group, would end it together with the host.
        var start = Command.Find("setsid") is { } setsid ? Command.Describe(setsid, shell) : Command.Describe(shell[0], shell[1..]);
        start.WorkingDirectory = "/";
        process = Process.Start(start)!;
    }
}
