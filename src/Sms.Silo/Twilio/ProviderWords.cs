using System.Text.RegularExpressions;

namespace Sms.Silo.Twilio;

/// <summary>The provider's words, fit to be stored and logged.</summary>
internal static partial class ProviderWords
{
    /// <summary>UTF-16 units kept of a message; Twilio's own are under 300.</summary>
    public const int MaxLength = 500;

    /// <summary>
    /// Masks what may be a phone number: digits after a plus sign, and seven or more digits, however
    /// separated. Shorter ones (error codes, short codes, limits) stay.
    /// </summary>
    public static string WithoutNumbers(string words)
    {
        var masked = PhoneNumbers().Replace(words, static match => Mask(match.Groups["number"].Value));
        return masked.Length <= MaxLength ? masked : masked[..MaxLength];
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
