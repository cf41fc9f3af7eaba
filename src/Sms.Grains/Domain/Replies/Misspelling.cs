using F23.StringSimilarity;

namespace Sms.Domain.Replies;

/// <summary>Words of opting out that somebody typed wrong: stopp, sotp, stio, cancle, opt ouy. Pure and total.</summary>
internal static class Misspelling
{
    /// <summary>In a longer text a strange word is rather a name than a slip.</summary>
    private const int MostWords = 12;

    /// <summary>A shorter word is another word.</summary>
    private const int LeastLetters = 3;

    /// <summary>From so many letters on a word may have two slips.</summary>
    private const int LongWord = 8;

    private const int MostLetters = 20;
    private const string OptOut = "OPTOUT";
    private const string Stop = "STOP";

    private static readonly string[] Keyboard = ["1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"];

    private static readonly OptimalStringAlignment Edits = new();

    private static readonly (string Word, string Plain)[] Spelt = [.. ReplyWords.Spelling.Spelt.Select(word => (word, Plain(word)))];

    /// <summary>The words as they were meant; null when none is a misspelling.</summary>
    public static IReadOnlyList<ReplyWord>? Mended(IReadOnlyList<ReplyWord> words)
    {
        if (words.Count > MostWords)
            return null;
        List<ReplyWord>? mended = null;
        for (var at = 0; at < words.Count; at++)
        {
            if (Meant(words[at].Text) is { } meant)
                (mended ??= [.. words])[at] = words[at] with { Text = meant, Marked = null };
        }

        for (var at = 0; at + 1 < words.Count; at++)
        {
            var (first, second) = (words[at].Text, words[at + 1].Text);
            if (first.Length + second.Length == Stop.Length && string.Concat(first, second) == Stop && first != "S")
            {
                mended ??= [.. words];
                mended[at] = words[at] with { Text = Stop, Marked = null };
                mended.RemoveAt(at + 1);
                break;
            }

            if (first.Length + second.Length is >= 5 and <= 7 && first.Length is 2 or 3 or 4 && !(first == "OPT" && second is "OUT" or "IN") && IsSlip(first + second, OptOut, most: 1)
                && !(first != "OPT" && ReplyWords.Spelling.Real.Contains(first) && ReplyWords.Spelling.Real.Contains(second)))
            {
                mended ??= [.. words];
                mended[at] = words[at] with { Text = OptOut, Marked = null };
                mended.RemoveAt(at + 1);
                break;
            }
        }

        return mended;
    }

    private static string? Meant(string word)
    {
        if (word.Length is < LeastLetters or > MostLetters || ReplyWords.Spelling.Real.Contains(word))
            return null;
        var plain = Plain(word);
        foreach (var (meant, meantPlain) in Spelt)
        {
            if (Math.Abs(plain.Length - meantPlain.Length) <= 2 && word != meant && (plain == meantPlain || IsSlip(plain, meantPlain, meant.Length >= LongWord ? 2 : 1)))
                return meant;
        }

        return null;
    }

    private static bool IsSlip(string word, string meant, int most) =>
        meant.Length > LeastLetters && word.Length >= LeastLetters
        && (Math.Abs(word.Length - meant.Length) <= most && Edits.Distance(word, meant) <= most || IsBesideTheKeys(word, meant));

    /// <summary>Two letters at most are those of the keys beside the right ones.</summary>
    private static bool IsBesideTheKeys(string word, string meant)
    {
        if (word.Length != meant.Length)
            return false;
        var slips = 0;
        for (var n = 0; n < word.Length; n++)
        {
            if (word[n] != meant[n] && (++slips > 2 || !AreNeighbours(word[n], meant[n])))
                return false;
        }

        return true;
    }

    private static bool AreNeighbours(char one, char other)
    {
        for (var row = 0; row < Keyboard.Length; row++)
        {
            if (Keyboard[row].IndexOf(one, StringComparison.Ordinal) is var at and >= 0)
                return Keyboard[row].IndexOf(other, StringComparison.Ordinal) is var beside and >= 0 && Math.Abs(at - beside) == 1;
        }

        return false;
    }

    /// <summary>Digits that look like letters are those, and a letter that is repeated stands once.</summary>
    private static string Plain(string word)
    {
        Span<char> plain = stackalloc char[word.Length];
        var length = 0;
        foreach (var c in word)
        {
            var letter = c switch { '0' => 'O', '1' => 'I', '3' => 'E', '5' => 'S', _ => c };
            if (length == 0 || plain[length - 1] != letter)
                plain[length++] = letter;
        }

        return new string(plain[..length]);
    }
}
