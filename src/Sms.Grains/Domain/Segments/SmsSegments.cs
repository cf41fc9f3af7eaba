using System.Globalization;

namespace Sms.Domain.Segments;

/// <summary>Counts what a text costs to send, by the rules of Twilio's own calculator.</summary>
public static class SmsSegments
{
    /// <summary>Measures a text. Never fails: an empty text is one segment, a lone surrogate one unit.</summary>
    /// <param name="body">The text as it is sent, footer included.</param>
    /// <param name="smartEncoding">True to measure what Smart Encoding makes of it.</param>
    /// <remarks>
    /// Characters are grapheme clusters: one of several UTF-16 units forces UCS-2, even where its base is in the GSM
    /// alphabet, and stays in one segment. CRLF is two characters. A cluster that no segment can hold, of more than 67
    /// units, is split between its code points.
    /// </remarks>
    public static SegmentCount Measure(string body, bool smartEncoding = false)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (smartEncoding) body = ApplySmartEncoding(body);

        return MeasureGsm(body) ?? MeasureUcs2(body);
    }

    /// <summary>
    /// Replaces the 271 characters that Twilio's Smart Encoding replaces: typographic quotes, dashes and spaces,
    /// full-width letters and the like. The text can grow, and is not sure to be GSM-7 afterwards.
    /// </summary>
    public static string ApplySmartEncoding(string body)
    {
        ArgumentNullException.ThrowIfNull(body);
        return SmartEncoding.Apply(body);
    }

    // No character of the GSM alphabet joins its neighbour except CR and LF, which count as two here: no graphemes
    // need to be found. Whatever would join them is itself outside the alphabet.
    private static SegmentCount? MeasureGsm(string body)
    {
        var septets = 0;
        foreach (var character in body)
        {
            var length = GsmAlphabet.Septets(character);
            if (length == 0) return null;

            septets += length;
        }

        var fill = SegmentFill.Septets();
        foreach (var character in body) fill.Add(GsmAlphabet.Septets(character));

        var units = fill.ToUnitsPerSegment();
        return new SegmentCount(SmsEncoding.Gsm7, units.Length, septets, units, []);
    }

    private static SegmentCount MeasureUcs2(string body)
    {
        var fill = SegmentFill.Utf16Units();
        var characters = 0;
        var nonGsm = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        for (var rest = body.AsSpan(); !rest.IsEmpty;)
        {
            var length = ClusterLength(rest);
            var cluster = rest[..length];
            rest = rest[length..];
            characters++;
            AddCluster(ref fill, cluster);

            var isGsm = length == 1 && GsmAlphabet.Septets(cluster[0]) > 0;
            if (!isGsm && SmsText.IsWellFormed(cluster) && seen.Add(cluster)) nonGsm.Add(cluster.ToString());
        }

        var units = fill.ToUnitsPerSegment();
        return new SegmentCount(SmsEncoding.Ucs2, units.Length, characters, units, nonGsm);
    }

    private static int ClusterLength(ReadOnlySpan<char> text) =>
        text is ['\r', '\n', ..] ? 1 : StringInfo.GetNextTextElementLength(text);

    private static void AddCluster(ref SegmentFill fill, ReadOnlySpan<char> cluster)
    {
        if (cluster.Length <= fill.Capacity)
        {
            fill.Add(cluster.Length);
            return;
        }

        foreach (var rune in cluster.EnumerateRunes()) fill.Add(rune.Utf16SequenceLength);
    }
}
