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
    /// <summary>The first <paramref name="program"/> on PATH, or null.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program))
            .FirstOrDefault(File.Exists);

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
