namespace Sms.Domain.Segments;

/// <summary>How the characters of a text travel.</summary>
public enum SmsEncoding
{
    /// <summary>Seven-bit units (septets), for texts of the GSM alphabet only.</summary>
    Gsm7,

    /// <summary>Sixteen-bit units, for all others.</summary>
    Ucs2,
}

/// <summary>What a text costs to send: an estimate, of which the provider's count is the truth.</summary>
/// <param name="Encoding">How it travels.</param>
/// <param name="Segments">Messages the carrier is paid for, at least 1.</param>
/// <param name="Characters">Septets in GSM-7; characters as people count them (grapheme clusters) in UCS-2.</param>
/// <param name="UnitsPerSegment">
/// Septets or UTF-16 units in each segment, without its header: at most 160 or 70 in a single one, 153 or 67 in each
/// of several.
/// </param>
/// <param name="NonGsm">
/// The characters that force UCS-2, each once, in order of appearance; lone surrogates are left out, as no text
/// format can carry them.
/// </param>
public sealed record SegmentCount(
    SmsEncoding Encoding,
    int Segments,
    int Characters,
    IReadOnlyList<int> UnitsPerSegment,
    IReadOnlyList<string> NonGsm);

/// <summary>The words of the API and the store.</summary>
public static class SmsEncodingWords
{
    /// <summary><c>gsm7</c> or <c>ucs2</c>.</summary>
    public static string ToWire(this SmsEncoding encoding) => encoding switch
    {
        SmsEncoding.Gsm7 => "gsm7",
        SmsEncoding.Ucs2 => "ucs2",
        _ => throw new ArgumentOutOfRangeException(nameof(encoding), encoding, "Not an encoding of texts."),
    };
}
