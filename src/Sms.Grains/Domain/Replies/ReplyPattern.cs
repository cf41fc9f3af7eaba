namespace Sms.Domain.Replies;

/// <summary>A row of the table of words: what to find in a reply, place by place.</summary>
internal sealed class ReplyPattern
{
    private const string AnyWord = "*";

    private readonly (string[][] Choices, bool IsOptional)[] _places;

    /// <param name="language">en, es or fr.</param>
    /// <param name="words">As the head of the table explains.</param>
    public ReplyPattern(string language, string words)
    {
        Language = language;
        _places =
        [
            .. words.Split(' ').Select(place => (
                place.TrimEnd('?').Split('|').Select(choice => choice.Split('+')).ToArray(),
                place.EndsWith('?'))),
        ];
    }

    public string Language { get; }

    /// <summary>Where a match that begins at this word ends, exclusive; the longest. -1: none begins there.</summary>
    public int Match(IReadOnlyList<ReplyWord> words, int start) => Match(words, start, place: 0);

    private int Match(IReadOnlyList<ReplyWord> words, int start, int place)
    {
        if (place == _places.Length)
            return start;
        var longest = _places[place].IsOptional ? Match(words, start, place + 1) : -1;
        foreach (var choice in _places[place].Choices)
        {
            if (Fits(choice, words, start))
                longest = Math.Max(longest, Match(words, start + choice.Length, place + 1));
        }

        return longest;
    }

    private static bool Fits(string[] choice, IReadOnlyList<ReplyWord> words, int start)
    {
        for (var n = 0; n < choice.Length; n++)
        {
            if (start + n >= words.Count)
                return false;
            if (choice[n] != AnyWord && !string.Equals(choice[n], words[start + n].Text, StringComparison.Ordinal))
                return false;
        }

        return true;
    }
}
