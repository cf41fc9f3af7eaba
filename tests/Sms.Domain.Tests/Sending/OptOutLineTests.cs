using Sms.Domain.Segments;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

public sealed class OptOutLineTests
{
    private static readonly bool[] Booleans = [true, false];
    private static readonly int[] Limits = [1, 70, 160, 320, 1577, 1578, 1579, 1599, 1600];
    private static readonly string?[] Lines = [null, OptOutLine.Text];

    [Fact]
    public void Only_marketing_has_the_line_as_the_business_wants_it()
    {
        foreach (var (category, setting, textedBefore) in
            from c in Enum.GetValues<Category>() from s in Enum.GetValues<OptOutFooter>() from t in Booleans select (c, s, t))
        {
            var expected = category == Category.Marketing && (setting == OptOutFooter.Always || setting == OptOutFooter.FirstMessage && !textedBefore);
            Assert.Equal(expected, OptOutLine.For(category, setting, textedBefore) is not null);
        }
    }

    [Fact]
    public void A_text_goes_with_its_line_or_is_refused_at_each_length_around_each_limit()
    {
        foreach (var (limit, letter, line) in
            from l in Limits from c in "aж" from f in Lines select (l, c, f))
        {
            foreach (var length in Enumerable.Range(1, 3).Concat(Enumerable.Range(limit - 2, 5)).Concat(Enumerable.Range(1576, 6)).Concat(Enumerable.Range(1598, 5)).Where(n => n > 0))
            {
                var body = new string(letter, length);
                var fits = length <= limit && length + (line?.Length ?? 0) <= BusinessSettings.MaxBodyLimit;
                Assert.Equal(fits, OptOutLine.TooLong(body, line, limit) is null);
                // The bound is of UTF-16 units: encoding and segments make no difference to it.
                Assert.Equal(letter == 'a' ? SmsEncoding.Gsm7 : SmsEncoding.Ucs2, SmsSegments.Measure(body + line).Encoding);
            }
        }
    }

    [Fact]
    public void The_refusal_says_what_the_line_needs()
    {
        Assert.Equal("The text has 321 UTF-16 units; the limit is 320.", OptOutLine.TooLong(new string('a', 321), OptOutLine.Text, 320));
        var tooLong = OptOutLine.TooLong(new string('a', 1579), OptOutLine.Text, 1600)!;
        Assert.Contains("needs 22 more", tooLong, StringComparison.Ordinal);
        Assert.Contains("1578 are left", tooLong, StringComparison.Ordinal);
    }
}
