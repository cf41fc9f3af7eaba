namespace Sms.Domain.Replies;

/// <summary>A passage of a text between quotation marks.</summary>
/// <param name="Start">Where its opening mark stands.</param>
/// <param name="End">After its closing mark; after the text, where it has none.</param>
/// <param name="IsClosed">It has a closing mark.</param>
internal readonly record struct Quotation(int Start, int End, bool IsClosed)
{
    // What opens, and what may close it, the usual one first. Straight marks and those that are the same at both ends tell
    // by what stands beside them.
    private static readonly Dictionary<char, string> Closings = new()
    {
        ['“'] = "”\"",
        ['„'] = "“”\"",
        ['‟'] = "”\"",
        ['«'] = "»",
        ['»'] = "«",
        ['‹'] = "›",
        ['”'] = "”",
        ['"'] = "\"”",
        ['＂'] = "＂",
        ['「'] = "」",
        ['『'] = "』",
        ['《'] = "》",
        ['〝'] = "〞〟",
        ['‘'] = "’'",
        ['\''] = "'’",
        ['‚'] = "‘’",
    };

    public ReadOnlySpan<char> Content(string text) => text.AsSpan(Start + 1, (IsClosed ? End - 1 : End) - Start - 1);

    /// <summary>The first that begins at <paramref name="from"/> or after it; null: there is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">Where to look from.</param>
    /// <param name="single">Whether single marks count, which are apostrophes mostly.</param>
    /// <param name="isShort">Whether it ends with the first mark that may close it.</param>
    public static Quotation? Find(string text, int from, bool single = false, bool isShort = false)
    {
        for (var n = from; n < text.Length; n++)
        {
            if (Closings.ContainsKey(text[n]) && (single || text[n] is not ('‘' or '\'' or '‚')) && (Opens(text, n) || IsStraight(text[n]) && !IsWord(text, n - 1)))
                return From(text, n, isShort);
        }

        return null;
    }

    private static Quotation From(string text, int start, bool isShort)
    {
        foreach (var closing in ClosingsOf(text, start))
        {
            if (Close(text, start, closing, isShort) is var end && end > start)
                return new Quotation(start, end, IsClosed: true);
        }

        return new Quotation(start, text.Length, IsClosed: false);
    }

    // German closes with the mark with which English opens: which it is here, the last one tells.
    private static string ClosingsOf(string text, int start) =>
        text[start] == '„' && text.LastIndexOf('”') > Math.Max(start, text.LastIndexOf('“')) ? "”“" : Closings[text[start]];

    /// <summary>
    /// After the mark that closes it. Passages within may have marks of their own, and a mark too many within (12” pizza) does
    /// not end it: one that closes and was not opened belongs to it. -1: nothing closes it.
    /// </summary>
    private static int Close(string text, int start, char closing, bool isShort)
    {
        var (depth, end) = (1, -1);
        for (var n = start + 1; n < text.Length && !(isShort && end > 0); n++)
        {
            if (text[n] == closing && (closing != text[start] && !IsAmbiguous(closing) || Closes(text, n)))
            {
                // Once it is closed, marks that come in pairs are those of other passages.
                if (depth == 0 || --depth == 0 && end < 0)
                    end = n + 1;
            }
            else if ((text[n] == text[start] || closing == '”' && text[n] is '“' or '„') && Opens(text, n))
            {
                depth++;
            }
        }

        return end;
    }

    private static bool IsStraight(char mark) => mark is '"' or '＂';

    private static bool IsAmbiguous(char mark) => IsStraight(mark) || mark is '\'' or '’';

    /// <summary>A mark that may open or close opens before a word and closes after one.</summary>
    private static bool Opens(string text, int at) => text[at] switch
    {
        '”' or '»' or '\'' or '‘' => !IsWord(text, at - 1) && !IsBlank(text, at + 1),
        '"' or '＂' => !IsWord(text, at - 1) && (!IsBlank(text, at + 1) || IsThin(text, at + 1)),
        _ => true,
    };

    private static bool Closes(string text, int at) =>
        !IsWord(text, at + 1) && (!IsBlank(text, at - 1) || IsThin(text, at - 1) || text.AsSpan(at + 1).IsWhiteSpace());

    private static bool IsWord(string text, int at) => at >= 0 && at < text.Length && char.IsLetterOrDigit(text[at]);

    private static bool IsBlank(string text, int at) => at < 0 || at >= text.Length || char.IsWhiteSpace(text[at]);

    /// <summary>The hair space that Google Messages puts inside its marks, and the no-break ones of French.</summary>
    private static bool IsThin(string text, int at) => at >= 0 && at < text.Length && text[at] is '\u200A' or '\u00A0' or '\u202F';
}
