using System.Collections.Frozen;
using Sms.Domain.Tables;

namespace Sms.Domain.Replies;

/// <summary>The tables of words, one for each language, ready to be looked up word by word.</summary>
/// <remarks>Sources of the words: see the tables, whose form reply-words-en.tsv explains.</remarks>
internal static class ReplyWords
{
    /// <summary>Their tables; the earlier one says whose word it is where two have it.</summary>
    private static readonly string[] Languages = ["en", "es", "fr", "pt", "ht", "vi", "zh", "tl", "ko", "ru", "ar"];

    private static readonly (string Language, string Kind, string Words)[] Rows =
        [.. Languages.SelectMany(language => EmbeddedTable.Read($"reply-words-{language}.tsv", columns: 3).Select(row => (language, row[0], row[1])))];

    private static readonly ReplyPattern[] Patterns = [.. ReadPatterns()];

    private static readonly FrozenDictionary<string, ReplyPattern[]> ByWord = Index(pattern => pattern.FirstWords);

    private static readonly FrozenDictionary<char, (string Stem, ReplyPattern[] Patterns)[]> ByStem = Index(pattern => pattern.FirstStems)
        .GroupBy(pair => pair.Key[0], pair => (pair.Key, pair.Value)).ToFrozenDictionary(group => group.Key, group => group.ToArray());

    /// <summary>Words that are found misspelt too, and the real ones that are no misspelling of them.</summary>
    public static (string[] Spelt, FrozenSet<string> Real) Spelling { get; } = (
        [.. Of(Rows.Where(row => row.Kind == "typo"))],
        Of(Rows).Concat(EmbeddedTable.Read("reply-reactions.tsv", columns: 3).SelectMany(row => row[2].Split(' '))).ToFrozenSet(StringComparer.Ordinal));

    /// <summary>The rows of which a match may begin with this word.</summary>
    public static ReplyPattern[] BeginningWith(ReplyWord word)
    {
        var found = Array.Empty<ReplyPattern>();
        Look(word.Text);
        if (word.Marked is { } marked)
            Look(marked);
        return found;

        void Look(string text)
        {
            if (text.Length == 0)
                return;
            if (ByWord.TryGetValue(text, out var patterns))
                found = found.Length == 0 ? patterns : [.. found, .. patterns];
            if (!ByStem.TryGetValue(text[0], out var stems))
                return;
            foreach (var (stem, its) in stems)
            {
                if (text.StartsWith(stem, StringComparison.Ordinal))
                    found = found.Length == 0 ? its : [.. found, .. its];
            }
        }
    }

    private static IEnumerable<string> Of(IEnumerable<(string Language, string Kind, string Words)> rows) =>
        rows.SelectMany(row => row.Words.Split(' ', '|', '+')).Where(word => !word.Contains('~', StringComparison.Ordinal))
            .SelectMany(ReplyText.Words).Select(word => word.Text).Distinct(StringComparer.Ordinal);

    private static IEnumerable<ReplyPattern> ReadPatterns()
    {
        foreach (var language in Rows.GroupBy(row => row.Language, StringComparer.Ordinal))
        {
            var classes = language.Where(row => row.Kind.StartsWith('@')).ToDictionary(row => row.Kind, row => row.Words, StringComparer.Ordinal);
            foreach (var (_, kind, words) in language)
            {
                if (!kind.StartsWith('@') && kind is not ("typo" or "real"))
                    yield return new ReplyPattern(Enum.Parse<ReplyRule>(kind, ignoreCase: true), language.Key, words, classes);
            }
        }
    }

    private static FrozenDictionary<string, ReplyPattern[]> Index(Func<ReplyPattern, IEnumerable<string>> firsts) =>
        Patterns.SelectMany(pattern => firsts(pattern).Select(first => (first, pattern)))
            .GroupBy(pair => pair.first, pair => pair.pattern, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
}
