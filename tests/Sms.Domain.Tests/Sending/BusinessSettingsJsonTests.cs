using System.Text.Json;
using PhoneNumbers;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

/// <summary>A setting that can never work is refused, not only one of another shape.</summary>
public sealed class BusinessSettingsJsonTests
{
    [Theory]
    [InlineData("""{"region":"XX"}""")]
    [InlineData("""{"region":"ZZ"}""")]
    [InlineData("""{"region":"UK"}""")]
    [InlineData("""{"region":"EU"}""")]
    [InlineData("""{"region":"AQ"}""")]
    [InlineData("""{"region":"001"}""")]
    [InlineData("""{"region":"us"}""")]
    [InlineData("""{"region":""}""")]
    [InlineData("""{"region":" US"}""")]
    [InlineData("""{"region":"USA"}""")]
    [InlineData("""{"region":1}""")]
    [InlineData("""{"sender":{"from":"+10000000000"}}""")]
    [InlineData("""{"sender":{"from":"+12129115551"}}""")]
    [InlineData("""{"sender":{"from":"+9991234567890"}}""")]
    [InlineData("""{"sender":{"from":"+1212555"}}""")]
    [InlineData("""{"sender":{"from":"+12125551234567"}}""")]
    [InlineData("""{"sender":{"from":"+4401701234567"}}""")]
    [InlineData("""{"sender":{"from":"+1 212 555 1234"}}""")]
    [InlineData("""{"sender":{"from":"12"}}""")]
    [InlineData("""{"sender":{"from":""}}""")]
    [InlineData("""{"sender":{"from":"+12125551234","messagingServiceSid":1}}""")]
    [InlineData("""{"sender":{"from":1,"messagingServiceSid":"MG00000000000000000000000000000000"}}""")]
    [InlineData("""{"sender":{"from":"+12125551234","messagingServiceSID":"MG00000000000000000000000000000000"}}""")]
    [InlineData("""{"sender":{"messagingServiceSid":"PN00000000000000000000000000000000"}}""")]
    public void What_can_never_work_is_refused_by_name(string patch)
    {
        using var document = JsonDocument.Parse(patch);
        BusinessSettingsJson.Merge(BusinessSettings.Default, document.RootElement, mayChoosePolicy: true, out var errors);
        Assert.Equal("settings." + document.RootElement.EnumerateObject().Single().Name, Assert.Single(errors).Key);
    }

    [Theory]
    [InlineData("""{"sender":{"from":"+15005550006"}}""")]
    [InlineData("""{"sender":{"from":"+447400123456"}}""")]
    [InlineData("""{"sender":{"from":"+18005551234"}}""")]
    [InlineData("""{"sender":{"from":"12345"}}""")]
    [InlineData("""{"sender":{"from":"+12125551234","messagingServiceSid":null}}""")]
    [InlineData("""{"sender":{"from":null,"messagingServiceSid":"MG0123456789abcdef0123456789abcdef"}}""")]
    [InlineData("""{"sender":null,"region":null}""")]
    public void What_works_is_kept(string patch)
    {
        using var document = JsonDocument.Parse(patch);
        var settings = BusinessSettingsJson.Merge(BusinessSettings.Default, document.RootElement, mayChoosePolicy: true, out var errors);
        Assert.Empty(errors);
        Assert.Equal(settings, BusinessSettingsJson.Parse(BusinessSettingsJson.Write(settings)));
    }

    [Fact]
    public void Every_region_with_numbers_of_its_own_is_one()
    {
        foreach (var region in PhoneNumberUtil.GetInstance().GetSupportedRegions())
        {
            using var patch = JsonDocument.Parse($$"""{"region":"{{region}}"}""");
            Assert.Equal(region, BusinessSettingsJson.Merge(BusinessSettings.Default, patch.RootElement, mayChoosePolicy: true, out var errors).Region);
            Assert.Empty(errors);
        }
    }
}
