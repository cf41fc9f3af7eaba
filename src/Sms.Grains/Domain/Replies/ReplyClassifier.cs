using System.Buffers;

namespace Sms.Domain.Replies;

/// <summary>
/// Tells what an inbound text asks for, in this order: the provider's own verdict; a keyword alone, with polite words, a few
/// that say nothing, or repeated; a keyword that is a sentence by itself; phrases ("please stop texting me"), unless they
/// are look-alikes ("bus stop", "don't stop"); a keyword in a text of four words; what a person must judge. What gives no
/// opt-out is read once more with its misspellings mended. What the person quotes is not read. Pure, total and linear in
/// the length of the text.
/// </summary>
/// <remarks>
/// A look-alike covers its own words only: a phrase that stands beside one ("stop texting me at the weekend") is not taken
/// for an ordinary reply, nor does it opt out by itself: a person judges it, and marketing waits meanwhile.
/// The words: see reply-words-en.tsv. What is quoted: see <see cref="OwnWords"/>.
/// </remarks>
public static class ReplyClassifier
{
    /// <summary>More words that say nothing than this beside a keyword may say something.</summary>
    private const int MostFillers = 3;

    /// <summary>A keyword among so few words is meant.</summary>
    private const int MostOfShort = 4;

    /// <summary>Of a text, in UTF-16 units: thrice the longest that Twilio brings. What follows is not read.</summary>
    private const int MostRead = 3 * 1600;

    /// <summary>An ideograph is about half a word.</summary>
    private const int IdeographsOfShort = 8;

    // A person must judge: what they mean is clear, whom they mean is not.
    private const string StopSigns = "🛑⛔🚫📵✋🖕🤚🙅";

    private static readonly SearchValues<char> QuotationMarks = SearchValues.Create("\"“”„«»＂「」『』");

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

