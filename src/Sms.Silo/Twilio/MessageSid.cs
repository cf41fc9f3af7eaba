using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Sms.Silo.Twilio;

/// <summary>The SID of a message: SM or MM and 32 hexadecimal digits.</summary>
internal static partial class MessageSid
{
    public static bool IsValid([NotNullWhen(true)] string? text) => text is not null && Pattern().IsMatch(text);

    [GeneratedRegex(@"\A(SM|MM)[0-9a-fA-F]{32}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
