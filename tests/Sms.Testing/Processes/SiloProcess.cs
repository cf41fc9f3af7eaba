using System.Diagnostics;
using System.Net.Http.Headers;
using Sms.Api;

namespace Sms.Testing.Processes;

/// <summary>The built program as a process of its own, on free ports; stopped by its id.</summary>
public sealed class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];

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

    /// <summary>What it wrote to the error stream so far.</summary>
    public string[] Errors
    {
        get
        {
            lock (_output)
                return [.. _errors];
        }
    }

    /// <summary>Where its simulator listens, as it announces it: known once it is ready.</summary>
    public Uri SimulatorUrl => new(Announced("Simulator:"));

    /// <summary>The admin key that it announces with the embedded PostgreSQL.</summary>
    public string AnnouncedKey => Announced("Admin key:");

    /// <summary>Starts <c>Sms.Silo</c> (or <c>Sms.Api</c>) with these settings and waits until it is ready.</summary>
    public static async Task<SiloProcess> StartAsync(IReadOnlyDictionary<string, string> settings, string program = "Sms.Silo", params string[] arguments)
    {
        var silo = Launch(settings, program, arguments);
        var started = Stopwatch.GetTimestamp();
        // It announces itself after it listens; both are waited for, so that what it announces is known.
        while (!await silo.IsReadyAsync() || (string.Equals(program, "Sms.Silo", StringComparison.Ordinal) && !silo.Output.Contains("Ready.", StringComparison.Ordinal)))
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

    /// <summary>Waits until it says that it is ready: where its health cannot be asked for by the API's address.</summary>
    public async Task AnnouncedAsync()
    {
        var started = Stopwatch.GetTimestamp();
        while (!Output.Contains("Ready.", StringComparison.Ordinal))
        {
            if (HasExited || Stopwatch.GetElapsedTime(started) > Patience)
                throw new InvalidOperationException($"It did not become ready:\n{Output}");
            await Task.Delay(50);
        }
    }

    /// <summary>Starts it and does not wait.</summary>
    /// <param name="settings">Its environment, SMS_URLS if it must be a certain one; an empty value removes one that is set here by default.</param>
    /// <param name="program">The assembly's name.</param>
    /// <param name="arguments">Its command line; <c>{url}</c> in it stands for <see cref="Url"/>.</param>
    public static SiloProcess Launch(IReadOnlyDictionary<string, string> settings, string program = "Sms.Silo", params string[] arguments)
    {
        var url = new Uri(settings.TryGetValue("SMS_URLS", out var fixedUrl) && fixedUrl.Length > 0 ? fixedUrl : $"http://127.0.0.1:{FreePort()}");
        // A session of its own: its process group has its number, and the terminal's Ctrl+C does not reach it.
        var start = new ProcessStartInfo("setsid", [
            "dotnet",
            Path.Combine(AppContext.BaseDirectory, $"{program}.dll"),
            .. arguments.Select(a => a.Replace("{url}", url.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal))])
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
        {
            if (value.Length > 0)
                start.Environment[name] = value;
            else
                start.Environment.Remove(name);
        }

        var process = new Process { StartInfo = start };
        var silo = new SiloProcess(process, url);
        process.OutputDataReceived += (_, e) => silo.Note(e.Data, isError: false);
        process.ErrorDataReceived += (_, e) => silo.Note(e.Data, isError: true);
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

    /// <summary>kill -9 of its whole process group, as when a terminal or a container goes away.</summary>
    public async Task KillGroupAsync()
    {
        await SignalAsync("-KILL", -_process.Id);
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        await SignalAsync("-TERM", _process.Id);
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

    private static async Task SignalAsync(string signal, int target)
    {
        using var kill = Process.Start("kill", [signal, "--", target.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private string Announced(string name) =>
        Output.Split('\n').Single(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Trim();

    private void Note(string? line, bool isError)
    {
        if (line is null)
            return;
        lock (_output)
        {
            _output.Add(line);
            if (isError)
                _errors.Add(line);
        }
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

    public static int FreePort() => FreePorts.Any(first: 26_000);
}
