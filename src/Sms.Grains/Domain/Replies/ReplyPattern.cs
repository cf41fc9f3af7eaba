using System.Collections.Frozen;

namespace Sms.Domain.Replies;

/// <summary>What a row of the tables of words is for; see the head of reply-words-en.tsv.</summary>
[Flags]
internal enum ReplyRule
{
    None = 0,
    Out = 1,
    Weak = 1 << 1,
    In = 1 << 2,
    Answer = 1 << 3,
    Help = 1 << 4,
    Polite = 1 << 5,
    Filler = 1 << 6,
    Guard = 1 << 7,
    Doubt = 1 << 8,
    Phrase = 1 << 9,
    Wrong = 1 << 10,
    Ask = 1 << 11,
}

/// <summary>A row of the tables of words: what to find in a reply, place by place.</summary>
internal sealed class ReplyPattern
{
    private readonly Place[] _places;

    /// <param name="rule">What it says.</param>
    /// <param name="language">Whose words they are.</param>
    /// <param name="words">As the head of reply-words-en.tsv explains.</param>
    /// <param name="classes">The words behind each <c>@name</c>.</param>
    /// <exception cref="InvalidDataException">Nothing tells with which words a match begins.</exception>
    public ReplyPattern(ReplyRule rule, string language, string words, IReadOnlyDictionary<string, string> classes)
    {
        (Rule, Language) = (rule, language);
        // Without its marks a Vietnamese word may be several others: "đúng" (right) is not "dừng" (stop).
        IsMarked = language == "vi";
        _places = [.. words.Split(' ').Select(place => Place.Of(place, classes, IsMarked))];
        FirstWords = [.. Firsts().SelectMany(place => place.FirstWords).Distinct(StringComparer.Ordinal)];
        FirstStems = [.. Firsts().SelectMany(place => place.FirstStems).Distinct(StringComparer.Ordinal)];
        if (FirstWords.Count + FirstStems.Count == 0 || Firsts().Any(place => place.IsOpen))
            throw new InvalidDataException($"A pattern must begin with a word: {words}");
        if (Array.TrueForAll(_places, place => place.IsOptional || place.IsStart || place.IsEnd))
            throw new InvalidDataException($"A pattern must have a word that may not be missing: {words}");
    }

    public ReplyRule Rule { get; }

    public string Language { get; }

    /// <summary>Whether diacritics count where a word has some.</summary>
    public bool IsMarked { get; }

    /// <summary>A match begins with one of these,</summary>
    public IReadOnlyList<string> FirstWords { get; }

    /// <summary>or with a word that begins with one of these.</summary>
    public IReadOnlyList<string> FirstStems { get; }

    /// <summary>Where a match that begins at this word ends, exclusive; the longest. -1: none begins there.</summary>
    /// <remarks>No match goes beyond the end of a sentence.</remarks>
    public int Match(ReplyWord[] words, int start) => Match(words, start, start, place: 0);

    private int Match(ReplyWord[] words, int start, int at, int place)
    {
        if (place == _places.Length)
            return at;
        var here = _places[place];
        var longest = here.IsOptional || here.IsStart && IsStart(words, at) || here.IsEnd && IsEnd(words, at) ? Match(words, start, at, place + 1) : -1;
        if (at < words.Length && (at == start || words[at].Break < ReplyBreak.Sentence) && here.FitsOne(words[at], at == start))
            longest = Math.Max(longest, Match(words, start, at + 1, place + 1));
        foreach (var sequence in here.Sequences)
        {
            if (Fits(sequence, words, start, at))
                longest = Math.Max(longest, Match(words, start, at + sequence.Length, place + 1));
        }

        return longest;
    }

    private bool Fits(Atom[] sequence, ReplyWord[] words, int start, int at)
    {
        if (at + sequence.Length > words.Length)
            return false;
        for (var n = 0; n < sequence.Length; n++)
        {
            // What belongs together is not parted, not even by a comma: "not yet, more in spring".
            if (n > 0 && words[at + n].Break > ReplyBreak.None || at > start && words[at].Break == ReplyBreak.Sentence || !sequence[n].Fits(words[at + n], IsMarked))
                return false;
        }

        return true;
    }

    /// <summary>The places a match may begin with.</summary>
    private IEnumerable<Place> Firsts()
    {
        foreach (var place in _places)
        {
            yield return place;
            if (!place.IsOptional && !place.IsStart)
                yield break;
        }
    }

    private static bool IsStart(ReplyWord[] words, int at) => at == 0 || words[at].Break > ReplyBreak.None;

