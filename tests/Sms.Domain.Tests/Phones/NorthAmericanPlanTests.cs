using System.Globalization;
using Sms.Domain.Phones;
using Xunit;

namespace Sms.Domain.Tests.Phones;

public sealed class NorthAmericanPlanTests
{
    [Theory]
    [InlineData("0000000000")]
    [InlineData("(000) 000-0000")]
    [InlineData("000-000-0000")]
    [InlineData("0125550123")]
    [InlineData("1111111111")]
    [InlineData("1234567890")]
    [InlineData("+11234567890")]
    [InlineData("+10000000000")]
    [InlineData("+12120551234")]
    [InlineData("+12121551234")]
    [InlineData("+19115551234")]
    [InlineData("+14115551234")]
    [InlineData("+12129115551")]
    [InlineData("212 411 1234")]
    public void A_placeholder_is_nobodys_number(string text)
    {
        foreach (var region in new[] { "US", "CA", "PR", "JM" })
            Assert.False(PhoneNumber.TryParse(text, region, out _), region);
    }

    [Theory]
    [InlineData("+18004115551")]
    [InlineData("+18882115551")]
    [InlineData("+15005550006")]
    [InlineData("+12015550123")]
    [InlineData("+19199199199")]
    [InlineData("+16492311234")]
    public void What_the_plan_can_have_is_read(string text) => Assert.True(PhoneNumber.TryParse(text, "US", out _));

    [Fact]
    public void Area_code_and_exchange_follow_the_plan_for_every_code()
    {
        for (var area = 0; area < 1000; area++)
        {
            foreach (var exchange in new[] { 0, 55, 123, 200, 211, 212, 555, 611, 911, 999 })
            {
                var right = area >= 200 && area % 100 != 11 && exchange >= 200 && (exchange % 100 != 11 || area is 800 or 822 or 833 or 844 or 855 or 866 or 877 or (>= 880 and <= 889));
                var text = string.Create(CultureInfo.InvariantCulture, $"+1{area:000}{exchange:000}1234");
                Assert.True(PhoneNumber.TryParse(text, "US", out _) == right, text);
            }
        }
    }

    [Fact]
    public void Numbers_that_are_stored_already_are_taken_as_they_are() =>
        Assert.Equal("+10000000000", PhoneNumber.FromE164("+10000000000").E164);
}
