using Sms.Domain.Phones;
using Sms.Domain.Places;
using Xunit;

namespace Sms.Domain.Tests.Places;

public sealed class RecipientPlaceTests
{
    [Theory]
    // What is known best says where the clock is, and every address and number says whose law.
    [InlineData("+12125551234", "America/Denver", "33101", "TX", "customer", "America/Denver", "FL:postal_code TX:state NY:area_code")]
    [InlineData("+12125551234", null, "33101-1234", "TX", "postal_code", "America/New_York", "FL:postal_code TX:state NY:area_code")]
    [InlineData("+12125551234", null, null, "tx", "state", "America/Chicago America/Denver", "TX:state NY:area_code")]
    [InlineData("+12125551234", null, null, null, "area_code", "America/New_York", "NY:area_code")]
    [InlineData("+12125551234", "", " ", "", "area_code", "America/New_York", "NY:area_code")]
    // An overlay has the split of the code it lies over.
    [InlineData("+14485551234", null, null, null, "area_code", "America/Chicago America/New_York", "FL:area_code")]
    [InlineData("+19305551234", null, null, null, "area_code", "America/Chicago America/New_York", "IN:area_code")]
    [InlineData("+13645551234", null, null, null, "area_code", "America/Chicago America/New_York", "KY:area_code")]
    [InlineData("+14585551234", null, null, null, "area_code", "America/Denver America/Los_Angeles", "OR:area_code")]
    [InlineData("+19865551234", null, null, null, "area_code", "America/Boise America/Denver America/Los_Angeles", "ID:area_code")]
    // A code of no place: the business's clock, and the law of every state that keeps it.
    [InlineData("+15005551234", null, null, null, "business", "Pacific/Honolulu", "HI:timezone")]
    [InlineData("+18005551234", "America/Phoenix", null, null, "customer", "America/Phoenix", "AZ:timezone")]
    [InlineData("+18005551234", null, "85004", null, "postal_code", "America/Phoenix", "AZ:postal_code")]
    // ZIP codes that do not end at the state's line, or are not of a state.
    [InlineData("+12125551234", null, "06390", null, "postal_code", "America/New_York", "NY:postal_code")]
    [InlineData("+12125551234", null, "96799", null, "postal_code", "Pacific/Pago_Pago", "AS:postal_code NY:area_code")]
    [InlineData("+12125551234", null, "09012", null, "area_code", "America/New_York", "NY:area_code")]
    [InlineData("+14165551234", null, "V6B 1A1", null, "postal_code", "America/Vancouver America/Edmonton America/Dawson_Creek America/Fort_Nelson America/Creston", "CA:postal_code")]
    // Abroad a code of five digits is somewhere else.
    [InlineData("+4930123456", null, "10115", "NY", "area_code", "Europe/Berlin", "")]
    public void Each_source_in_its_turn(string number, string? zone, string? postalCode, string? state, string source, string zones, string jurisdictions)
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), zone, postalCode, state), "Pacific/Honolulu");

        Assert.Equal(source, place.Source);
        Assert.Equal(zones, string.Join(' ', place.Zones.Select(z => z.Id)));
        Assert.Equal(jurisdictions, string.Join(' ', place.Jurisdictions.Select(j => $"{j.Jurisdiction.Code.Replace("US-", "", StringComparison.Ordinal)}:{j.Source}")));
    }

    [Fact]
    public void A_toll_free_number_may_be_answered_anywhere()
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164("+18005551234"), null, null, null), "America/New_York");

        Assert.Equal("area_code", place.Source);
        Assert.Equal(56, place.Jurisdictions.Count);
        Assert.Contains("Pacific/Guam", place.Zones.Select(z => z.Id), StringComparer.Ordinal);
    }
}
