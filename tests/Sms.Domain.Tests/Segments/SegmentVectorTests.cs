using System.Text.Json;
using Sms.Domain.Segments;
using Xunit;

namespace Sms.Domain.Tests.Segments;

/// <summary>What Twilio's own calculator says of a text.</summary>
public sealed class SegmentVectorTests
{
    private static readonly Dictionary<string, SmsEncoding> Encodings =
        new(StringComparer.Ordinal) { ["GSM-7"] = SmsEncoding.Gsm7, ["UCS-2"] = SmsEncoding.Ucs2 };

    [Fact]
    public void Every_count_agrees()
    {
        var vectors = Vectors.Read("segments.json").GetProperty("vectors").EnumerateArray().ToList();

        Assert.Empty(vectors.Where(static vector => !Agrees(vector)).Select(static vector => vector.Text("id")));
        Assert.Equal(128, vectors.Count);
    }

    private static bool Agrees(JsonElement vector)
    {
        var body = string.Concat(
            vector.Text("utf16Hex").Chunk(4).Select(static hex => (char)Convert.ToUInt16(new string(hex), 16)));
        var count = SmsSegments.Measure(body, vector.GetProperty("smartEncoded").GetBoolean());

        return count.Encoding == Encodings[vector.Text("encoding")]
            && count.Segments == vector.GetProperty("segments").GetInt32()
            && count.Characters == vector.GetProperty("chars").GetInt32()
            && count.UnitsPerSegment.SequenceEqual(
                vector.GetProperty("unitsPerSegment").EnumerateArray().Select(static units => units.GetInt32()))
            && count.NonGsm.SequenceEqual(
                vector.GetProperty("nonGsm").EnumerateArray().Select(static character => character.GetString() ?? ""),
                StringComparer.Ordinal);
    }
}
