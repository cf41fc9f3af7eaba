using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Sms.Domain.Tables;

namespace Sms.Domain.Replies;

/// <summary>Tells what a phone writes for a reaction to a text (Liked “…”, 👍 to “…”) from what a person writes beside a quotation.</summary>
/// <remarks>Sources of the words: see reply-reactions.tsv.</remarks>
internal static class Reaction
{
    /// <summary>"Ana", "Ana María": in some languages the name of who reacted stands in front.</summary>
    private const int MostOfName = 2;

    private static readonly (FrozenSet<string> Verbs, FrozenSet<string> Words)[] Languages =
    [
        .. EmbeddedTable.Read("reply-reactions.tsv", columns: 3).GroupBy(row => row[0], StringComparer.Ordinal).Select(language => (
            Of(language.Where(row => row[1] == "verb")), Of(language))),
    ];

    /// <summary>
    /// Where the text that was reacted to stands; what follows it is the person's own. Null: it is no reaction.
    /// </summary>
    /// <param name="text">The reply.</param>
    /// <param name="isKeywords">Whether words are nothing but keywords: before those nothing that begins a sentence is taken for a name.</param>
    /// <param name="asksForSomething">Whether words hold one that a person may have meant: they are no reaction's then.</param>
    /// <returns>Where the quotation ends, or the text where nothing but the reaction's words follow.</returns>
    public static int? End(string text, Func<IReadOnlyList<ReplyWord>, bool> isKeywords, Func<IReadOnlyList<ReplyWord>, bool> asksForSomething)
    {
        foreach (var single in new[] { false, true })
        {
            if (Quoted(text, single) is not { } quoted)
                continue;
            var (head, tail) = (text[..quoted.Start], text[quoted.End..]);
            var (before, after) = (ReplyText.Words(head), ReplyText.Words(tail));
            if (asksForSomething(before))
                continue;
            var isKeyword = isKeywords(ReplyText.Words(quoted.Content(text).ToString()));
            foreach (var (verbs, words) in Languages)
            {
                var isTailOurs = after.All(w => words.Contains(w.Text));
                var names = Names(head, words);
                if (names > 0 && isKeyword && !words.Contains(before[0].Text))
                    continue;
                if (names <= MostOfName && before.Any(w => verbs.Contains(w.Text)) || names == 0 && before.Count > 0 && !single && HasEmoji(head))
                    return isTailOurs ? text.Length : quoted.End;
                if (names <= MostOfName && isTailOurs && after.Any(w => verbs.Contains(w.Text)))
                    return text.Length;
            }

            if (!single && IsMarked(text))
                return quoted.End;
        }

        return null;
    }

    /// <summary>The first quotation that is not the name of a reaction: a ajouté un « J’aime » à « … ».</summary>
    private static Quotation? Quoted(string text, bool single)
    {
        var first = Quotation.Find(text, 0, single);
        if (Quotation.Find(text, 0, single, isShort: true) is not { IsClosed: true } label || Quotation.Find(text, label.End, single) is not { } second)
            return first;
        var (content, between) = (ReplyText.Words(label.Content(text).ToString()), ReplyText.Words(text[label.End..second.Start]));
        var isLabel = content.Count == 0 && HasEmoji(label.Content(text))
            || content.Count is > 0 and <= 3 && Languages.Any(l => content.All(w => l.Words.Contains(w.Text)) && between.All(w => l.Words.Contains(w.Text)));
        return isLabel && ReplyText.Words(text[..label.Start]).Count > 0 ? second : first;
    }

    /// <summary>How many words are not the reaction's and may be a name; more than any name has where one cannot be.</summary>
    private static int Names(string head, FrozenSet<string> words)
    {
        var names = 0;
        foreach (var chunk in head.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (!ReplyText.Words(chunk).All(w => words.Contains(w.Text)))
                names += chunk.Length > 1 && char.IsUpper(chunk[0]) ? 1 : MostOfName + 1;
        }

        return names;
    }

    /// <summary>What Google Messages sets around its reactions, and nobody types: a hair space in front, spaces without width after it.</summary>
    private static bool IsMarked(string text) => text is ['\u200A' or '\u200B' or '\u200C', ..] && text.AsSpan().ContainsAny('\u200B', '\u200C');

    // Phones that cannot show one write question marks in its place.
    private static bool HasEmoji(ReadOnlySpan<char> text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.OtherSymbol || !rune.IsBmp
                || rune.Value is '?' or '\u203C' or '\u2049' or '\uFFFD')
            {
                return true;
            }
        }

        return false;
    }

    private static FrozenSet<string> Of(IEnumerable<string[]> rows) =>
        rows.SelectMany(row => row[2].Split(' ')).ToFrozenSet(StringComparer.Ordinal);
}
