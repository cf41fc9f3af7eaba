using System.Text.RegularExpressions;

namespace Sms.Integration.Tests.Operations;

/// <summary>tests/CONTRACT.md says which test fails without which promise: each of them is there.</summary>
public sealed partial class ContractTableTests
{
    [Fact]
    public void Every_test_that_the_table_names_exists()
    {
        var tests = Path.Combine(ApiDescription.Root(), "tests");
        var sources = Directory.EnumerateFiles(tests, "*Tests.cs", SearchOption.AllDirectories).ToLookup(f => Path.GetFileNameWithoutExtension(f), File.ReadAllText, StringComparer.Ordinal);
        var named = Names().Matches(File.ReadAllText(Path.Combine(tests, "CONTRACT.md")));
        Assert.InRange(named.Count, 100, 1000);
        Assert.All(named, name => Assert.True(
            sources[name.Groups["class"].Value].Any(s => !name.Groups["method"].Success || s.Contains($" {name.Groups["method"].Value}(", StringComparison.Ordinal)), name.Value));
    }

    [GeneratedRegex(@"`(?<class>[A-Z][A-Za-z]+Tests)(\.(?<method>[A-Za-z0-9_]+))?`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Names();
}
