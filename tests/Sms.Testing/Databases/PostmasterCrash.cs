using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Sms.Silo.Embedded;

namespace Sms.Testing.Databases;

/// <summary>kill -9 of a server's postmaster, and the same server again on the same port and data.</summary>
internal static class PostmasterCrash
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(string adminConnectionString, Func<Task>? whileDown = null)
    {
        var (id, programs, data) = await FindAsync(adminConnectionString);
        using (var postmaster = Process.GetProcessById(id))
            postmaster.Kill();
        if (whileDown is not null)
            await whileDown();

        // Its children notice the death one after the other; while one lives the data is in use.
        var died = Stopwatch.GetTimestamp();
        while (IsInUse(data))
        {
            if (Stopwatch.GetElapsedTime(died) > Patience)
                throw new InvalidOperationException("Children of the dead PostgreSQL live on.");
            await Task.Delay(20);
        }

        // Where nobody collects orphans the dead one keeps its number, and would be taken for a server.
        if (LiveProcess.IsTaken(id))
            File.Delete(Path.Combine(data, "postmaster.pid"));

        // As root it ran in a namespace of its own and goes on in one; restart takes the port and settings of the last start.
        var account = await ServerAccount.ChooseAsync(CancellationToken.None);
        var restarted = await account.RunAsync(
            Path.Combine(programs, "pg_ctl"), ["restart", "-w", "-s", "-t", "60", "-D", data, "-l", data + ".log"], CancellationToken.None);
        if (!restarted.Succeeded)
            throw new InvalidOperationException($"PostgreSQL did not come back: {restarted.Summary} {await File.ReadAllTextAsync(data + ".log")}");
    }

    private static async Task<(int Id, string Programs, string Data)> FindAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var find = new NpgsqlCommand("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1), current_setting('data_directory')", connection);
        await using var found = await find.ExecuteReaderAsync();
        await found.ReadAsync();
        var id = int.Parse(found.GetString(0), CultureInfo.InvariantCulture);
        var program = File.ResolveLinkTarget($"/proc/{id}/exe", returnFinalTarget: true)!.FullName;
        return (id, Path.GetDirectoryName(program)!, found.GetString(1));
    }

    /// <summary>Whether a process lives whose folder this is: a server and its children change into their data.</summary>
    private static bool IsInUse(string data) => Directory.GetDirectories("/proc").Any(process =>
    {
        try
        {
            return int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out _)
                && string.Equals(File.ResolveLinkTarget(Path.Combine(process, "cwd"), returnFinalTarget: false)?.FullName, data, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile, or is another user's.
            return false;
        }
    });
}
