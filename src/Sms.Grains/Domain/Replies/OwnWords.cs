namespace Sms.Domain.Replies;

/// <summary>
/// The words of a reply that are the person's own. What a phone quotes in a reaction, lines of an earlier text (<c>&gt; …</c>) and
/// longer passages between quotation marks are somebody else's, ours mostly: they say how to opt out.
/// </summary>
/// <remarks>
/// A text that is nothing but a quotation is the person's (<c>"STOP"</c>), and so is a short quotation, or one that has the
/// first person in it, beside other words: <c>I said "stop"</c>, <c>"stop texting me" is what I wrote</c>. Pure and total.
/// </remarks>
internal static class OwnWords
{
    /// <summary>From so many words on a quotation is of somebody else's text.</summary>
    private const int LeastOfOurs = 4;

    /// <summary>More than this in lines of a mail with nothing beside them is no answer.</summary>
    private const int MostOfAnswer = 3;

    private static readonly string[] OriginalMessage = ["ORIGINAL MESSAGE", "MENSAJE ORIGINAL", "MESSAGE DORIGINE", "MESSAGE ORIGINAL", "URSPRUNGLICHE NACHRICHT"];

    private static readonly HashSet<string> FirstPerson = new(StringComparer.Ordinal)
    {
        "ME", "MY", "I", "IM", "MYSELF", "MI", "MIS", "YO", "MOI", "MON", "JE", "MENVOYEZ", "MENVOYER", "DEMENVOYER", "MECRIRE", "MECRIVEZ", "QUITENME", "BORRENME", "DARME",
    };

    // Stands where a quotation stood: nothing matches across it.
    private static readonly ReplyWord Hole = new("", IsGlued: false);

    /// <param name="body">The text as it came.</param>
    /// <param name="isKeywords">Whether words are nothing but keywords and polite ones.</param>
    /// <param name="asksForSomething">Whether words hold a keyword or a phrase.</param>
    public static IReadOnlyList<ReplyWord> Of(string body, Func<IReadOnlyList<ReplyWord>, bool> isKeywords, Func<IReadOnlyList<ReplyWord>, bool> asksForSomething)
    {
        var text = WithoutEarlierLines(body);
        if (text.Length == 0)
            return ReplyText.Words(body) is { Count: <= MostOfAnswer } few ? few : [];
        if (Reaction.End(text, isKeywords, asksForSomething) is { } end)
            return Unquoted(text[end..], isKeywords);
        return Unquoted(text, isKeywords) is { Count: > 0 } own ? own : ReplyText.Words(text);
    }

    private static List<ReplyWord> Unquoted(string text, Func<IReadOnlyList<ReplyWord>, bool> isKeywords)
    {
        var own = new List<ReplyWord>();
        var (from, next) = (0, 0);
        while (Quotation.Find(text, next) is { } quotation)
        {
            next = quotation.End;
            if (!IsSomebodyElses(quotation, text, isKeywords))
                continue;
            Add(text[from..quotation.Start]);
            from = quotation.End;
        }

        Add(text[from..]);
        return own;

        void Add(string part)
        {
            var words = ReplyText.Words(part);
            if (words.Count > 0 && own.Count > 0)
                own.Add(Hole);
            own.AddRange(words);
        }
    }

    private static bool IsSomebodyElses(Quotation quotation, string text, Func<IReadOnlyList<ReplyWord>, bool> isKeywords)
    {
        var content = quotation.Content(text).TrimEnd();
        var isCut = content.EndsWith("…", StringComparison.Ordinal) || content.EndsWith("...", StringComparison.Ordinal);
        var words = ReplyText.Words(content.ToString());
        return (isCut || quotation.IsClosed && words.Count >= LeastOfOurs)
            && !words.Any(w => FirstPerson.Contains(w.Text)) && !isKeywords(words);
    }

    /// <summary>Without the lines that a mail program marks as earlier ones, the line that introduces them, and all after "Original Message".</summary>
    private static string WithoutEarlierLines(string body)
    {
        if (!body.Contains('>', StringComparison.Ordinal) && !body.Contains("--", StringComparison.Ordinal))
            return body;
        var kept = new List<string>();
        foreach (var line in body.Split('\n'))
        {
            var start = line.TrimStart();
            if (start.StartsWith("--", StringComparison.Ordinal) && OriginalMessage.Contains(string.Join(' ', ReplyText.Words(start).Select(w => w.Text)), StringComparer.Ordinal))
                break;
            if (!IsEarlier(start))
                kept.Add(line);
            else if (kept.Count > 0 && kept[^1].TrimEnd().EndsWith(':') && kept[^1].Any(char.IsDigit))
                kept.RemoveAt(kept.Count - 1);
        }

        var text = string.Join('\n', kept);
        return ReplyText.Words(text).Count > 0 || kept.Count == body.Count(c => c == '\n') + 1 ? text : "";
    }

    private static bool IsEarlier(string line) =>
        line.StartsWith("> ", StringComparison.Ordinal) || line.StartsWith(">>", StringComparison.Ordinal) || line.TrimEnd() is ">";
}
