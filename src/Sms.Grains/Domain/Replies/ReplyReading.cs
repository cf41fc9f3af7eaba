using System.Collections;

namespace Sms.Domain.Replies;

/// <summary>The words of a reply, each with the rows of the tables that may begin with it, looked up once.</summary>
internal sealed class ReplyReading : IReadOnlyList<ReplyWord>
{
    // Stands where a look-alike stood: nothing matches across it.
    private static readonly ReplyWord Hole = new("", IsGlued: false);

    private readonly ReplyWord[] _words;
    private readonly ReplyPattern[]?[] _rows;

    public ReplyReading(IEnumerable<ReplyWord> words)
    {
        _words = [.. words];
        _rows = new ReplyPattern[]?[_words.Length];
    }

    /// <summary>A copy, of which words may be left out.</summary>
    public ReplyReading(ReplyReading other)
    {
        _words = [.. other._words];
        _rows = [.. other._rows];
    }

    public int Count => _words.Length;

    public ReplyWord this[int index] => _words[index];

    /// <summary>The longest match of a row for one of <paramref name="rules"/> that begins at a word. Of two as long a phrase goes before a guard.</summary>
    /// <returns>Where it ends, exclusive, and its row; <c>(-1, null)</c> when none begins there.</returns>
    public (int End, ReplyPattern? Pattern) Longest(ReplyRule rules, int at)
    {
        var longest = (End: -1, Pattern: (ReplyPattern?)null);
        foreach (var pattern in _rows[at] ??= ReplyWords.BeginningWith(_words[at]))
        {
            if ((pattern.Rule & rules) == ReplyRule.None)
                continue;
            var end = pattern.Match(_words, at);
            if (end > longest.End || end == longest.End && end > at && pattern.Rule > longest.Pattern!.Rule)
                longest = (end, pattern);
        }

        return longest;
    }

    /// <summary>The shortest match of a row for one of <paramref name="rules"/> that begins at a word: what is enough to say so.</summary>
    public (int End, ReplyPattern? Pattern) Shortest(ReplyRule rules, int at)
    {
        var shortest = (End: -1, Pattern: (ReplyPattern?)null);
        foreach (var pattern in _rows[at] ??= ReplyWords.BeginningWith(_words[at]))
        {
            if ((pattern.Rule & rules) != ReplyRule.None && pattern.Match(_words, at) is var end && end > at && (shortest.Pattern is null || end < shortest.End))
                shortest = (end, pattern);
        }

        return shortest;
    }

    /// <summary>Leaves out the words from <paramref name="start"/> to <paramref name="end"/>, exclusive.</summary>
    public void Omit(int start, int end)
    {
        for (var at = start; at < end; at++)
        {
            _words[at] = Hole with { Break = _words[at].Break };
            _rows[at] = [];
        }
    }

    public IEnumerator<ReplyWord> GetEnumerator() => ((IEnumerable<ReplyWord>)_words).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
