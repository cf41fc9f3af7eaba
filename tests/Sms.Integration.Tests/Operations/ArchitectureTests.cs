using System.Text.RegularExpressions;

namespace Sms.Integration.Tests.Operations;

/// <summary>docs/architecture.md names methods and functions that exist, and the walk of a send stays short.</summary>
public sealed partial class ArchitectureTests
{
    /// <summary>Calls from one method of ours to another in another file, and types that carry the message's data.</summary>
    private const int MostHops = 30, MostShapes = 15;

    private static readonly string Document = File.ReadAllText(Path.Combine(ApiDescription.Root(), "docs", "architecture.md"));

    public static TheoryData<string, string> Steps() =>
        [.. Step().Matches(Document).Select(m => (m.Groups["file"].Value, m.Groups["step"].Value))];

    [Theory]
    [MemberData(nameof(Steps))]
    public void Each_step_is_where_the_document_says(string file, string step)
    {
        var text = File.ReadAllText(Path.Combine(ApiDescription.Root(), file));

        Assert.Matches(
            file.EndsWith(".sql", StringComparison.Ordinal) ? $"create function {Regex.Escape(step)}\\(" : $@"[\w>\])?] {step}(?:<\w+>)?\(", text);
    }

    [Fact]
    public void The_walk_of_a_send_is_short()
    {
        var walk = Document[Document.IndexOf("## A send", StringComparison.Ordinal)..Document.IndexOf("## A row that waits", StringComparison.Ordinal)];
        var shapes = walk[walk.IndexOf("The shapes", StringComparison.Ordinal)..];

        Assert.InRange(Step().Count(walk), 20, MostHops);
        Assert.InRange(Word().Count(shapes), 10, MostShapes);
        foreach (var shape in Word().Matches(shapes).Select(m => m.Groups["word"].Value))
        {
            Assert.Contains(
                Directory.EnumerateFiles(Path.Combine(ApiDescription.Root(), "src"), "*.cs", SearchOption.AllDirectories),
                file => Regex.IsMatch(File.ReadAllText(file), $@"(?:record|record struct|class) {shape}\b", RegexOptions.None, TimeSpan.FromSeconds(1)));
        }
    }

    [GeneratedRegex(@"^\| \d+ \| `(?<file>[^`]+)` \| `(?<step>[^`]+)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Step();

    [GeneratedRegex("`(?<word>[A-Za-z]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Word();
}
