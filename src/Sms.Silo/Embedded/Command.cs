using System.Diagnostics;

namespace Sms.Silo.Embedded;

/// <summary>A program run to its end.</summary>
/// <param name="ExitCode">0: it says that it succeeded.</param>
/// <param name="Output">Standard output, then standard error.</param>
internal sealed record CommandResult(int ExitCode, string Output)
{
    public bool Succeeded => ExitCode == 0;

    /// <summary>The end of what it said, in one line.</summary>
    public string Summary => OneLine.Tail(Output) is { Length: > 0 } tail ? tail : $"exit code {ExitCode}";
}

internal static class Command
{
    /// <summary>The first <paramref name="program"/> on PATH that may be executed, or null.</summary>
    public static string? Find(string program) => Find(program, Environment.GetEnvironmentVariable("PATH") ?? "");

    /// <param name="program">Its name.</param>
    /// <param name="path">As PATH has it.</param>
    public static string? Find(string program, string path) =>
        path
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program))
            .FirstOrDefault(IsProgram);

    private static bool IsProgram(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != UnixFileMode.None);

    /// <summary>What programs need of this process's environment, in which secrets stand: nothing else is passed on.</summary>
    private static readonly string[] Needed = ["PATH", "PATHEXT", "SystemRoot", "TEMP", "TMP", "LC_ALL", "TZ"];

    /// <summary>What those need too that fetch something: proxies, certificates, and npm's own settings.</summary>
    private static readonly string[] NeededToFetch =
        ["HOME", "USERPROFILE", "APPDATA", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];

    private const string NpmSettings = "NPM_CONFIG_";

    /// <summary>A program that fetches something from elsewhere; else as <see cref="Describe"/>.</summary>
    public static ProcessStartInfo DescribeFetch(string program, params IEnumerable<string> arguments)
    {
        var start = Describe(program, arguments);
        foreach (var (name, value) in Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().Select(e => ((string)e.Key, (string?)e.Value)))
        {
            if (NeededToFetch.Contains(name, StringComparer.OrdinalIgnoreCase) || name.StartsWith(NpmSettings, StringComparison.OrdinalIgnoreCase))
                start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>A program with its streams redirected and hardly any environment.</summary>
    public static ProcessStartInfo Describe(string program, params IEnumerable<string> arguments)
    {
        // All three streams are ours: a child that kept the host's would hold its terminal or pipe open.
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Except(Needed, StringComparer.OrdinalIgnoreCase).ToList())
            start.Environment.Remove(name);
        return start;
    }

    public static Task<CommandResult> RunAsync(string program, IEnumerable<string> arguments, CancellationToken ct) =>
        RunAsync(Describe(program, arguments), ct);

    /// <summary>Runs it to its end; a cancelled one is killed, but not its children: a server just started is to shut down, a package half installed to be finished.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static async Task<CommandResult> RunAsync(ProcessStartInfo start, CancellationToken ct)
    {
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(ct);
            var error = process.StandardError.ReadToEndAsync(ct);
            var said = await output + await error;
            await process.WaitForExitAsync(ct);
            return new CommandResult(process.ExitCode, said);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}

internal static class OneLine
{
    private const int Lines = 5;

    /// <summary>The last lines of <paramref name="text"/> that are not blank, joined.</summary>
    public static string Tail(string text) => string.Join(" | ",
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(Lines));
}