        if (body.Length > MostRead)
            body = body[..MostRead];
        var words = new ReplyReading(OwnWords.Of(body, IsKeywords, AsksForSomething));
        // A keyword between quotation marks is mentioned, not said.
        var isQuoting = body.AsSpan().ContainsAny(QuotationMarks);
        var (clear, perhaps) = Sentence(words, isQuoting);
        var reply = Whole(words, ReplyRule.Out | ReplyRule.Weak, isQuoting ? 0 : MostFillers)
            ?? Whole(words, ReplyRule.In)
            ?? Whole(words, ReplyRule.Help)
            ?? Alone(words)
            ?? clear
            ?? Said(words, isQuoting)
            ?? perhaps;
        if (reply is null or { Kind: ReplyKind.Review } && Misspelling.Mended(words) is { } mended && Mended(new ReplyReading(mended), isQuoting) is { Kind: ReplyKind.OptOut } meant)
            return meant;
        return reply ?? StopSign(body) ?? Ordinary;
    }

    private static Reply? Mended(ReplyReading words, bool isQuoting) =>
        Whole(words, ReplyRule.Out | ReplyRule.Weak) ?? Sentence(words, isQuoting).Clear ?? Said(words, isQuoting, isMended: true);

    private static bool IsKeywords(IReadOnlyList<ReplyWord> words) => Whole(new ReplyReading(words), ReplyRule.Out | ReplyRule.Weak, mostFillers: 0) is not null;

    private static bool AsksForSomething(IReadOnlyList<ReplyWord> words)
    {
        var reading = new ReplyReading(words);
        return Whole(reading, ReplyRule.Weak) is not null || Said(reading, isQuoting: false) is { Kind: not ReplyKind.Other };
    }

    /// <summary>Nothing but keywords of one kind and words that say nothing.</summary>
    private static Reply? Whole(ReplyReading words, ReplyRule keywords, int mostFillers = MostFillers) => Whole(words, 0, words.Count, keywords, mostFillers);

    private static Reply? Whole(ReplyReading words, int from, int to, ReplyRule keywords, int mostFillers = MostFillers)
    {
        var isOut = (keywords & (ReplyRule.Out | ReplyRule.Weak)) != ReplyRule.None;
        var fillers = 0;
        string? language = null;
        (int Start, int End, ReplyPattern Pattern)? first = null;
        for (var at = from; at < to;)
        {
            var (end, pattern) = words.Longest(keywords, at);
            if (pattern is not null)
            {
                first ??= (at, end, pattern);
            }
            else
            {
                (end, pattern) = words.Longest(keywords == ReplyRule.Help ? ReplyRule.Polite : ReplyRule.Polite | ReplyRule.Filler, at);
                fillers += pattern?.Rule == ReplyRule.Filler ? end - at : 0;
            }

            if (pattern is null || end > to || fillers > mostFillers)
                return null;
            // Who opts in says so in one language: what says nothing in another may be a "not" in this one.
            language ??= pattern.Language;
            if (keywords == ReplyRule.In && pattern.Language != language)
                return null;
            at = end;
        }

        return first is var (start, last, found) ? Answer(
            isOut ? ReplyKind.OptOut : found.Rule == ReplyRule.Help ? ReplyKind.Help : ReplyKind.OptIn, words, start, last, ReplySource.Keyword, found) : null;
    }

    /// <summary>A yes is an answer to somebody's question unless it is all there is.</summary>
    private static Reply? Alone(ReplyReading words) =>
        words.Count > 0 && words.Longest(ReplyRule.Answer, 0) is var (end, pattern) && pattern is not null && end == words.Count
            ? Answer(ReplyKind.OptIn, words, 0, end, ReplySource.Keyword, pattern)
            : null;

    /// <summary>A keyword that is a sentence or a line by itself, or what the text begins or ends with before a comma.</summary>
    /// <returns>The opt-out it is, and what may be one.</returns>
    private static (Reply? Clear, Reply? Perhaps) Sentence(ReplyReading words, bool isQuoting)
    {
        Reply? found = null, perhaps = null;
        var clause = 0;
        var mostFillers = isQuoting ? 0 : MostFillers;
        for (var (from, to) = (0, 1); to <= words.Count; to++)
        {
            var parts = to == words.Count ? ReplyBreak.Sentence : words[to].Break;
            if (parts == ReplyBreak.None)
                continue;
            var isOuter = (clause == 0 || to == words.Count) && !isQuoting;
            if (parts >= ReplyBreak.Line)
            {
                found ??= Whole(words, from, to, ReplyRule.Out, mostFillers);
                // The first word may be the business's own: "Cancel. I can't make it at 3".
                if (from == 0 && to < words.Count && Whole(words, from, to, ReplyRule.Weak, mostFillers) is { } weak)
                    found ??= HasGuard(words) ? weak with { Kind = ReplyKind.Review } : weak;
            }

            if (isOuter && (clause > from || parts == ReplyBreak.Clause))
                found ??= Whole(words, clause, to, ReplyRule.Out) is { } alone && (alone.Language == "en" || to == words.Count) ? alone : null;
            // "Pare, estoy en una junta" is one, "Alto, el de la puerta" is a tall man.
            if (isOuter && clause == 0 && to < words.Count && parts == ReplyBreak.Clause && Whole(words, 0, to, ReplyRule.Out | ReplyRule.Weak) is { } unsure)
                perhaps = HasGuard(words) ? null : unsure with { Kind = ReplyKind.Review };
            clause = to;
            if (parts >= ReplyBreak.Line)
                from = to;
        }

        return (found, perhaps);
    }

    /// <summary>Who gives a reason and ends with a keyword means it: no longer interested, please remove.</summary>
    private static Reply? Closing(ReplyReading words)
    {
        var from = words.Count - 1;
        while (from > 0 && words[from].Break == ReplyBreak.None)
            from--;
        return from > 0 ? Whole(words, from, words.Count, ReplyRule.Out | ReplyRule.Weak) : null;
    }

    private static bool HasGuard(ReplyReading words)
    {
        for (var at = 0; at < words.Count; at++)
        {
            if (words.Longest(ReplyRule.Guard, at).Pattern is not null)
                return true;
        }

        return false;
    }

    /// <summary>Phrases and look-alikes, the earlier and the longer one first; then keywords and doubts in what is left.</summary>
    private static Reply? Said(ReplyReading words, bool isQuoting, bool isMended = false)
    {
        Reply? said = null, guarded = null;
        ReplyReading? left = null;
        var (isSentenceGuarded, inSentence) = (false, (Reply?)null);
        for (var at = 0; at <= words.Count;)
        {
            if (at == words.Count || words[at].Break >= ReplyBreak.Line)
            {
                if (isSentenceGuarded)
                    guarded ??= inSentence;
                else
                    said = said is null || !said.IsWrongNumber && inSentence is { IsWrongNumber: true } ? inSentence ?? said : said;
                (isSentenceGuarded, inSentence) = (false, null);
                if (at == words.Count)
                    break;
            }

            var (end, pattern) = words.Longest(ReplyRule.Guard | ReplyRule.Ask | ReplyRule.Phrase | ReplyRule.Wrong, at);
            if (pattern is null)
            {
                at++;
                continue;
            }

            if (pattern.Rule == ReplyRule.Guard)
            {
                isSentenceGuarded = true;
                left ??= new ReplyReading(words);
                left.Omit(at, end);
            }
            else if (inSentence is null || pattern.Rule == ReplyRule.Wrong && !inSentence.IsWrongNumber)
            {
                // What is said of a word between quotation marks, as in: I said "stop".
                var isMention = pattern.Rule == ReplyRule.Ask || isQuoting && words.Longest(ReplyRule.Out, end - 1).End == end;
                var (enough, _) = words.Shortest(pattern.Rule, at);
                inSentence = Answer(isMention ? ReplyKind.Review : ReplyKind.OptOut, words, at, enough, ReplySource.Phrase, pattern) with { IsWrongNumber = pattern.Rule == ReplyRule.Wrong };
            }

            at = end;
        }

        if (said is not null)
            return said;
        if (guarded is not null)
            return guarded with { Kind = ReplyKind.Review };
        if (isMended)
            return null;
        var unclear = Unclear(left ?? words, isQuoting);
        if (unclear is { Kind: ReplyKind.Review, Source: ReplySource.Phrase } && left is null && !isQuoting && Closing(words) is { } closing)
            return closing;
        return unclear ?? (left is null ? null : Ordinary);
    }

    /// <summary>A keyword as a word of its own ("non-start" has none) among others, and words that give reason to ask.</summary>
    private static Reply? Unclear(ReplyReading words, bool isQuoting)
    {
        Reply? doubt = null, keyword = null;
        var (isMeant, isContradicted) = (false, false);
        for (var at = 0; at < words.Count; at++)
        {
            if (doubt is null && words.Longest(ReplyRule.Doubt, at) is { Pattern: { } doubtful } d)
                doubt = Keyword(words, at, d.End) ?? Answer(ReplyKind.Review, words, at, d.End, ReplySource.Phrase, doubtful);
            isContradicted |= words.Longest(ReplyRule.In | ReplyRule.Help, at).Pattern is not null;
            if (words.Longest(ReplyRule.Out, at) is not { Pattern: { } pattern } k || words[at].IsGlued || k.End < words.Count && words[k.End].IsGlued)
                continue;
            keyword ??= Answer(ReplyKind.Review, words, at, k.End, ReplySource.Keyword, pattern);
            // Stop I have asked five times; I am begging you stop. In other languages it may be any verb.
            isMeant |= pattern.Language == "en" && !words[at].IsAsked && (k.End == words.Count || IsIdle(words, at));
        }

        var isShort = words.Count <= MostOfShort || words.Count <= IdeographsOfShort && words.All(w => w.Text is [var c] && ReplyText.IsIdeograph(c));
        if (keyword is not null && !isQuoting && !isContradicted && !words.Any(w => w.Text.Length == 0)
            && (isShort && !words[^1].IsAsked || isMeant || doubt is not null && !words.Any(w => w.IsAsked)))
        {
            return keyword with { Kind = ReplyKind.OptOut };
        }

        return keyword ?? doubt;
    }

    /// <summary>Whether nothing but words that say nothing stands before a word.</summary>
    private static bool IsIdle(ReplyReading words, int before)
    {
        for (var at = 0; at < before;)
        {
            var (end, pattern) = words.Longest(ReplyRule.Polite | ReplyRule.Filler, at);
            if (pattern is null)
                return false;
            at = end;
        }

        return true;
    }

    /// <summary>The first keyword between two words.</summary>
    private static Reply? Keyword(ReplyReading words, int from, int to)
    {
        for (var at = from; at < to; at++)
        {
            if (words.Longest(ReplyRule.Out | ReplyRule.Weak, at) is { Pattern: { } pattern } keyword && keyword.End <= to)
                return Answer(ReplyKind.Review, words, at, keyword.End, ReplySource.Keyword, pattern);
        }

        return null;
    }

    /// <summary>Nothing but a sign to stop, with no words.</summary>
    private static Reply? StopSign(string body)
    {
        Reply? found = null;
        foreach (var rune in body.EnumerateRunes())
        {
            if (System.Text.Rune.IsLetterOrDigit(rune))
                return null;
            if (StopSigns.Contains(rune.ToString(), StringComparison.Ordinal))
                found ??= new Reply(ReplyKind.Review, rune.ToString(), ReplySource.Keyword);
        }

        return found;
    }

    private static Reply Answer(ReplyKind kind, ReplyReading words, int start, int end, ReplySource source, ReplyPattern pattern) =>
        new(kind, string.Join(' ', words.Skip(start).Take(end - start).Select(w => w.Text)).Normalize(), source, pattern.Language);
}
