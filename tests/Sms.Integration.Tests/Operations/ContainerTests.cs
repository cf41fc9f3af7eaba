using System.Globalization;
using System.Text.RegularExpressions;
using Sms.Dispatch;

namespace Sms.Integration.Tests.Operations;

/// <summary>What can be known of the images without building them.</summary>
public sealed partial class ContainerTests
{
    private static readonly string Root = ApiDescription.Root();

    [Fact]
    public void Whatever_is_copied_into_an_image_is_there_and_let_in()
    {
        var let = File.ReadLines(Path.Combine(Root, ".dockerignore")).Where(l => l.StartsWith('!')).Select(l => l[1..]).ToList();
        var copied = Lines("Dockerfile").Where(l => l.StartsWith("COPY ", StringComparison.Ordinal) && !l.Contains("--from", StringComparison.Ordinal))
            .SelectMany(l => l.Split(' ')[1..^1]).ToList();
        Assert.NotEmpty(copied);
        Assert.All(copied, path => Assert.True(Path.Exists(Path.Combine(Root, path)), path));
        Assert.All(copied, path => Assert.Contains(path.Split('/')[0], let));
        // All of them are restored before the sources come.
        var projects = Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(Root, p));
        Assert.Equal(projects.Order(StringComparer.Ordinal), copied.Where(p => p.EndsWith(".csproj", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Both_images_run_without_rights_and_ask_themselves_for_their_health()
    {
        var lines = Lines("Dockerfile").ToList();
        var (user, entries) = (lines.IndexOf("USER $APP_UID"), lines.Where(l => l.StartsWith("ENTRYPOINT", StringComparison.Ordinal)).ToList());
        Assert.Equal(["ENTRYPOINT [\"dotnet\", \"Sms.Silo.dll\"]", "ENTRYPOINT [\"dotnet\", \"Sms.Api.dll\"]"], entries);
        Assert.InRange(user, lines.FindIndex(l => l.EndsWith("AS base", StringComparison.Ordinal)), lines.IndexOf(entries[0]));
        Assert.DoesNotContain(lines[(user + 1)..], l => l.StartsWith("USER", StringComparison.Ordinal));
        foreach (var program in new[] { "Sms.Silo.dll", "Sms.Api.dll" })
        {
            Assert.Contains(lines, l => l.EndsWith($"CMD [\"dotnet\", \"{program}\", \"health\"]", StringComparison.Ordinal));
            Assert.Contains(Lines("docker-compose.yml"), l => l.EndsWith($"[\"CMD\", \"dotnet\", \"{program}\", \"health\"]", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_settings_of_compose_are_documented_and_a_silo_is_given_time_to_stop()
    {
        var documented = File.ReadAllText(Path.Combine(Root, "docs", "configuration.md"));
        var set = Lines("docker-compose.yml").Select(l => Setting().Match(l)).Where(m => m.Success).Select(m => m.Groups["name"].Value).ToList();
        Assert.Contains("SMS_API", set);
        Assert.All(set, name => Assert.Contains($"`{name}`", documented, StringComparison.Ordinal));

        var silo = Lines("docker-compose.yml").SkipWhile(l => !l.StartsWith("x-silo:", StringComparison.Ordinal)).TakeWhile(l => !l.StartsWith("x-api:", StringComparison.Ordinal));
        var grace = silo.Select(l => Grace().Match(l)).Single(m => m.Success).Groups["seconds"].Value;
        var dispatch = new DispatchOptions();
        Assert.True(TimeSpan.FromSeconds(int.Parse(grace, CultureInfo.InvariantCulture)) > dispatch.LeaveBy + dispatch.Timeout + TimeSpan.FromSeconds(15));
    }

    private static IEnumerable<string> Lines(string file) => File.ReadLines(Path.Combine(Root, file));

    [GeneratedRegex("^ +(?<name>(ConnectionStrings__|SMS_|TWILIO_|Sms__)[A-Za-z_]+):", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Setting();

    [GeneratedRegex("^ +stop_grace_period: (?<seconds>[0-9]+)s$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Grace();
}
