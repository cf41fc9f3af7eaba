using CsCheck;
using Sms.Domain.Segments;
using Xunit;

namespace Sms.Domain.Tests.Segments;

public sealed class SmsSegmentsTests
{
    private static readonly Gen<string> GsmTexts =
        Gen.OneOf("a", "Z", "é", "Δ", "\n", "\r", "\r\n", "€", "{", "\\", " ").Array[0, 500].Select(string.Concat);

    private static readonly Gen<string> AnyTexts =
        Gen.OneOf("a", "é", "€", "\r\n", "я", "中", "😀", "🇺🇸", "👩🏽‍🚀", "e\u0301", "👨‍👩‍👧‍👦", "\u200d", "\ud83d")
            .Array[0, 200].Select(string.Concat);

    [Fact]
    public void The_alphabet_has_127_characters_of_one_septet_and_10_of_two()
    {
        var septets = Enumerable.Range(0, char.MaxValue + 1).Select(static code => GsmAlphabet.Septets((char)code)).ToList();

        Assert.Equal(127, septets.Count(static length => length == 1));
        Assert.Equal(10, septets.Count(static length => length == 2));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(160, 1)]
    [InlineData(161, 2)]
    [InlineData(306, 2)]
    [InlineData(307, 3)]
    [InlineData(1_600, 11)]
    public void A_plain_text_fits_160_septets_or_153_in_each_of_several(int length, int segments)
    {
        var count = SmsSegments.Measure(new string('x', length));

        Assert.Equal((SmsEncoding.Gsm7, segments, length), (count.Encoding, count.Segments, count.Characters));
        Assert.Equal(segments, count.UnitsPerSegment.Count);
    }

    [Theory]
    [InlineData(70, 1)]
    [InlineData(71, 2)]
    [InlineData(134, 2)]
    [InlineData(135, 3)]
    public void Another_text_fits_70_units_or_67_in_each_of_several(int length, int segments)
    {
        var count = SmsSegments.Measure(new string('я', length));

        Assert.Equal((SmsEncoding.Ucs2, segments, length), (count.Encoding, count.Segments, count.Characters));
        Assert.Equal(["я"], count.NonGsm);
    }

    [Fact]
    public void A_character_is_never_split_between_segments()
    {
        Assert.Equal([152, 12], SmsSegments.Measure(new string('x', 152) + "€xxxxxxxxxx").UnitsPerSegment);
        Assert.Equal([152, 152, 2], SmsSegments.Measure(new string('{', 153)).UnitsPerSegment);
        Assert.Equal([66, 66, 2], SmsSegments.Measure(string.Concat(Enumerable.Repeat("😀", 67))).UnitsPerSegment);
        Assert.Equal([64, 8], SmsSegments.Measure(string.Concat(Enumerable.Repeat("🇺🇸", 18))).UnitsPerSegment);
    }

    [Fact]
    public void A_cluster_that_no_segment_holds_is_split_between_its_code_points()
    {
        var count = SmsSegments.Measure("a" + new string('\u0301', 100));

        Assert.Equal([67, 34], count.UnitsPerSegment);
        Assert.Equal(1, count.Characters);
    }

    [Fact]
    public void One_character_outside_the_alphabet_makes_the_whole_text_dear()
    {
        Assert.Equal(1, SmsSegments.Measure(new string('x', 140)).Segments);
        Assert.Equal(3, SmsSegments.Measure(new string('x', 140) + "’").Segments);
        Assert.Equal(1, SmsSegments.Measure(new string('x', 140) + "’", smartEncoding: true).Segments);
    }

    [Fact]
    public void A_combining_mark_forces_another_encoding_even_on_a_letter_of_the_alphabet()
    {
        var count = SmsSegments.Measure("cafe\u0301");

        Assert.Equal((SmsEncoding.Ucs2, 4), (count.Encoding, count.Characters));
        Assert.Equal(["e\u0301"], count.NonGsm);
    }

    [Fact]
    public void Characters_outside_the_alphabet_are_named_once_in_order() =>
        Assert.Equal(["я", "ç", "😀"], SmsSegments.Measure("яaç\r\nя😀ç\ud83d").NonGsm);

    [Fact]
    public void A_text_of_the_alphabet_keeps_all_its_septets() =>
        GsmTexts.Sample(static text =>
        {
            var count = SmsSegments.Measure(text);
            return count.Encoding == SmsEncoding.Gsm7
                && count.UnitsPerSegment.Sum() == count.Characters
                && count.Characters == text.Length + text.Count(static c => c is '€' or '{' or '\\')
                && Fits(count, single: 160, several: 153);
        });

    [Fact]
    public void Another_text_keeps_all_its_units() =>
        AnyTexts.Where(static text => SmsSegments.Measure(text).Encoding == SmsEncoding.Ucs2).Sample(static text =>
        {
            var count = SmsSegments.Measure(text);
            return count.UnitsPerSegment.Sum() == text.Length
                && count.Characters <= text.Length
                && count.NonGsm.All(SmsText.IsValid)
                && Fits(count, single: 70, several: 67);
        });

    [Theory]
    [InlineData(SmsEncoding.Gsm7, "gsm7")]
    [InlineData(SmsEncoding.Ucs2, "ucs2")]
    public void Encodings_have_their_words(SmsEncoding encoding, string word) => Assert.Equal(word, encoding.ToWire());

    private static bool Fits(SegmentCount count, int single, int several) =>
        count.Segments == count.UnitsPerSegment.Count
        && (count.Segments == 1
            ? count.UnitsPerSegment[0] <= single
            : count.UnitsPerSegment.All(units => units > 0 && units <= several) && count.UnitsPerSegment.Sum() > single);
}
