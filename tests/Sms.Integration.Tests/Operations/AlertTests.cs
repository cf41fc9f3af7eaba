using System.Diagnostics;
using System.Text.RegularExpressions;
using Sms.Integration.Tests.Api;

namespace Sms.Integration.Tests.Operations;

/// <summary>The rules for Prometheus: they ask for figures that there are, ring when they should, and are what the document says.</summary>
public sealed partial class AlertTests(SharedSilo shared)
{
    private static readonly string Folder = Path.Combine(ApiDescription.Root(), "ops");

    private static readonly string Rules = File.ReadAllText(Path.Combine(Folder, "alerts.yml"));

    private static readonly string Operations = File.ReadAllText(Path.Combine(ApiDescription.Root(), "docs", "operations.md"));

    [Fact]
    public async Task They_ring_when_they_should_and_not_while_all_is_well()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(p => File.Exists(Path.Combine(p, "promtool"))), "promtool is not installed: it comes with Prometheus.");
        foreach (var arguments in new[] { new[] { "check", "rules", "alerts.yml" }, ["test", "rules", "alerts.test.yml"] })
        {
            using var promtool = Process.Start(new ProcessStartInfo("promtool", arguments) { UseShellExecute = false, WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var (output, errors) = (promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(promtool.ExitCode == 0, await output + await errors);
        }
    }

    [Fact]
    public void Each_is_tried_on_a_healthy_system_on_which_nothing_is_sent()
    {
        var tried = Tried().Matches(File.ReadAllText(Path.Combine(Folder, "alerts.test.yml"))).Select(m => m.Groups["name"].Value);
        Assert.Equal(Rule().Matches(Rules).Select(m => m.Groups["name"].Value).Order(StringComparer.Ordinal), tried.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_document_has_the_same_rules()
    {
        var documented = Row().Matches(Operations).Select(m => (m.Groups["name"].Value, m.Groups["expression"].Value.Replace("\\|", "|", StringComparison.Ordinal), m.Groups["for"].Value));
        Assert.Equal(Rule().Matches(Rules).Select(m => (m.Groups["name"].Value, m.Groups["expression"].Value, m.Groups["for"].Value)), documented);
    }

    [Fact]
    public async Task All_figures_that_rules_and_document_name_are_served_and_all_that_are_served_are_in_the_document()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        await business.WhenAsync(await business.SendTransactionalAsync(api.NewNumber()), m => m.MessageStatus is "sent" or "delivered");
        // The upkeep runs once a second; its figures appear with its first run.
        await Postgres.Eventually.TrueAsync(async () => (await MetricsAsync(api)).Contains("sms_upkeep_runs_total{", StringComparison.Ordinal));
        var text = await MetricsAsync(api);
        var served = Type().Matches(text).SelectMany(m => m.Groups["type"].Value is "histogram"
            ? [m.Groups["name"].Value, $"{m.Groups["name"].Value}_count", $"{m.Groups["name"].Value}_bucket"] : new[] { m.Groups["name"].Value }).ToHashSet(StringComparer.Ordinal);

        var named = Figure().Matches(Rules).Select(m => m.Value).Concat(Listed().Matches(Operations).Select(m => m.Groups["name"].Value));
        Assert.Equal([], named.Except(served, StringComparer.Ordinal));
        Assert.DoesNotContain(
            Type().Matches(text).Select(m => m.Groups["name"].Value), n => n.StartsWith("sms_", StringComparison.Ordinal) && !Operations.Contains($"`{n}`", StringComparison.Ordinal));
        foreach (var (figure, labels) in Selector().Matches(Rules).Select(m => (m.Groups["figure"].Value, m.Groups["label"].Captures.Select(c => c.Value))))
        {
            foreach (var label in labels.Where(_ => figure is not "up"))
                Assert.True(Regex.IsMatch(text, $"(?m)^{figure}\\{{[^}}]*\\b{label}=", RegexOptions.None, TimeSpan.FromSeconds(5)), $"{figure} has no label {label}.");
        }
    }

    /// <summary>A counter whose first count is also its first sample has not grown, to Prometheus.</summary>
    [Fact]
    public async Task Counters_that_alerts_ask_for_begin_at_zero()
    {
        await using var api = await RunningApi.StartAsync();
        var text = await MetricsAsync(api);
        foreach (var sample in new[]
        {
            "sms_silos_lost_total", "sms_attempts_expired_total", "sms_queue_recovered_rows_total", "sms_callbacks_total{outcome=\"double\"}",
            "sms_callbacks_total{outcome=\"unknown\"}", "sms_requests_turned_away_total{room=\"business\"}", "sms_requests_turned_away_total{room=\"webhook\"}",
        })
            Assert.Contains($"\n{sample} 0\n", text, StringComparison.Ordinal);
    }

    private static async Task<string> MetricsAsync(RunningApi api) => (await api.Client.GetAsync("/metrics")).Text;

    [GeneratedRegex(@"- alert: (?<name>\w+)\n\s+expr: (?<expression>.*)\n(\s+for: (?<for>\w+)\n)?", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Rule();

    [GeneratedRegex(@"(?m)^\| `(?<name>Sms\w+)` \| `(?<expression>[^`]+)`( for (?<for>\w+))? \|", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Row();

    [GeneratedRegex(@"eval_time: 2h, alertname: (?<name>\w+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Tried();

    [GeneratedRegex("(?m)^# TYPE (?<name>[a-z0-9_]+) (?<type>[a-z]+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Type();

    [GeneratedRegex(@"\b(sms|http_server)_[a-z_]+[a-z]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Figure();

    [GeneratedRegex("(?m)^\\| `(?<name>(sms|http)_[a-z_]+)` \\|", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Listed();

    [GeneratedRegex("""(?<figure>[a-z_]+)\{((?<label>[a-z_]+)=~?"[^"]*",?)+\}""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Selector();
}
