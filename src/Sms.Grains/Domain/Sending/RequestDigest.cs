using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Sms.Domain.Sending;

/// <summary>
/// Tells whether two requests ask for the same: a digest of what they mean, not of how it was written. The order of
/// members, spaces, escapes and the spelling of numbers (1, 1.0, 1e0) make no difference; the order in arrays does.
/// </summary>
/// <remarks>Sources: RFC 8259, section 4 (objects are unordered) and section 6 (numbers).</remarks>
public static class RequestDigest
{
    /// <summary>SHA-256 in hexadecimal. A member that is absent, null, an empty object, or as it would be if absent, is the same.</summary>
    /// <param name="request">An object.</param>
    /// <param name="defaults">What absent members stand for: a request made before a member was thought of stays the same afterwards.</param>
    public static string Of(JsonElement request, IReadOnlyDictionary<string, string> defaults)
    {
        var text = new StringBuilder();
        foreach (var member in InOrder(request))
        {
            if (IsUnsaid(member.Value) || defaults.TryGetValue(member.Name, out var unsaid) && member.Value.ValueKind == JsonValueKind.String && member.Value.ValueEquals(unsaid))
                continue;
            Append(text, member.Name);
            Append(text, member.Value);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static bool IsUnsaid(JsonElement value) =>
        value.ValueKind == JsonValueKind.Null || value.ValueKind == JsonValueKind.Object && !value.EnumerateObject().Any();

    private static IOrderedEnumerable<JsonProperty> InOrder(JsonElement value) =>
        value.EnumerateObject().OrderBy(static m => m.Name, StringComparer.Ordinal);

    // Each value tells where it ends, so that two different ones are never written alike.
    private static void Append(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (var member in InOrder(value))
                {
                    Append(text, member.Name);
                    Append(text, member.Value);
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var item in value.EnumerateArray())
                    Append(text, item);
                text.Append(']');
                break;
            case JsonValueKind.String:
                Append(text, value.GetString()!);
                break;
            case JsonValueKind.Number:
                text.Append('#').Append(Plain(value.GetRawText())).Append(';');
                break;
            default:
                text.Append(value.ValueKind switch { JsonValueKind.True => 't', JsonValueKind.False => 'f', _ => 'n' });
                break;
        }
    }

    private static void Append(StringBuilder text, string value) =>
        text.Append(CultureInfo.InvariantCulture, $"\"{value.Length}:{value}");

    /// <summary>Digits without zeros at either end, and the power of ten that they are multiplied by: exact, whatever the size.</summary>
    private static string Plain(string number)
    {
        var exponentAt = number.AsSpan().IndexOfAny('e', 'E');
        var exponent = exponentAt < 0 ? BigInteger.Zero : BigInteger.Parse(number.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var digits = exponentAt < 0 ? number : number[..exponentAt];
        if (digits.IndexOf('.', StringComparison.Ordinal) is var point and >= 0)
        {
            exponent -= digits.Length - point - 1;
            digits = digits.Remove(point, 1);
        }

        var isNegative = digits[0] == '-';
        digits = digits.TrimStart('-').TrimStart('0');
        var significant = digits.TrimEnd('0');
        return significant.Length == 0
            ? "0"
            : string.Create(CultureInfo.InvariantCulture, $"{(isNegative ? "-" : "")}{significant}e{exponent + (digits.Length - significant.Length)}");
    }
}
