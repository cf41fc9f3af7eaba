using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Npgsql;
using Sms.Api;

namespace Sms.Testing.Databases;

/// <summary>The pooler PgBouncer in front of a test's database, as a process of its own.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private static readonly string? Program = new[] { "/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer", "/usr/local/bin/pgbouncer" }.FirstOrDefault(File.Exists);

    private readonly Process _process;
    private readonly string _folder;

    private PgBouncer(Process process, string folder, string connectionString) => (_process, _folder, ConnectionString) = (process, folder, connectionString);

    public static bool IsInstalled => Program is not null;

    /// <summary>Leads to the database through the pooler, as the login that owns it.</summary>
    public string ConnectionString { get; }

    /// <param name="database">Whose connections it keeps.</param>
    /// <param name="mode"><c>session</c> or <c>transaction</c>.</param>
    public static async Task<PgBouncer> StartAsync(TestDatabase database, string mode)
    {
        var server = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var folder = Path.Combine(Path.GetTempPath(), $"sms-pgbouncer-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        var port = FreePorts.Any(first: 27_000);
        await File.WriteAllTextAsync(Path.Combine(folder, "users.txt"), $"\"{server.Username}\" \"{server.Password}\"\n");
        await File.WriteAllTextAsync(
            Path.Combine(folder, "pgbouncer.ini"),
            $"""
            [databases]
            {server.Database} = host={server.Host} port={server.Port.ToString(CultureInfo.InvariantCulture)}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port.ToString(CultureInfo.InvariantCulture)}
            unix_socket_dir =
            auth_type = plain
            auth_file = {folder}/users.txt
            pool_mode = {mode}
            default_pool_size = 60
            max_client_conn = 200
            """);
        var start = new ProcessStartInfo(Program!, [Path.Combine(folder, "pgbouncer.ini")]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        // It refuses to run as root.
        if (Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows())
        {
            start.UserName = "nobody";
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var pooler = new PgBouncer(process, folder, new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = port, Pooling = true }.ConnectionString);
        await pooler.WhenListeningAsync(port);
        return pooler;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task WhenListeningAsync(int port)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port);
                return;
            }
            catch (SocketException) when (!_process.HasExited && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(20);
            }
        }
    }
}
