using System.Buffers;
using System.Text;

namespace Sms.Domain.Segments;

/// <summary>Which texts can be stored and sent at all.</summary>
public static class SmsText
{
    /// <summary>
    /// False with U+0000, which PostgreSQL cannot store, or with half a surrogate pair, which UTF-8 cannot carry.
    /// </summary>
    public static bool IsValid(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return !text.Contains('\0') && IsWellFormed(text);
    }

    /// <summary>The beginning of a text, never with half a surrogate pair at its end.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="most">UTF-16 units kept at most; at least 1.</param>
    public static string Cut(string text, int most)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
    }

    /// <summary>False with half a surrogate pair.</summary>
    internal static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out var consumed) != OperationStatus.Done) return false;

            text = text[consumed..];
        }

        return true;
    }
}
