using Sms.Domain.Replies;

namespace Sms.Domain.Tests.Replies;

/// <summary>A text of the corpus, and what it was taken for.</summary>
/// <param name="File">replies-known.tsv or replies-unseen.tsv.</param>
/// <param name="Language">Its ISO code.</param>
/// <param name="Label">opt_out, opt_in, help, ordinary or review.</param>
/// <param name="Text">As a phone would send it.</param>
/// <param name="Kind">The classifier's verdict.</param>
internal sealed record LabelledReply(string File, string Language, string Label, string Text, ReplyKind Kind);

/// <summary>
/// What people answer to texts, in eleven languages, with what is meant. Half of it (replies-unseen.tsv) was written by
/// somebody who had not read the classifier; the other half (replies-known.tsv) by who wrote its tables, before them.
/// </summary>
internal static class ReplyCorpus
{
    public const string Known = "replies-known.tsv";
    public const string Unseen = "replies-unseen.tsv";

    private static readonly string[] Labels = ["opt_out", "opt_in", "help", "ordinary", "review"];

    public static IReadOnlyList<LabelledReply> All { get; } = [.. Read(Known), .. Read(Unseen)];

    private static IEnumerable<LabelledReply> Read(string file)
    {
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Replies", "corpus", file)).Skip(1))
        {
            var cells = line.Split('\t');
            if (cells.Length != 3 || !Labels.Contains(cells[1], StringComparer.Ordinal))
                throw new InvalidDataException($"{file}: {line}");
            // A line break is written \n.
            var text = cells[2].Replace("\\n", "\n", StringComparison.Ordinal);
            yield return new LabelledReply(file, cells[0], cells[1], text, ReplyClassifier.Classify(text, providersVerdict: null).Kind);
        }
    }
}
