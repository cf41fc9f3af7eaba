using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sms.Integration.Tests.Operations;
using Sms.Testing;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Documents;

/// <summary>What README and docs tell one to type works as it stands there.</summary>
public sealed partial class DocumentedCommandTests : IDisposable
{
    /// <summary>Beginnings of commands that are not run here, and why.</summary>
    private static readonly (string Beginning, string Why)[] NotRun =
    [
        ("dotnet run --project src/Sms.Silo", "builds, and takes ports 5080 and 11111; the reader's program is the one that it would start"),
        ("dotnet test", "is what runs this test"),
        ("UPDATE_AREA_CODES=1 dotnet run", "writes into the repository"),
        ("UPDATE_OPENAPI=1 dotnet run", "writes into the repository"),
        ("docker compose up", "needs a daemon; ContainerTests look at its file"),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("sms-reader-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_command_of_README_and_docs_runs_as_it_is_copied()
    {
        Assert.SkipUnless(File.Exists("/bin/bash") && File.Exists("/usr/bin/curl"), "There is no bash, or no curl.");
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var silo = await SiloProcess.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["SMS_DATA_DIR"] = Path.Combine(_folder, "data") });
        var reader = new Reader(silo, database, _folder);
        var unused = NotRun.Select(n => n.Beginning).ToHashSet(StringComparer.Ordinal);
        var run = 0;
        foreach (var (name, text) in Documents())
        {
            reader.OpenTerminal();
            foreach (var command in Command.In(name, text))
                await ReadAsync(command);
        }

        Assert.Empty(unused);
        Figures.Print($"{run} commands of README and docs run as they stand there");
        Assert.InRange(run, 20, 500);

        async Task ReadAsync(Command command)
        {
            if (NotRun.FirstOrDefault(n => command.Text.StartsWith(n.Beginning, StringComparison.Ordinal)) is { Beginning: not null } not)
            {
                unused.Remove(not.Beginning);
                RequireWhatItNames(command);
                return;
            }

            await reader.RunAsync(command);
            run++;
        }
    }

    /// <summary>A verb and a path in a sentence are a call that there is.</summary>
    [Fact]
    public void Every_call_that_README_and_docs_name_is_in_the_API()
    {
        var calls = JsonNode.Parse(File.ReadAllText(Path.Combine(ApiDescription.Root(), "docs", "openapi.json")))!["paths"]!.AsObject()
            .SelectMany(p => p.Value!.AsObject().Select(o => $"{o.Key.ToUpperInvariant()} {Place().Replace(p.Key, "{}")}")).ToList();
        var named = 0;
        foreach (var (name, text) in Documents().Where(d => d.Name is not "docs/simulator.md"))
        {
            foreach (var call in Call().Matches(text).Select(m => (Verb: m.Groups["verb"].Value, Path: Place().Replace(m.Groups["path"].Value.Replace("$API", "/v1", StringComparison.Ordinal), "{}").TrimEnd('/'))))
            {
                named++;
                var isThere = call.Path.StartsWith('…')
                    ? calls.Exists(c => c.StartsWith($"{call.Verb} ", StringComparison.Ordinal) && c.EndsWith(call.Path[1..], StringComparison.Ordinal))
                    : calls.Contains($"{call.Verb} {call.Path}", StringComparer.Ordinal);
                Assert.True(isThere, $"{name}: there is no {call.Verb} {call.Path}");
            }
        }

        Assert.InRange(named, 20, 1000);
    }

    /// <summary>A variable that a document sets is a setting, or the compose file's.</summary>
    [Fact]
    public void Every_setting_that_README_and_docs_name_is_in_the_table()
    {
        var table = File.ReadAllText(Path.Combine(ApiDescription.Root(), "docs", "configuration.md"));
        var compose = File.ReadAllText(Path.Combine(ApiDescription.Root(), "docker-compose.yml"));
        foreach (var (name, text) in Documents())
        {
            foreach (var setting in Setting().Matches(text).Select(m => m.Value).Distinct(StringComparer.Ordinal))
                Assert.True(table.Contains(setting, StringComparison.Ordinal) || compose.Contains(setting, StringComparison.Ordinal), $"{name}: {setting} is not in docs/configuration.md.");
        }
    }

    /// <summary>Of what is not run, the project and the class of tests are there.</summary>
    private static void RequireWhatItNames(Command command)
    {
        if (Project().Match(command.Text) is { Success: true } project)
            Assert.True(Directory.Exists(Path.Combine(ApiDescription.Root(), project.Groups["path"].Value)), $"{command.Place}: there is no {project.Value}");
        if (TestClass().Match(command.Text) is { Success: true } tests)
            Assert.True(
                Directory.EnumerateFiles(Path.Combine(ApiDescription.Root(), "tests"), $"{tests.Groups["name"].Value}.cs", SearchOption.AllDirectories).Any(),
                $"{command.Place}: there is no {tests.Value}");
    }

    /// <summary>README first: the others go on from what it set.</summary>
    private static IEnumerable<(string Name, string Text)> Documents() =>
        [.. Directory.EnumerateFiles(Path.Combine(ApiDescription.Root(), "docs"), "*.md").Order(StringComparer.Ordinal).Prepend(Path.Combine(ApiDescription.Root(), "README.md"))
            .Select(f => (Path.GetRelativePath(ApiDescription.Root(), f), File.ReadAllText(f)))];

    [GeneratedRegex(@"`(?<verb>GET|POST|PUT|PATCH|DELETE) (?<path>(\$API|/v1|…)?/[^?`\s]*)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();

    [GeneratedRegex(@"\{\w+\}|\$\w+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Place();

    [GeneratedRegex(@"\b(SMS_[A-Z_]*[A-Z]|TWILIO_[A-Z_]*[A-Z]|Sms__\w+|ConnectionStrings__\w+)\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Setting();

    [GeneratedRegex("--project (?<path>[^ ]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Project();

    [GeneratedRegex(@"--filter-class [\w.]*\.(?<name>\w+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TestClass();
}