    private static bool IsEnd(ReplyWord[] words, int at) => at == words.Length || words[at].Break > ReplyBreak.None;

    /// <summary>A word, or with what it begins or ends.</summary>
    private readonly record struct Atom(string Text, string? Marked, bool IsStem, bool IsSuffix, bool IsName = false)
    {
        public static Atom[] Of(string words) => [.. words.Split('+').SelectMany(Parts)];

        public bool Fits(ReplyWord word, bool isMarked)
        {
            if (IsName)
                return word.IsCapitalized;
            var (own, text) = isMarked && word.Marked is { } marked ? (Marked ?? Text, marked) : (Text, word.Text);
            return IsStem ? text.StartsWith(own, StringComparison.Ordinal)
                : IsSuffix ? text.Length > own.Length && text.EndsWith(own, StringComparison.Ordinal)
                : string.Equals(own, text, StringComparison.Ordinal);
        }

        private static IEnumerable<Atom> Parts(string text)
        {
            if (text == "%")
                yield return new Atom("", Marked: null, IsStem: false, IsSuffix: false, IsName: true);
            var (isStem, isSuffix) = (text.EndsWith('~'), text.StartsWith('~'));
            foreach (var word in ReplyText.Words(text.Trim('~')))
                yield return new Atom(word.Text, word.Marked, isStem, isSuffix);
        }
    }

    private sealed class Place
    {
        private FrozenSet<string> _words = FrozenSet<string>.Empty;
        private Atom[] _stems = [];
        private bool _isAny;
        private bool _isName;
        private bool _isMarked;

        public bool IsOptional { get; private init; }

        /// <summary>The beginning of a part fits, without a word.</summary>
        public bool IsStart { get; private set; }

        /// <summary>The end of a part fits, without a word.</summary>
        public bool IsEnd { get; private set; }

        public Atom[][] Sequences { get; private set; } = [];

        public bool IsOpen => _isAny || _isName || Array.Exists(_stems, s => s.IsSuffix);

        public IEnumerable<string> FirstWords => _words.Concat(Sequences.Where(s => !s[0].IsStem).SelectMany(s => Forms(s[0])));

        public IEnumerable<string> FirstStems => _stems.Concat(Sequences.Where(s => s[0].IsStem).Select(s => s[0])).SelectMany(Forms);

        public static Place Of(string text, IReadOnlyDictionary<string, string> classes, bool isMarked)
        {
            var place = new Place { IsOptional = text.Length > 1 && text.EndsWith('?'), _isMarked = isMarked };
            var (words, stems, sequences) = (new List<Atom>(), new List<Atom>(), new List<Atom[]>());
            foreach (var choice in Choices(place.IsOptional ? text[..^1] : text, classes))
            {
                if (choice == "*")
                    place._isAny = true;
                else if (choice == "^")
                    place.IsStart = true;
                else if (choice == "$")
                    place.IsEnd = true;
                else if (choice == "%")
                    place._isName = true;
                else if (Atom.Of(choice) is var atoms && atoms.Length == 0)
                    throw new InvalidDataException($"\"{choice}\" in {text} is no word.");
                else if (atoms.Length > 1)
                    sequences.Add(atoms);
                else if (atoms[0].IsStem || atoms[0].IsSuffix)
                    stems.Add(atoms[0]);
                else
                    words.Add(atoms[0]);
            }

            place._words = words.SelectMany(place.Forms).ToFrozenSet(StringComparer.Ordinal);
            (place._stems, place.Sequences) = ([.. stems], [.. sequences]);
            return place;
        }

        public bool FitsOne(ReplyWord word, bool isFirst)
        {
            if (word.Text.Length == 0)
                return false;
            if (_isAny && (isFirst || word.Break == ReplyBreak.None) || _isName && word.IsCapitalized)
                return true;
            if (_words.Contains(_isMarked && word.Marked is { } marked ? marked : word.Text))
                return true;
            foreach (var stem in _stems)
            {
                if (stem.Fits(word, _isMarked))
                    return true;
            }

            return false;
        }

        private static IEnumerable<string> Choices(string text, IReadOnlyDictionary<string, string> classes) =>
            text.Split('|').SelectMany(choice => !choice.StartsWith('@') ? [choice]
                : classes.TryGetValue(choice, out var words) ? Choices(words, classes)
                : throw new InvalidDataException($"No class of words is called {choice}."));

        // A word typed without marks may stand for the one with them.
        private IEnumerable<string> Forms(Atom atom) => _isMarked && atom.Marked is { } marked ? [marked, atom.Text] : [atom.Text];
    }
}
