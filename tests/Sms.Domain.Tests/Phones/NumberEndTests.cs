using PhoneNumbers;
using Xunit;
using PhoneNumber = Sms.Domain.Phones.PhoneNumber;

namespace Sms.Domain.Tests.Phones;

/// <summary>A number ends where it ends: what follows never makes somebody else's of it.</summary>
public sealed class NumberEndTests
{
    private static readonly PhoneNumberUtil Util = PhoneNumberUtil.GetInstance();

    public static TheoryData<string> Regions => new(Util.GetSupportedRegions().Order(StringComparer.Ordinal).Select(r => new TheoryDataRow<string>(r)));

    [Theory]
    [MemberData(nameof(Regions))]
    public void A_spreadsheets_zero_never_becomes_a_digit(string region)
    {
        foreach (var (text, e164) in Writings(region))
        {
            Assert.True(PhoneNumber.TryParse(text, region, out var plain), text);
            Assert.Equal(e164, plain.E164);
            foreach (var end in new[] { ".0", ".00", ".000", ",0", ",00", ", 0", " .0", ". 0", ".0 ", ".0.0", "．0", ".5", ".25", " (2)", " (0)", "/2", " / 12", ",1", ";1", "~9", "*1", "#1", "x123", ";ext=9", " ext. 9", " home", "e0", "E+0" })
                Assert.True(!PhoneNumber.TryParse(text + end, region, out var longer) || longer == plain, text + end);
            foreach (var between in new[] { ", ", "; ", " / ", " or ", "\n", " | ", " & ", "~", " + ", " / +" })
                Assert.False(PhoneNumber.TryParse(text + between + text, region, out _), text + between + text);
        }
    }

    [Theory]
    [InlineData("01701234567.0", "DE")]
    [InlineData("9876543210.0", "IN")]
    [InlineData("+4917012345670.0", "DE")]
    [InlineData("4917012345670.0", "DE")]
    [InlineData("4.91701E+12", "DE")]
    [InlineData("4,91701E+12", "DE")]
    [InlineData("1.7012345678E10", "DE")]
    [InlineData("0170.1234567.00", "DE")]
    [InlineData("030 1234567/68", "DE")]
    [InlineData("030 1234567/8", "DE")]
    [InlineData("01701234567 (2)", "DE")]
    // A digit short: the zero must not make it whole.
    [InlineData("212555123.0", "US")]
    [InlineData("21255512.00", "US")]
    [InlineData("1212555123.0", "US")]
    [InlineData("2125551234.", "US", "+12125551234")]
    // One number, in writings of their own.
    [InlineData("512.555.0000", "US", "+15125550000")]
    [InlineData("+1.5125550000", "US", "+15125550000")]
    [InlineData("06.12.34.56.00", "FR", "+33612345600")]
    [InlineData("0475/12.34.50", "BE", "+32475123450")]
    [InlineData("0170.12.34.56.78", "DE", "+4917012345678")]
    [InlineData("030/1234567", "DE", "+49301234567")]
    [InlineData("030/123456-78", "DE", "+493012345678")]
    [InlineData("030 12345-0", "DE", "+4930123450")]
    [InlineData("(0170) 1234567", "DE", "+491701234567")]
    [InlineData("+49 (0) 170 1234567", "DE", "+491701234567")]
    [InlineData("+49 (0)30/12345-0", "US", "+4930123450")]
    [InlineData("0511.123456", "DE", "+49511123456")]
    public void What_follows_a_number_is_no_part_of_it(string text, string region, string? e164 = null) =>
        Assert.Equal(e164, PhoneNumber.TryParse(text, region, out var number) ? number.E164 : null);

    /// <summary>Numbers that somebody may have there, as people write them.</summary>
    private static IEnumerable<(string Text, string E164)> Writings(string region)
    {
        foreach (var type in new[] { PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE })
        {
            if (Util.GetExampleNumberForType(region, type) is not { } example)
                continue;
            var e164 = Util.Format(example, PhoneNumberFormat.E164);
            foreach (var text in new[]
            {
                e164, Util.Format(example, PhoneNumberFormat.INTERNATIONAL), Util.Format(example, PhoneNumberFormat.NATIONAL),
                new string([.. Util.Format(example, PhoneNumberFormat.NATIONAL).Where(char.IsDigit)]), Util.GetNationalSignificantNumber(example),
            })
            {
                // Some are so short that the library takes them for a number within their town.
                if (Read(text, region) == e164)
                    yield return (text, e164);
            }
        }
    }

    private static string? Read(string text, string region)
    {
        try
        {
            var parsed = Util.Parse(text, region);
            return Util.IsPossibleNumberWithReason(parsed) == PhoneNumberUtil.ValidationResult.IS_POSSIBLE ? Util.Format(parsed, PhoneNumberFormat.E164) : null;
        }
        catch (NumberParseException)
        {
            return null;
        }
    }
}
