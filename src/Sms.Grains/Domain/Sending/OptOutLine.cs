namespace Sms.Domain.Sending;

/// <summary>The line that says how to opt out: which texts end with it, and whether there is room for it.</summary>
public static class OptOutLine
{
    /// <summary>What follows the body.</summary>
    public const string Text = "\nReply STOP to opt out";

    /// <summary>The line for marketing that the business wants it on; else null. It does not depend on the body: it is never left out for want of room.</summary>
    /// <param name="category">What kind of text.</param>
    /// <param name="setting">The business's wish.</param>
    /// <param name="textedBefore">The business has texted the recipient before.</param>
    public static string? For(Category category, OptOutFooter setting, bool textedBefore) =>
        category == Category.Marketing && (setting == OptOutFooter.Always || setting == OptOutFooter.FirstMessage && !textedBefore) ? Text : null;

    /// <summary>Why a text is too long, in one sentence; null: it fits.</summary>
    /// <param name="body">What the recipient reads first.</param>
    /// <param name="line">The line that follows it; null: none.</param>
    /// <param name="bodyLimit">The longest body in UTF-16 units, the line not counted.</param>
    /// <remarks>The two together are held to <see cref="BusinessSettings.MaxBodyLimit"/>, whatever the encoding.</remarks>
    public static string? TooLong(string body, string? line, int bodyLimit)
    {
        if (body.Length > bodyLimit)
            return $"The text has {body.Length} UTF-16 units; the limit is {bodyLimit}.";
        return line is not null && body.Length + line.Length > BusinessSettings.MaxBodyLimit
            ? $"The text has {body.Length} UTF-16 units and the line that says how to opt out needs {line.Length} more; "
                + $"a message has at most {BusinessSettings.MaxBodyLimit}, so that {BusinessSettings.MaxBodyLimit - line.Length} are left for the text."
            : null;
    }
}
