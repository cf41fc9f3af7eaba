using System.Globalization;
using System.Text;

namespace Sms.Domain.Replies;

/// <summary>A word of a reply, in capitals, without diacritics and apostrophes.</summary>
/// <param name="Text">Letters and digits.</param>
/// <param name="IsGlued">A hyphen ties it to the word before: they are one word.</param>
internal readonly record struct ReplyWord(string Text, bool IsGlued);

/// <summary>
/// Takes a reply apart. Letters are folded (compatibility forms, case, diacritics); what cannot be seen is dropped, and
/// emoji, quotes and all other punctuation only separate words, so decoration changes nothing. Pure and total.
/// </summary>
internal static class ReplyText
{
    /// <summary>Stands for an address: a link that ends in "stop" says nothing.</summary>
    private const string Address = "@";

    private const string Apostrophes = "'’‘ʼ`´＇′";
    private const string Hyphens = "-‐‑";

    public static IReadOnlyList<ReplyWord> Words(string text)
    {
        var words = new List<ReplyWord>();
        foreach (var chunk in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (IsAddress(chunk))
                words.Add(new ReplyWord(Address, IsGlued: false));
            else
                Split(Fold(chunk), words);
        }

        // S T O P and S.T.O.P. are one word.
        return words.Count > 1 && words.TrueForAll(w => w.Text.Length == 1 && char.IsLetter(w.Text[0]))
            ? [new ReplyWord(string.Concat(words.Select(w => w.Text)), IsGlued: false)]
            : words;
    }

    private static void Split(string folded, List<ReplyWord> words)
    {
        var word = new StringBuilder();
        var glued = false;
        for (var n = 0; n <= folded.Length; n++)
        {
            var c = n < folded.Length ? folded[n] : ' ';
            if (char.IsLetterOrDigit(c))
            {
                word.Append(c);
                continue;
            }

            var continues = word.Length > 0 && n + 1 < folded.Length && char.IsLetterOrDigit(folded[n + 1]);
            if (c == '\'' && continues)
                continue;
            if (word.Length > 0)
                words.Add(new ReplyWord(word.ToString(), glued));
            word.Clear();
            glued = c == '-' && continues;
        }
    }

    private static string Fold(string text)
    {
        var visible = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            // A lone half of a surrogate pair is enumerated as U+FFFD and separates.
            if (rune.IsBmp && Apostrophes.Contains((char)rune.Value, StringComparison.Ordinal))
                visible.Append('\'');
            else if (rune.IsBmp && Hyphens.Contains((char)rune.Value, StringComparison.Ordinal))
                visible.Append('-');
            else if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.Control))
                visible.Append(rune);
        }

        var folded = new StringBuilder(visible.Length);
        foreach (var rune in visible.ToString().Normalize(NormalizationForm.FormKD).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark)
                continue;
            // Letters beyond the basic plane have no case that matters here; emoji are there, too.
            if (!rune.IsBmp)
                folded.Append(' ');
            else
                folded.Append(rune.Value == 'ı' ? 'I' : char.ToUpperInvariant((char)rune.Value));
        }

        return folded.ToString();
    }

    private static bool IsAddress(string chunk) =>
        chunk.Contains("://", StringComparison.Ordinal)
        || chunk.StartsWith("www.", StringComparison.OrdinalIgnoreCase)
        || (chunk.IndexOf('@', StringComparison.Ordinal) is var at and > 0 && at + 1 < chunk.Length
            && char.IsLetterOrDigit(chunk[at - 1]) && char.IsLetterOrDigit(chunk[at + 1]));
}
