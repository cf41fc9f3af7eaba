using System.Collections.Frozen;
using Sms.Domain.Tables;

namespace Sms.Domain.Replies;

/// <summary>
/// Tells what an inbound text asks for, in this order: the provider's own verdict; a keyword alone, with polite words or
/// repeated; look-alikes ("bus stop", "don't stop"), which make it an ordinary reply; phrases ("please stop texting me");
/// a keyword among other words, which a person must judge. What the person quotes is not read. Pure and total.
/// </summary>
/// <remarks>
/// A look-alike covers its own words only: a phrase that stands beside one ("stop texting me at the weekend") is not taken
/// for an ordinary reply, nor does it opt out by itself: a person judges it, and marketing waits meanwhile.
/// Sources of the words: see reply-words.tsv. What is quoted: see <see cref="OwnWords"/>.
/// </remarks>
public static class ReplyClassifier
{
    private static readonly FrozenDictionary<string, ReplyPattern[]> Patterns = EmbeddedTable.Read("reply-words.tsv", columns: 4)
        .GroupBy(row => row[0], StringComparer.Ordinal)
        .ToFrozenDictionary(g => g.Key, g => g.Select(row => new ReplyPattern(row[1], row[2])).ToArray(), StringComparer.Ordinal);

    private static readonly Reply Ordinary = new(ReplyKind.Other, Words: null, ReplySource.None);

    /// <param name="body">The text as it came.</param>
    /// <param name="providersVerdict">Twilio's OptOutType, where it was given: STOP, START or HELP.</param>
    public static Reply Classify(string body, string? providersVerdict)
    {
        switch (providersVerdict?.ToUpperInvariant())
        {
            case "STOP":
                return new Reply(ReplyKind.OptOut, "STOP", ReplySource.Provider);
            case "START":
                return new Reply(ReplyKind.OptIn, "START", ReplySource.Provider);
            case "HELP":
                return new Reply(ReplyKind.Help, "HELP", ReplySource.Provider);
        }

        var words = OwnWords.Of(body, IsKeywords, AsksForSomething);
        return Whole(words, "out", ReplyKind.OptOut)
            ?? Whole(words, "in", ReplyKind.OptIn)
            ?? Whole(words, "help", ReplyKind.Help)
            ?? Alone(words)
            ?? Guarded(words)
            ?? Phrase(words)
            ?? Among(words)
            ?? Ordinary;
    }

    private static bool IsKeywords(IReadOnlyList<ReplyWord> words) => Whole(words, "out", ReplyKind.OptOut) is not null;

    private static bool AsksForSomething(IReadOnlyList<ReplyWord> words) => Phrase(words) is not null || Among(words) is not null;

    /// <summary>Nothing but keywords of one kind and polite words.</summary>
    private static Reply? Whole(IReadOnlyList<ReplyWord> words, string kind, ReplyKind asks)
    {
        (int Start, int End, string Language)? first = null;
        for (var at = 0; at < words.Count;)
        {
            var (end, language) = Longest(kind, words, at);
            if (end > at)
                first ??= (at, end, language);
            else
                (end, _) = Longest("polite", words, at);
            if (end <= at)
                return null;
            at = end;
        }

        return first is { } found ? new Reply(asks, Text(words, found.Start, found.End), ReplySource.Keyword, found.Language) : null;
    }

    /// <summary>A yes is an answer to somebody's question unless it is all there is.</summary>
    private static Reply? Alone(IReadOnlyList<ReplyWord> words) =>
        Longest("answer", words, 0) is var (end, language) && end > 0 && end == words.Count
            ? new Reply(ReplyKind.OptIn, Text(words, 0, end), ReplySource.Keyword, language)
            : null;

    /// <summary>Look-alikes; what is left beside them may still hold a phrase.</summary>
    private static Reply? Guarded(IReadOnlyList<ReplyWord> words)
    {
        var left = new List<ReplyWord>(words.Count);
        var isGuarded = false;
        for (var at = 0; at < words.Count;)
        {
            var (end, _) = Longest("guard", words, at);
            // Nothing matches across the hole.
            left.Add(end > at ? new ReplyWord("", IsGlued: false) : words[at]);
            isGuarded |= end > at;
            at = Math.Max(end, at + 1);
        }

        if (!isGuarded)
            return null;
        return Phrase(left) is { } phrase ? phrase with { Kind = ReplyKind.Review } : Ordinary;
    }

    private static Reply? Phrase(IReadOnlyList<ReplyWord> words)
    {
        foreach (var kind in new[] { "phrase", "wrong" })
        {
            for (var at = 0; at < words.Count; at++)
            {
                var (end, language) = Longest(kind, words, at);
                if (end > at)
                    return new Reply(ReplyKind.OptOut, Text(words, at, end), ReplySource.Phrase, language, IsWrongNumber: kind == "wrong");
            }
        }

        return null;
    }

    /// <summary>A keyword among other words, as a word of its own: "non-start" has none.</summary>
    private static Reply? Among(IReadOnlyList<ReplyWord> words)
    {
        for (var at = 0; at < words.Count; at++)
        {
            var (end, language) = Longest("out", words, at);
            if (end > at && !words[at].IsGlued && (end == words.Count || !words[end].IsGlued))
                return new Reply(ReplyKind.Review, Text(words, at, end), ReplySource.Keyword, language);
        }

        return null;
    }

    private static (int End, string Language) Longest(string kind, IReadOnlyList<ReplyWord> words, int at)
    {
        var longest = (End: -1, Language: "en");
        foreach (var pattern in Patterns[kind])
        {
            if (pattern.Match(words, at) is var end && end > longest.End)
                longest = (end, pattern.Language);
        }

        return longest;
    }

    private static string Text(IReadOnlyList<ReplyWord> words, int start, int end) =>
        string.Join(' ', words.Skip(start).Take(end - start).Select(w => w.Text));
}
