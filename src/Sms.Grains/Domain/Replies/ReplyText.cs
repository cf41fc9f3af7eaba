using System.Globalization;
using System.Text;

namespace Sms.Domain.Replies;

/// <summary>What stands between a word and the one before it; a later one parts more.</summary>
internal enum ReplyBreak
{
    /// <summary>A space, or nothing.</summary>
    None,

    /// <summary>A comma, a dash, dots, an emoji.</summary>
    Clause,

    /// <summary>The end of a line.</summary>
    Line,

    /// <summary>A full stop, an exclamation or a question mark.</summary>
    Sentence,
}

/// <summary>A word of a reply, in capitals, without diacritics and apostrophes. An ideograph is a word of its own.</summary>
/// <param name="Text">Letters and digits.</param>
/// <param name="IsGlued">A hyphen ties it to the word before: they are one word.</param>
internal readonly record struct ReplyWord(string Text, bool IsGlued)
{
    /// <summary>In capitals with its diacritics; null when it has none.</summary>
    public string? Marked { get; init; }

    /// <summary>What parts it from the word before.</summary>
    public ReplyBreak Break { get; init; }

    /// <summary>It begins with a capital and goes on in small letters, as a name does.</summary>
    public bool IsCapitalized { get; init; }

    /// <summary>Its sentence ends with a question mark.</summary>
    public bool IsAsked { get; init; }
}

/// <summary>
/// Takes a reply apart. Letters are folded (compatibility forms, case, diacritics); what cannot be seen is dropped, and
/// emoji, quotes and all other punctuation only separate words, so decoration changes nothing. Pure and total.
/// </summary>
internal static class ReplyText
{
    /// <summary>Stands for an address: a link that ends in "stop" says nothing.</summary>
    private const string Address = "@";

    /// <summary>Stands for the sign alone: wrong #.</summary>
    private const string NumberSign = "#";

    /// <summary>From so many on, single letters in a row are a word: s t o p texting me.</summary>
    private const int LeastSpelled = 3;

    private const string Apostrophes = "'’‘ʼ`´＇′";
    private const string Hyphens = "-‐‑";

    public static IReadOnlyList<ReplyWord> Words(string text)
    {
        var reading = new Reading(text.Length);
        for (var at = 0; at < text.Length;)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                if (text[at] is '\n' or '\r' or '\u2028' or '\u2029')
                    reading.Part(ReplyBreak.Line);
                at++;
                continue;
            }

