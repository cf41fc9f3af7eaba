using NodaTime;
using Sms.Domain.Phones;
using Xunit;

namespace Sms.Domain.Tests.Phones;

public sealed class PhoneNumberTests
{
    [Theory]
    [InlineData("+12125551234", "US", "+12125551234")]
    [InlineData("(512) 555-1234", "US", "+15125551234")]
    [InlineData("1-512-555-1234", "US", "+15125551234")]
    [InlineData("512.555.1234", "CA", "+15125551234")]
    [InlineData("+447400123456", "US", "+447400123456")]
    [InlineData("07400 123456", "GB", "+447400123456")]
    [InlineData("+44 (0) 7400 123456", "US", "+447400123456")]
    [InlineData(" +61 412 345 678 ", "US", "+61412345678")]
    [InlineData("+12125551234", "", "+12125551234")]
    [InlineData("+390612345678", "US", "+390612345678")]
    [InlineData("+1 (212) 555‐1234", "US", "+12125551234")]
    public void A_number_is_read_as_people_write_it(string text, string region, string e164)
    {
        Assert.True(PhoneNumber.TryParse(text, region, out var number));
        Assert.Equal(e164, number.E164);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("hello")]
    [InlineData("911")]
    [InlineData("12345")]
    [InlineData("555-1234")]
    [InlineData("+1212555")]
    [InlineData("+121255512345678")]
    [InlineData("+0123456789")]
    [InlineData("+9991234567890")]
    [InlineData("212-555-1234 x123")]
    [InlineData("212-555-1234 ext. 5")]
    [InlineData("212-555-1234#5")]
    [InlineData("+12125551234;ext=5")]
    [InlineData("1-800-FLOWERS")]
    [InlineData("tel:+12125551234")]
    [InlineData("+1212555\01234")]
    [InlineData("+12125551234\0")]
    [InlineData("+12125551234 📞")]
    public void What_is_not_a_whole_number_is_refused(string? text)
    {
        Assert.False(PhoneNumber.TryParse(text, "US", out var number));
        Assert.Equal(default, number);
    }

    [Theory]
    [InlineData("")]
    [InlineData("XX")]
    [InlineData("nowhere")]
    public void A_national_number_needs_a_region(string region) =>
        Assert.False(PhoneNumber.TryParse("(512) 555-1234", region, out _));

    [Fact]
    public void A_text_of_64_units_is_read_and_one_of_65_is_refused()
    {
        var padded = "+12125551234".PadRight(PhoneNumber.MaxTextLength);

        Assert.True(PhoneNumber.TryParse(padded, "US", out _));
        Assert.False(PhoneNumber.TryParse(padded + " ", "US", out _));
    }

    [Theory]
    [InlineData("+12125551234", "+1******1234")]
    [InlineData("+447400123456", "+44******3456")]
    [InlineData("+35312345678", "+353******5678")]
    [InlineData("+2904123", "+290******23")]
    [InlineData("+99912345678", "+******5678")]
    public void A_number_prints_itself_masked(string e164, string masked)
    {
        var number = PhoneNumber.FromE164(e164);

        Assert.Equal(masked, number.Masked);
        Assert.Equal(masked, $"{number}");
    }

    [Theory]
    [InlineData("+1234567")]
    [InlineData("+123456789012345")]
    public void A_stored_number_has_7_to_15_digits(string e164) =>
        Assert.Equal(e164, PhoneNumber.FromE164(e164).E164);

    [Theory]
    [InlineData("")]
    [InlineData("12125551234")]
    [InlineData("+123456")]
    [InlineData("+1234567890123456")]
    [InlineData("+0234567890")]
    [InlineData("+1212555123a")]
    [InlineData("+1212555123٤")]
    [InlineData("+1 2125551234")]
    public void A_stored_number_of_another_shape_throws(string e164) =>
        Assert.Throws<ArgumentException>(() => PhoneNumber.FromE164(e164));

    [Fact]
    public void Numbers_are_equal_by_their_digits()
    {
        Assert.True(PhoneNumber.TryParse("(212) 555-1234", "US", out var parsed));
        Assert.Equal(PhoneNumber.FromE164("+12125551234"), parsed);
    }

    [Fact]
    public void A_number_that_was_never_set_has_no_digits()
    {
        Assert.Throws<InvalidOperationException>(() => default(PhoneNumber).E164);
        Assert.Equal("(none)", default(PhoneNumber).ToString());
    }

    [Theory]
    [InlineData("+12125551234", "America/New_York")]
    [InlineData("+18504321234", "America/Chicago")]
    [InlineData("+12085551234", "America/Boise,America/Los_Angeles")]
    public void An_area_code_tells_the_zones(string e164, string zones) =>
        Assert.Equal(zones.Split(','), PhoneNumber.FromE164(e164).TimeZones().Order(StringComparer.Ordinal), StringComparer.Ordinal);

    [Fact]
    public void A_toll_free_number_may_be_anywhere_in_its_country_code()
    {
        var zones = PhoneNumber.FromE164("+18005551234").TimeZones();

        Assert.Contains("America/New_York", zones, StringComparer.Ordinal);
        Assert.Contains("Pacific/Honolulu", zones, StringComparer.Ordinal);
        Assert.All(zones, static id => Assert.NotNull(DateTimeZoneProviders.Tzdb.GetZoneOrNull(id)));
    }

    [Theory]
    [InlineData("+15555551234")]
    [InlineData("+99912345678")]
    public void Nothing_is_known_of_a_number_that_nobody_issues(string e164) =>
        Assert.Empty(PhoneNumber.FromE164(e164).TimeZones());
}
