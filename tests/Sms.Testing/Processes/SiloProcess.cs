using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Sms.Testing.Processes;

/// <summary>The built program as a process of its own, on free ports; stopped by its id.</summary>
public sealed class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;
    private readonly List<string> _output = [];

    private SiloProcess(Process process, Uri url)
    {
        _process = process;
        Url = url;
        Http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>Where the API listens.</summary>
    public Uri Url { get; }

    /// <summary>A client without a key; see <see cref="UseKey"/>.</summary>
    public HttpClient Http { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>What it wrote to both streams so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return string.Join('\n', _output);
        }
    }

    /// <summary>Starts <c>Sms.Silo</c> (or <c>Sms.Api</c>) with these settings and waits until it is ready.</summary>
    public static async Task<SiloProcess> StartAsync(IReadOnlyDictionary<string, string> settings, string program = "Sms.Silo")
    {
        var silo = Launch(settings, program);
        var started = Stopwatch.GetTimestamp();
        while (!await silo.IsReadyAsync())
        {
            if (silo.HasExited || Stopwatch.GetElapsedTime(started) > Patience)
            {
                await silo.DisposeAsync();
                throw new InvalidOperationException($"{program} did not become ready:\n{silo.Output}");
            }

            await Task.Delay(50);
        }

        return silo;
    }

    /// <summary>Starts it and does not wait.</summary>
    public static SiloProcess Launch(IReadOnlyDictionary<string, string> settings, string program = "Sms.Silo")
    {
        var url = new Uri($"http://127.0.0.1:{FreePort()}");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"{program}.dll")])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var inherited in start.Environment.Keys.Where(k =>
            k.StartsWith("SMS_", StringComparison.OrdinalIgnoreCase) && k is not ("SMS_PG_BIN" or "SMS_PG_INSTALL")
            || k.StartsWith("TWILIO_", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(inherited);
        }

        start.Environment["SMS_URLS"] = url.GetLeftPart(UriPartial.Authority);
        start.Environment["SMS_SILO_PORT"] = "0";
        start.Environment["SMS_GATEWAY_PORT"] = "0";
        // A test host sets this for itself.
        start.Environment["DOTNET_gcServer"] = "0";
        foreach (var (name, value) in settings)
            start.Environment[name] = value;

        var process = new Process { StartInfo = start };
        var silo = new SiloProcess(process, url);
        process.OutputDataReceived += (_, e) => silo.Note(e.Data);
        process.ErrorDataReceived += (_, e) => silo.Note(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return silo;
    }

    public void UseKey(string key) => Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        return await ExitAsync();
    }

    /// <summary>Waits for its end; returns the exit code.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        Http.Dispose();
        _process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (_output)
            _output.Add(line);
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var reply = await Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return reply.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
