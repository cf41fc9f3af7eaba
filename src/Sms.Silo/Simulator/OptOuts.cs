using System.Collections.Concurrent;

namespace Sms.Silo.Simulator;

/// <summary>Who may not be texted by which sender, as Twilio keeps it by its default keywords. Thread-safe.</summary>
/// <remarks>Source: https://help.twilio.com/articles/223134027, "Twilio support for opt-out keywords".</remarks>
internal sealed class OptOuts
{
    private static readonly HashSet<string> Out = new(
        ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"], StringComparer.OrdinalIgnoreCase);

    private static readonly HashSet<string> In = new(["START", "YES", "UNSTOP"], StringComparer.OrdinalIgnoreCase);

    private readonly ConcurrentDictionary<(string Person, string Sender), byte> blocked = new();

    /// <summary>Takes what a person wrote: only a text that is one keyword and nothing else counts.</summary>
    /// <param name="person">E.164.</param>
    /// <param name="sender">The number, or the whole Messaging Service.</param>
    /// <param name="body">The text.</param>
    /// <param name="optOutType">What Advanced Opt-Out made of it (STOP, START, HELP), whatever the text; null: it is off.</param>
    public void Hear(string person, string sender, string body, string? optOutType)
    {
        var word = optOutType ?? body.Trim();
        if (Out.Contains(word))
            blocked.TryAdd((person, sender), 0);
        else if (In.Contains(word))
            blocked.TryRemove((person, sender), out _);
    }

    public bool Blocks(string person, string sender) => blocked.ContainsKey((person, sender));
}
