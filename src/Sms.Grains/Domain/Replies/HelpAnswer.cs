using Sms.Domain.Segments;

namespace Sms.Domain.Replies;

/// <summary>What is answered to HELP when the business has no text of its own: who we are and how to stop it.</summary>
/// <remarks>Source of what it must say: CTIA Messaging Principles and Best Practices, section 5.1 (May 2023).</remarks>
public static class HelpAnswer
{
    /// <summary>A longer name is cut, so that the answer stays one segment.</summary>
    private const int MostOfName = 50;

    /// <summary>For a business whose body limit leaves no room for the rest.</summary>
    private const string Shortest = "Reply STOP to opt out";

    /// <param name="own">The business's text; null: none.</param>
    /// <param name="name">The business's name.</param>
    /// <param name="language">An ISO code; there are answers in en, es and fr, and any other is answered in English.</param>
    /// <param name="limit">The longest answer, in UTF-16 units.</param>
    public static string Text(string? own, string name, string language, int limit)
    {
        var who = SmsText.Cut(name, MostOfName).TrimEnd();
        var text = own ?? language switch
        {
            "es" => $"{who}: responda STOP para dejar de recibir mensajes. Pueden aplicarse cargos por mensajes y datos.",
            "fr" => $"{who}: répondez STOP pour ne plus recevoir de textos. Des frais peuvent s'appliquer.",
            _ => $"{who}: reply STOP to get no more texts from us. Message and data rates may apply.",
        };
        return text.Length <= limit ? text : Shortest;
    }
}
