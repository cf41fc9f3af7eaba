using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Sms.Benchmarks;

/// <summary>One figure: the median of its runs, beside what it is compared with in the same run.</summary>
/// <param name="Part">Which part of the benchmark measured it.</param>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Of the value.</param>
/// <param name="Value">The median.</param>
/// <param name="Runs">All of them, in order.</param>
/// <param name="Beside">What it is compared with; empty: nothing.</param>
/// <param name="Ratio">The median of the runs' ratios to it.</param>
/// <param name="Target">What it is meant to reach, in words; empty: nothing.</param>
internal sealed record Figure(string Part, string Name, string Unit, double Value, double[] Runs, string Beside, double? Ratio, string Target = "");

/// <summary>
/// What was measured, kept in docs/benchmarks.json by part, so that parts may run alone; docs/benchmarks.md and
/// docs/benchmarks.svg are made of it.
/// </summary>
internal sealed class Report(string part)
{
    private readonly List<Figure> _figures = [];

    public void Add(string name, string unit, IReadOnlyCollection<double> runs, string beside = "", IReadOnlyCollection<double>? besideRuns = null, string target = "")
    {
        // What it depends on is not here: who fetches it has said so.
        if (runs.Count == 0)
            return;
        var ratio = besideRuns is { Count: > 0 } ? Median(runs.Zip(besideRuns, (a, b) => a / b)) : (double?)null;
        var figure = new Figure(part, name, unit, Median(runs), [.. runs.Select(r => Math.Round(r, 3))], ratio is null ? "" : beside, ratio, target);
        _figures.Add(figure);
        Console.WriteLine($"{Line(figure)} ({string.Join(" · ", figure.Runs.Select(Number))})");
    }

    public async Task SaveAsync()
    {
        var docs = Path.Combine(Root(), "docs");
        var file = Path.Combine(docs, "benchmarks.json");
        var all = File.Exists(file) ? JsonSerializer.Deserialize<List<Figure>>(await File.ReadAllTextAsync(file))! : [];
        all.RemoveAll(f => string.Equals(f.Part, part, StringComparison.Ordinal));
        all.AddRange(_figures);
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(all, Indented) + "\n");
        await File.WriteAllTextAsync(Path.Combine(docs, "benchmarks.md"), Page(all));
        await File.WriteAllTextAsync(Path.Combine(docs, "benchmarks.svg"), Chart(all));
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>What was found to limit a part, where it misses what is wanted of it.</summary>
    private static Dictionary<string, string> Notes { get; } = new(StringComparer.Ordinal)
    {
        ["acceptance"] = """
            What limits acceptance is PostgreSQL's CPU, not commits: in groups the commit is shared, and the same statement's work
            for message, events, queue row and their indexes and foreign keys is left, beside a look-up and the rules checked again.
            The program's own share is spread thin: sockets a third, JSON some 15 %, grain calls 5 %. Messages of a thousand
            businesses cost a sixth more: each business has a grain, a key, and rows of its own to lock, check and count.
            """,
        ["drain"] = """
            A dispatch costs PostgreSQL four calls (claim, look-up, attempt, outcome), each for many messages. What they cost is
            rows and index entries: an attempt written and settled, two states of the queue's row, one of the message (written in
            place) and of the list by status. Both are tuned: 256 calls at once and claims of 100 here, 32 jobs, a local queue of 500
            and completions in batches there. Graphile Worker writes the same record once, after its request: killed, it sends
            again what it cannot know it sent.
            """,
        ["callbacks"] = """
            The two cores limit reports, of which each text causes four. The rate at which a machine sends is that of texts posted,
            sent and recorded, for it has to do all three; beside its parts alone reports are less than four times as fast. One costs
            a third of a post: HTTP, the signature and the load's own share are half of it, and the same for both; then the look-up
            by the provider's id, the attempt's lock and the history's row. The rows "all at once" have everything under way together.
            """,
        ["past"] = """
            The same loads on two databases of one server in turns: one as it was made, and one with a past: eight businesses with
            100,000 customers, 100,000 texts with their attempts and reports, 50,000 opt-outs and 100,000 keys each, and a ninth with a
            million texts. Then every row of that past was updated ten times, with a vacuum after each pass. The texts are marketing.

            The reads were measured while each page of opt-outs looked at a thousand of the sender's; it looks at two hundred now, and with
            a million texts less the same run gave 0.90 and 0.94 of fresh, 0.92 and 0.92 after one rewriting. After ten rewritings, which
            write some 100 GB in half an hour, everything but single posts misses what is wanted; after one rewriting nothing did (0.92 to
            1.16). Why is not known yet: written-back pages, a cache of 128 MB and leftover vacuuming are the suspects.
            """,
        ["queue"] = """
            Every change of a row's state writes new entries in all partial indexes that it enters or leaves, and WAL grows with
            them. Behind an open transaction the dead entries of those indexes stay: no claim reads past them.
            """,
    };

