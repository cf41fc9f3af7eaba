using Sms.Domain.Segments;
using Xunit;

namespace Sms.Domain.Tests.Segments;

public sealed class SmsTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("😀 👨‍👩‍👧‍👦")]
    [InlineData("\u0001\ufffd\uffff")]
    public void A_text_that_can_be_stored_and_sent_is_valid(string text) => Assert.True(SmsText.IsValid(text));

    [Theory]
    [InlineData("hello", 5, "hello")]
    [InlineData("hello", 4, "hell")]
    [InlineData("a😀b", 2, "a")]
    [InlineData("a😀b", 3, "a😀")]
    [InlineData("😀", 1, "")]
    public void A_text_is_cut_beside_a_surrogate_pair_and_not_within(string text, int most, string kept) => Assert.Equal(kept, SmsText.Cut(text, most));

    // As character codes: half a pair does not survive in an attribute.
    [Theory]
    [InlineData(new[] { 0 })]
    [InlineData(new[] { 'a', 0, 'b' })]
    [InlineData(new[] { 0xD83D })]
    [InlineData(new[] { 0xDE00 })]
    [InlineData(new[] { 'a', 0xD83D, 'b' })]
    [InlineData(new[] { 0xDE00, 0xD83D })]
    public void Zero_and_half_a_surrogate_pair_are_not(int[] codes) =>
        Assert.False(SmsText.IsValid(string.Concat(codes.Select(static code => (char)code))));
}
