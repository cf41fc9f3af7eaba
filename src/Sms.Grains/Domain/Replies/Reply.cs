namespace Sms.Domain.Replies;

/// <summary>What a reply of a recipient asks for.</summary>
public enum ReplyKind
{
    /// <summary>An ordinary reply.</summary>
    Other,

    /// <summary>No more texts.</summary>
    OptOut,

    /// <summary>Texts again; an ordinary answer when the sender was never told to stop.</summary>
    OptIn,

    /// <summary>Who is this, and how do I stop it.</summary>
    Help,

    /// <summary>It may ask for no more texts: a person must read it, and marketing waits for the verdict.</summary>
    Review,
}

/// <summary>What said so.</summary>
public enum ReplySource
{
    /// <summary>Nothing: an ordinary reply.</summary>
    None,

    /// <summary>The provider's own verdict, which came with the text. The provider has answered it.</summary>
    Provider,

    /// <summary>A keyword: alone, beside words that say nothing, as a sentence, or in a short text; in a text to be reviewed, one among others.</summary>
    Keyword,

    /// <summary>A phrase anywhere in the text.</summary>
    Phrase,
}

/// <param name="Kind">What it asks for.</param>
/// <param name="Words">The words that said so, in capitals without diacritics; null for an ordinary reply.</param>
/// <param name="Source">Where they stood.</param>
/// <param name="Language">Of those words: the ISO code of one of the tables, en for an ordinary reply.</param>
/// <param name="IsWrongNumber">The number belongs to somebody else by now.</param>
public sealed record Reply(ReplyKind Kind, string? Words, ReplySource Source, string Language = "en", bool IsWrongNumber = false);
