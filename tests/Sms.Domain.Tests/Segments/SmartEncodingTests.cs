using CsCheck;
using Sms.Domain.Segments;
using Xunit;

namespace Sms.Domain.Tests.Segments;

public sealed class SmartEncodingTests
{
    [Theory]
    [InlineData("“Hi” – it’s 50 €…", "\"Hi\" - it's 50 €...")]
    [InlineData("½ a\u00a0b\tc", "1/2 a  b       c")]
    [InlineData("a\u200bb\ufeffc\u2060d", "abcd")]
    [InlineData("ＡＢＣ１２３", "ABC123")]
    [InlineData("`quoted`", "'quoted'")]
    public void Typographic_characters_become_plain_ones(string text, string plain) =>
        Assert.Equal(plain, SmsSegments.ApplySmartEncoding(text));

    [Theory]
    [InlineData("plain text")]
    [InlineData("áíóú 😀 中")]
    [InlineData("👩‍🚀")]
    [InlineData("a\r\nb\n")]
    [InlineData("\ud83d")]
    [InlineData("")]
    public void Other_texts_stay_the_same_instance(string text) =>
        Assert.Same(text, SmsSegments.ApplySmartEncoding(text));

    [Fact]
    public void All_271_characters_are_replaced_by_the_alphabet()
    {
        var all = Enumerable.Range(0, 0xD800).Concat(Enumerable.Range(0xE000, 0x2000))
            .Select(static code => ((char)code).ToString())
            .Where(static text => !ReferenceEquals(SmsSegments.ApplySmartEncoding(text), text))
            .ToList();

        Assert.Equal(271, SmartEncoding.Count);
        Assert.Equal(SmartEncoding.Count, all.Count);
        Assert.All(all, static text =>
        {
            Assert.Equal(SmsEncoding.Ucs2, SmsSegments.Measure(text).Encoding);
            Assert.Equal(SmsEncoding.Gsm7, SmsSegments.Measure(text, smartEncoding: true).Encoding);
        });
    }

    [Fact]
    public void Twice_changes_nothing_more() =>
        Gen.String.Sample(static text =>
        {
            var once = SmsSegments.ApplySmartEncoding(text);
            return ReferenceEquals(SmsSegments.ApplySmartEncoding(once), once);
        });
}