            var end = at + 1;
            while (end < text.Length && !char.IsWhiteSpace(text[end]))
                end++;
            var chunk = text[at..end];
            if (IsAddress(chunk))
                reading.Add(Address);
            else
                Split(Visible(chunk), reading);
            at = end;
        }

        return Spelled(reading.Words);
    }

    /// <summary>Whether the character is a word by itself: Chinese has no spaces.</summary>
    public static bool IsIdeograph(char c) => c is (>= '\u3400' and <= '\u9FFF') or (>= '\uF900' and <= '\uFAFF');

    private static void Split(string text, Reading reading)
    {
        for (var n = 0; n < text.Length; n++)
        {
            var c = text[n];
            if (IsMark(c))
            {
                reading.Mark(c);
            }
            else if (char.IsLetterOrDigit(c))
            {
                if (IsIdeograph(c))
                {
                    reading.EndWord();
                    reading.Letter(c);
                    reading.EndWord();
                }
                else
                {
                    reading.Letter(c);
                }
            }
            else if (c == '$' && IsLetterAt(text, n + 1) && (n == 0 || !char.IsDigit(text[n - 1])))
            {
                reading.Letter('S');
            }
            else if (!(c == '\'' && reading.IsWithin && IsLetterOrDigitAt(text, n + 1)))
            {
                var isHyphen = c == '-' && reading.IsWithin && IsLetterOrDigitAt(text, n + 1);
                reading.EndWord();
                if (isHyphen)
                    reading.Glue();
                else if (c == '#' && !IsLetterOrDigitAt(text, n + 1))
                    reading.Add(NumberSign);
                else if (c is '?' or '؟')
                    reading.Ask();
                else
                    reading.Part(BreakOf(text, n));
            }
        }

        reading.EndWord();
    }

    private static ReplyBreak BreakOf(string text, int at) => text[at] switch
    {
        '!' or '。' or '।' or '¡' or '¿' => ReplyBreak.Sentence,
        // Dots in a row, or within a word, are a pause.
        '.' => at + 1 < text.Length && !IsClosing(text, at + 1) || at > 0 && text[at - 1] == '.' ? ReplyBreak.Clause : ReplyBreak.Sentence,
        '\'' or '"' or '“' or '”' or '«' or '»' or '*' or '_' or '~' or '&' or '%' or '+' or '=' => ReplyBreak.None,
        _ => ReplyBreak.Clause,
    };

    private static bool IsClosing(string text, int at) => text[at] is '"' or '”' or '»' or ')' or '\'' or '!' or '?';

    /// <summary>Compatibility forms taken apart, what cannot be seen left out, apostrophes and hyphens made one.</summary>
    private static string Visible(string text)
    {
        var visible = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            // A lone half of a surrogate pair is enumerated as U+FFFD and separates.
            if (rune.IsBmp && Apostrophes.Contains((char)rune.Value, StringComparison.Ordinal))
                visible.Append('\'');
            else if (rune.IsBmp && Hyphens.Contains((char)rune.Value, StringComparison.Ordinal))
                visible.Append('-');
            else if (rune.Value != 'ـ' && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.Control))
                visible.Append(rune);
        }

        var folded = new StringBuilder(visible.Length);
        foreach (var rune in visible.ToString().Normalize(NormalizationForm.FormKD).EnumerateRunes())
        {
            // Letters beyond the basic plane have no case that matters here; emoji are there, too.
            folded.Append(rune.IsBmp ? (char)rune.Value : '\uFFFD');
        }

        return folded.ToString();
    }

    private static bool IsMark(char c) => c > '\u02FF' && char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark;

    private static bool IsLetterAt(string text, int at) => at < text.Length && char.IsLetter(text[at]);

    private static bool IsLetterOrDigitAt(string text, int at)
    {
        while (at < text.Length && IsMark(text[at]))
            at++;
        return at < text.Length && char.IsLetterOrDigit(text[at]);
    }

    private static bool IsAddress(string chunk) =>
        chunk.Contains("://", StringComparison.Ordinal)
        || chunk.StartsWith("www.", StringComparison.OrdinalIgnoreCase)
        || (chunk.IndexOf('@', StringComparison.Ordinal) is var at and > 0 && at + 1 < chunk.Length
            && char.IsLetterOrDigit(chunk[at - 1]) && char.IsLetterOrDigit(chunk[at + 1]));

    /// <summary>S T O P and S.T.O.P. are one word.</summary>
    private static List<ReplyWord> Spelled(List<ReplyWord> words)
    {
        if (!words.Exists(IsSingle))
            return words;
        var least = words.Count > 1 && words.TrueForAll(IsSingle) ? 1 : LeastSpelled;
        var joined = new List<ReplyWord>(words.Count);
        for (var at = 0; at < words.Count;)
        {
            var end = at;
            // All of a word's letters are parted in one way: not "s t o p, I moved".
            while (end < words.Count && IsSingle(words[end]) && (end < at + 2 || words[end].Break == words[at + 1].Break))
                end++;
            if (end - at >= least)
            {
                joined.Add(words[at] with { Text = string.Concat(words[at..end].Select(w => w.Text)), IsGlued = false, Marked = null });
                at = end;
            }
            else
            {
                joined.Add(words[at++]);
            }
        }

        return joined;

        static bool IsSingle(ReplyWord word) => word.Text.Length == 1 && char.IsLetter(word.Text[0]) && !IsIdeograph(word.Text[0]);
    }

    /// <summary>The words read so far, and the one that is being read.</summary>
    private sealed class Reading(int length)
    {
        private readonly StringBuilder _text = new();
        private readonly StringBuilder _marked = new();
        private ReplyBreak _break;
        private bool _isGlued;
        private bool _hasMarks;
        private int _small;
        private bool _isCapitalFirst;
        private int _sentence;

        public List<ReplyWord> Words { get; } = new(Math.Min(length / 4 + 1, 64));

        public bool IsWithin => _text.Length > 0;

        public void Letter(char c)
        {
            if (char.IsUpper(c))
            {
                _isCapitalFirst |= _text.Length == 0;
            }
            else if (char.IsLower(c))
            {
                _small++;
            }

            var upper = c switch
            {
                'ı' => 'I',
                // Ways to write one letter of Arabic.
                'ى' or 'ی' => 'ي',
                'ة' => 'ه',
                'ک' => 'ك',
                _ => char.ToUpperInvariant(c),
            };
            _marked.Append(upper);
            _hasMarks |= upper == 'Đ';
            _text.Append(upper == 'Đ' ? 'D' : upper);
        }

        public void Mark(char c)
        {
            if (_text.Length == 0)
                return;
            _marked.Append(c);
            _hasMarks = true;
        }

        public void Add(string word)
        {
            EndWord();
            _text.Append(word);
            EndWord();
        }

        public void EndWord()
        {
            if (_text.Length == 0)
                return;
            var text = Zeros(_text.ToString());
            Words.Add(new ReplyWord(text, _isGlued)
            {
                Marked = _hasMarks ? _marked.ToString().Normalize(NormalizationForm.FormC) : null,
                Break = Words.Count == 0 ? ReplyBreak.None : _break,
                IsCapitalized = _isCapitalFirst && _small > 0,
            });
            _text.Clear();
            _marked.Clear();
            (_break, _isGlued, _hasMarks, _isCapitalFirst, _small) = (ReplyBreak.None, false, false, false, 0);
        }

        public void Glue() => _isGlued = true;

        public void Part(ReplyBreak by)
        {
            if (by > _break)
                _break = by;
            if (by == ReplyBreak.Sentence)
                _sentence = Words.Count;
        }

        public void Ask()
        {
            for (; _sentence < Words.Count; _sentence++)
                Words[_sentence] = Words[_sentence] with { IsAsked = true };
            Part(ReplyBreak.Sentence);
        }

        /// <summary>ST0P is STOP; 10AM and 2000 stay.</summary>
        private static string Zeros(string word)
        {
            if (!word.Contains('0', StringComparison.Ordinal))
                return word;
            var letters = word.Count(char.IsLetter);
            return letters >= 2 && letters + word.Count(c => c == '0') == word.Length ? word.Replace('0', 'O') : word;
        }
    }
}
