using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Sms.Silo.Twilio;

/// <summary>The SID of a message: SM or MM and 32 hexadecimal digits.</summary>
internal static class MessageSid
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    public static bool IsValid([NotNullWhen(true)] string? text) =>
        text is not null && text.AsSpan() is ['S' or 'M', 'M', .. { Length: 32 } digits] && !digits.ContainsAnyExcept(HexDigits);
}
