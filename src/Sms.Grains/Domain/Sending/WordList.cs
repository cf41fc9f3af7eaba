namespace Sms.Domain.Sending;

/// <summary>Words in the order in which they were given, each once. Two lists are equal when they have the same words in the same order.</summary>
public sealed class WordList(IEnumerable<string> words) : IEquatable<WordList>
{
    private readonly string[] _words = [.. words.Distinct(StringComparer.Ordinal)];

    public IReadOnlyList<string> Words => _words;

    public bool Contains(string word) => Array.IndexOf(_words, word) >= 0;

    /// <summary>The list with this word, which is its last unless it was there.</summary>
    public WordList With(string word) => Contains(word) ? this : new WordList([.. _words, word]);

    public bool Equals(WordList? other) => other is not null && _words.AsSpan().SequenceEqual(other._words);

    public override bool Equals(object? obj) => Equals(obj as WordList);

    public override int GetHashCode() => _words.Aggregate(0, static (hash, word) => HashCode.Combine(hash, word.GetHashCode(StringComparison.Ordinal)));

    public override string ToString() => string.Join(", ", _words);
}
