using System.Globalization;
using System.Text.RegularExpressions;

namespace Sms.Integration.Tests.Operations;

/// <summary>The grammar of Prometheus' text format, as strict as the format's own description and a little stricter: no comments, times or empty lines.</summary>
/// <remarks>Source: Prometheus documentation, "Exposition formats", text format 0.0.4, and "Data model" for names.</remarks>
internal static partial class PrometheusText
{
    /// <summary>Fails with the line that breaks the grammar.</summary>
    public static void Check(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var begun = new HashSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var (help, family, type) = ("", "", "");
        var samples = new List<Sample>();
        foreach (var line in text[..^1].Split('\n'))
        {
            if (Help().Match(line) is { Success: true } h)
            {
                Check(help.Length == 0 && !begun.Contains(h.Groups["name"].Value), line);
                help = h.Groups["name"].Value;
            }
            else if (Type().Match(line) is { Success: true } t)
            {
                CheckFamily(type, samples);
                (family, type) = (t.Groups["name"].Value, t.Groups["type"].Value);
                samples.Clear();
                Check((help.Length == 0 || help == family) && begun.Add(family), line);
                Check(type is not "counter" || family.EndsWith("_total", StringComparison.Ordinal), line);
                help = "";
            }
            else
            {
                var sample = Sample.Read(line);
                Check(help.Length == 0 && family.Length > 0, line);
                Check(type is "histogram" ? sample.Name.StartsWith(family, StringComparison.Ordinal) && sample.Name[family.Length..] is "_bucket" or "_sum" or "_count" : sample.Name == family, line);
                Check(sample.Labels.ContainsKey("le") == sample.Name.EndsWith("_bucket", StringComparison.Ordinal), line);
                Check(type is "gauge" || sample.Value >= 0, line);
                Check(seen.Add(sample.Identity), line);
                samples.Add(sample);
            }
        }

        Check(help.Length == 0, $"{help} has no type");
        CheckFamily(type, samples);
    }

    /// <summary>Of each histogram: bounds ascend, counts do not fall, and the last bucket has all.</summary>
    private static void CheckFamily(string type, List<Sample> samples)
    {
        if (type is not "histogram")
            return;
        foreach (var series in samples.GroupBy(s => s.Without("le"), StringComparer.Ordinal))
        {
            var buckets = series.Where(s => s.Name.EndsWith("_bucket", StringComparison.Ordinal)).Select(s => (Bound: Number(s.Labels["le"]), s.Value)).ToList();
            Check(buckets.Count > 0 && double.IsPositiveInfinity(buckets[^1].Bound), series.Key);
            Check(buckets.Zip(buckets.Skip(1)).All(p => p.First.Bound < p.Second.Bound && p.First.Value <= p.Second.Value), series.Key);
            Check(series.Single(s => s.Name.EndsWith("_count", StringComparison.Ordinal)).Value == buckets[^1].Value, series.Key);
            Check(series.Count(s => s.Name.EndsWith("_sum", StringComparison.Ordinal)) == 1, series.Key);
        }
    }

    private static void Check(bool holds, string line) => Assert.True(holds, $"Prometheus would not read: {line}");

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    private sealed record Sample(string Name, SortedDictionary<string, string> Labels, double Value)
    {
        public string Identity => Name + Text(Labels);

        public static Sample Read(string line)
        {
            var match = Line().Match(line);
            Check(match.Success, line);
            var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var (name, value) in match.Groups["label"].Captures.Zip(match.Groups["value"].Captures))
                Check(!name.Value.StartsWith("__", StringComparison.Ordinal) && labels.TryAdd(name.Value, value.Value), line);
            return new Sample(match.Groups["name"].Value, labels, Number(match.Groups["number"].Value));
        }

        /// <summary>What the series of one histogram have in common.</summary>
        public string Without(string label) => Text(Labels.Where(l => l.Key != label));

        private static string Text(IEnumerable<KeyValuePair<string, string>> labels) => string.Concat(labels.Select(l => $"{l.Key}=\"{l.Value}\" "));
    }

    [GeneratedRegex("""^# HELP (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\\r]|\\[\\n])*$""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Help();

    [GeneratedRegex("^# TYPE (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<type>counter|gauge|histogram)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Type();

    [GeneratedRegex(
        """
        ^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<label>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>([^"\\]|\\[\\"n])*)"(,(?<label>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>([^"\\]|\\[\\"n])*)")*\})? (?<number>[+-]Inf|NaN|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)$
        """,
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Line();
}
