using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Documents;

/// <summary>
/// Somebody who copies the documents' commands into a shell, one after the other, and fills in what they say is to be filled
/// in. The program runs as the README starts it, on another port.
/// </summary>
internal sealed partial class Reader(SiloProcess silo, TestDatabase database, string folder)
{
    /// <summary>What a reader has at hand: what the program prints, and a database that is called for by name.</summary>
    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal)
    {
        ["ADMIN"] = silo.AnnouncedKey,
        ["SIM"] = new Uri(silo.SimulatorUrl, ".").AbsoluteUri.TrimEnd('/'),
        ["ConnectionStrings__SmsOwner"] = database.ConnectionString,
    };

    private Dictionary<string, string?> _variables = new(StringComparer.Ordinal);
    private JsonNode? _reply;

    /// <summary>Another document is read in another terminal: what was set for the program's next start is not set there.</summary>
    public void OpenTerminal()
    {
        foreach (var setting in _variables.Keys.Where(v => v.Contains('_', StringComparison.Ordinal)).ToList())
            _variables.Remove(setting);
    }

    /// <summary>Runs it; fails with what it says where it does not do what the document promises.</summary>
    public async Task RunAsync(Command command)
    {
        if (command.Language is "sql")
        {
            await database.ExecuteAsync(command.Text);
            return;
        }

        var places = Places().Matches(command.Text).Select(m => m.Groups["name"].Value).ToArray();
        if (OfTheReply().Match(command.Comment) is { Success: true } reply)
        {
            foreach (var (name, member) in places.Zip(reply.Groups["member"].Captures, (name, c) => (name, c.Value)))
                _variables[name] = (_reply?[member] ?? throw new InvalidOperationException($"{command.Place}: the reply has no {member}: {_reply}")).ToString();
        }
        else if (places.Any(_given.ContainsKey))
        {
            foreach (var name in places.Where(_given.ContainsKey))
                _variables[name] = _given[name];
        }
        else
        {
            Assert.True(!command.Text.Contains('…', StringComparison.Ordinal) || command.Text.StartsWith("export ", StringComparison.Ordinal), $"{command.Place} does not say what … is to be: {command.Text}");
            await ShellAsync(command);
        }
    }

    /// <summary>A shell that keeps what the command sets. curl fails on a refusal; the programs are those that the tests were built with.</summary>
    private async Task ShellAsync(Command command)
    {
        const string Before =
            """
            set -euaE -o pipefail
            curl() { command curl --fail-with-body "$@"; }
            dotnet() { command dotnet "$PROGRAMS/$1" "${@:2}"; }
            """;
        var kept = Path.Combine(folder, "variables");
        var start = new ProcessStartInfo("bash", ["-c", $"{Before}\n{command.Text.Replace("http://127.0.0.1:5080", silo.Url.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal)}\nenv -0 > {kept}"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (var (name, value) in _variables)
            start.Environment[name] = value;
        start.Environment["PROGRAMS"] = AppContext.BaseDirectory;
        using var shell = Process.Start(start)!;
        var (output, errors) = (shell.StandardOutput.ReadToEndAsync(), shell.StandardError.ReadToEndAsync());
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{command.Place} ended with {shell.ExitCode}:\n{command.Text}\n{await output}{await errors}");
        _variables = (await File.ReadAllTextAsync(kept)).Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => (string?)v[1], StringComparer.Ordinal);
        if (command.Text.StartsWith("curl ", StringComparison.Ordinal) && (await output).Length > 0)
            _reply = Parse(command, await output);
    }

    private static JsonNode? Parse(Command command, string output)
    {
        try
        {
            return JsonNode.Parse(output);
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"{command.Place} answers no JSON: {output}", e);
        }
    }

    /// <summary>Variables that the reader is to set.</summary>
    [GeneratedRegex(@"(?<![\w-])(?<name>[A-Za-z_]\w*)=", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Places();

    [GeneratedRegex(@"^(?<member>\w+)( and (?<member>\w+))? of the reply", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex OfTheReply();
}
