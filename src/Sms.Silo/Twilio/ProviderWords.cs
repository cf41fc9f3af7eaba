using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Sms.Domain.Segments;

namespace Sms.Silo.Twilio;

/// <summary>The provider's words, fit to be stored and logged.</summary>
internal static partial class ProviderWords
{
    /// <summary>UTF-16 units kept of a message; Twilio's own are under 300.</summary>
    public const int MaxLength = 500;

    /// <summary>
    /// Masks what may be a phone number: digits after a plus sign, and seven or more digits, however
    /// separated. Shorter ones (error codes, short codes, limits) stay. What no database stores is left out: U+0000
    /// and halves of surrogate pairs.
    /// </summary>
    public static string WithoutNumbers(string words)
    {
        var masked = PhoneNumbers().Replace(Storable(words), static match => Mask(match.Groups["number"].Value));
        return SmsText.Cut(masked, MaxLength);
    }

    private static string Storable(string words)
    {
        if (SmsText.IsValid(words))
            return words;
        var kept = new StringBuilder(words.Length);
        for (var rest = words.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var length) == OperationStatus.Done && rune.Value != 0)
                kept.Append(rest[..length]);
            rest = rest[length..];
        }

        return kept.ToString();
    }

    private static string Mask(string number)
    {
        var digits = string.Concat(number.Where(char.IsAsciiDigit));
        return digits.Length < 10 ? "+******" : $"+{digits[0]}******{digits[^4..]}";
    }

    [GeneratedRegex(
        @"(\+|%2B)\s?\(?(?<number>\d([\d\s().-]*\d)?)|(?<![0-9A-Za-z])\(?(?<number>\d([\s().-]{0,2}\d){6,})",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex PhoneNumbers();
}