    private static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true };

    private static string Page(IEnumerable<Figure> all)
    {
        var text = new StringBuilder("""
            # Benchmarks

            `dotnet run -c Release --project tests/Sms.Benchmarks` measures all parts, with names after `--` only those, and writes
            this page. Every figure is durable: `fsync` and `synchronous_commit` are on, on a PostgreSQL of the benchmark's own. Load,
            program and database share one machine, so compare within a row: a ratio is of two figures taken in turns in the same
            run, the median of the runs' ratios. Medians; the runs stand beside them, and where they lie far apart the machine was
            busy with other work.

            ![Ratios](benchmarks.svg)

            """);
        foreach (var part in all.GroupBy(f => f.Part, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {part.Key}\n\n| what | median | runs | beside | ratio | wanted |\n|---|---|---|---|---|---|\n");
            foreach (var f in part)
                text.Append(CultureInfo.InvariantCulture, $"| {f.Name} | {Number(f.Value)} {f.Unit} | {string.Join(" · ", f.Runs.Select(Number))} | {f.Beside} | {(f.Ratio is { } r ? $"{r:F2}" : "")} | {f.Target} |\n");
            if (Notes.TryGetValue(part.Key, out var note))
                text.Append(CultureInfo.InvariantCulture, $"\n{note}\n");
        }

        return text.ToString();
    }

    private static string Chart(IEnumerable<Figure> all)
    {
        var bars = all.Where(f => f.Ratio is not null).ToList();
        var most = bars.Select(b => b.Ratio!.Value).DefaultIfEmpty(1).Max();
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"{(bars.Count * 28) + 20}\" font-family=\"sans-serif\" font-size=\"13\">\n"));
        for (var n = 0; n < bars.Count; n++)
        {
            var (y, width) = (10 + (n * 28), bars[n].Ratio!.Value / most * 300);
            text.Append(CultureInfo.InvariantCulture, $"<text x=\"520\" y=\"{y + 15}\" text-anchor=\"end\">{Escape(bars[n].Name)} / {Escape(bars[n].Beside)}</text>");
            text.Append(CultureInfo.InvariantCulture, $"<rect x=\"530\" y=\"{y}\" width=\"{width:F1}\" height=\"20\" fill=\"#2f6f9f\"/><text x=\"{536 + width:F1}\" y=\"{y + 15}\">{bars[n].Ratio:F2}</text>\n");
        }

        return text.Append("</svg>\n").ToString();
    }

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);

    private static string Line(Figure f) => $"{f.Part}: {f.Name}: {Number(f.Value)} {f.Unit}{(f.Ratio is { } r ? string.Create(CultureInfo.InvariantCulture, $", {r:F2} of {f.Beside}") : "")}";

    private static string Number(double value) => value.ToString(value >= 100 ? "N0" : "0.##", CultureInfo.InvariantCulture);

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Sms.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("There is no Sms.sln above the program.");
        return folder.FullName;
    }
}
