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
