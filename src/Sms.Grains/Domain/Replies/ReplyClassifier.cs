using System.Collections.Frozen;

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
}

/// <param name="Kind">What it asks for.</param>
/// <param name="Keyword">The word that said so, in capitals; null for an ordinary reply.</param>
public sealed record Reply(ReplyKind Kind, string? Keyword);

/// <summary>
/// Tells what an inbound text asks for: the provider's own verdict first, else an exact keyword. A text that merely
/// contains such a word ("bus stop") asks for nothing.
/// </summary>
public static class ReplyClassifier
{
    /// <remarks>Source: Twilio's default keywords; the US ones are those of 47 CFR 64.1200(a)(10).</remarks>
    private static readonly FrozenDictionary<string, ReplyKind> Keywords = new Dictionary<string, ReplyKind>(StringComparer.Ordinal)
    {
        ["STOP"] = ReplyKind.OptOut,
        ["STOPALL"] = ReplyKind.OptOut,
        ["UNSUBSCRIBE"] = ReplyKind.OptOut,
        ["CANCEL"] = ReplyKind.OptOut,
        ["END"] = ReplyKind.OptOut,
        ["QUIT"] = ReplyKind.OptOut,
        ["REVOKE"] = ReplyKind.OptOut,
        ["OPTOUT"] = ReplyKind.OptOut,
        ["START"] = ReplyKind.OptIn,
        ["YES"] = ReplyKind.OptIn,
        ["UNSTOP"] = ReplyKind.OptIn,
        ["HELP"] = ReplyKind.Help,
        ["INFO"] = ReplyKind.Help,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <param name="body">The text as it came.</param>
    /// <param name="providersVerdict">Twilio's OptOutType, where it was given: STOP, START or HELP.</param>
    public static Reply Classify(string body, string? providersVerdict)
    {
        switch (providersVerdict?.ToUpperInvariant())
        {
            case "STOP":
                return new Reply(ReplyKind.OptOut, "STOP");
            case "START":
                return new Reply(ReplyKind.OptIn, "START");
            case "HELP":
                return new Reply(ReplyKind.Help, "HELP");
        }

        var word = new string([.. body.Where(c => !char.IsWhiteSpace(c) || c == ' ')]).Trim(' ', '.', '!', '"', '\'', '“', '”', '‘', '’').ToUpperInvariant();
        return Keywords.TryGetValue(word, out var kind) ? new Reply(kind, word) : new Reply(ReplyKind.Other, Keyword: null);
    }
}
