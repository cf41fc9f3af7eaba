using Sms.Domain.Phones;
using Sms.Domain.Places;
using Xunit;

namespace Sms.Domain.Tests.Places;

public sealed class PostalCodeTests
{
    private static readonly string[] FromMaineToHawaii = ["America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage", "America/Adak", "Pacific/Honolulu"];

    [Theory]
    [InlineData("02134")]
    [InlineData("02134-1234")]
    [InlineData("021341234")]
    [InlineData(" 78701 ")]
    [InlineData("00501")]
    [InlineData("96799")]
    [InlineData("09012")]
    [InlineData("34002")]
    [InlineData("96201")]
    [InlineData("K1A 0B1")]
    [InlineData("k1a0b1")]
    [InlineData("V6B-1A1")]
    public void A_code_of_the_US_or_Canada_is_taken(string text) => Assert.Null(PostalCode.Fault(text, PhoneNumber.FromE164("+12132340123")));

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("2134")]
    [InlineData("banana")]
    [InlineData("021344")]
    [InlineData("02134-12")]
    [InlineData("02134-")]
    [InlineData("-02134")]
    [InlineData("0213-4")]
    [InlineData("0 2 1 3 4")]
    [InlineData("02134-12345")]
    [InlineData("02134.0")]
    [InlineData("O2134")]
    [InlineData("٠٢١٣٤")]
    [InlineData("００２１３")]
    [InlineData("00000")]
    [InlineData("00000-0000")]
    [InlineData("99999999999999999999999")]
    [InlineData("K1A 0B")]
    [InlineData("K1A  0B1")]
    [InlineData("K1A 0BI")]
    [InlineData("D1A 0B1")]
    [InlineData("Z1A 0B1")]
    [InlineData("SW1A 1AA")]
    [InlineData("N/A")]
    [InlineData("MA 02134")]
    [InlineData("02134\n")]
    public void What_is_none_is_refused(string text)
    {
        // A line break at the end is blank, and is dropped as blanks are.
        var expected = text == "02134\n";
        foreach (var number in new PhoneNumber?[] { null, PhoneNumber.FromE164("+12132340123"), PhoneNumber.FromE164("+14165551234"), PhoneNumber.FromE164("+18005551234"), PhoneNumber.FromE164("+15005551234") })
            Assert.Equal(expected, PostalCode.Fault(text, number) is null);
    }

    [Theory]
    [InlineData("SW1A 1AA", "+447400123456")]
    [InlineData("10115", "+4930123456")]
    [InlineData("1010", "+431234567")]
    [InlineData("JMAAW15", "+18765551234")]
    [InlineData("KY1-1002", "+13455551234")]
    public void Other_countries_codes_are_kept_unread(string text, string number)
    {
        Assert.Null(PostalCode.Fault(text, PhoneNumber.FromE164(number)));
        Assert.NotNull(PostalCode.Fault(" ", PhoneNumber.FromE164(number)));
        Assert.NotNull(PostalCode.Fault(new string('1', 21), PhoneNumber.FromE164(number)));
    }

    [Theory]
    // Somebody lives somewhere and nobody can read where: anywhere from Maine to Hawaii.
    [InlineData("+12132340123", null, "2134", null, "postal_code", 51)]
    [InlineData("+12132340123", null, "banana", null, "postal_code", 51)]
    [InlineData("+12132340123", null, "00000", null, "postal_code", 51)]
    [InlineData("+12132340123", null, null, "Taxes", "state", 51)]
    [InlineData("+12132340123", null, "2134", "Taxes", "postal_code", 51)]
    [InlineData("+12132340123", "Eastern Time", null, null, "customer", 51)]
    [InlineData("+17875551234", null, "2134", null, "postal_code", 52)]
    [InlineData("+15005551234", null, "2134", null, "postal_code", 51)]
    [InlineData("+18005551234", null, "2134", null, "area_code", 56)]
    [InlineData("+14165551234", null, "K1A", null, "postal_code", 1)]
    // Something better is known.
    [InlineData("+12132340123", null, "2134", "MA", "state", 2)]
    [InlineData("+12132340123", null, "2134", "massachusetts", "state", 2)]
    [InlineData("+12132340123", "Eastern Time", "02134", null, "postal_code", 2)]
    [InlineData("+12132340123", "america/new_york", null, null, "customer", 1)]
    // A blank says nothing, and abroad these fields are not read.
    [InlineData("+12132340123", "", " ", "", "area_code", 1)]
    [InlineData("+447400123456", null, "2134", "Taxes", "area_code", 1)]
    [InlineData("+18765551234", null, "JMAAW15", null, "area_code", 0)]
    [InlineData("+18765551234", "Kingston", null, null, "customer", 0)]
    public void What_others_wrote_and_nobody_can_read_is_held_to_the_strictest(string number, string? zone, string? postalCode, string? state, string source, int jurisdictions)
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), zone, postalCode, state), "Pacific/Honolulu");

        Assert.Equal(jurisdictions, place.Jurisdictions.Count);
        if (jurisdictions == 51)
            Assert.All(FromMaineToHawaii, z => Assert.Contains(z, place.Zones.Select(p => p.Id), StringComparer.Ordinal));
        Assert.Equal(source, place.Source);
    }

    [Fact]
    public void A_zone_that_is_known_keeps_the_clock_and_an_unread_address_adds_the_law_of_every_state_with_it()
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164("+12132340123"), "America/Phoenix", "2134", null), "Pacific/Honolulu");

        Assert.Equal("America/Phoenix", Assert.Single(place.Zones).Id);
        Assert.Equal("US-CA:area_code US-AZ:timezone", string.Join(' ', place.Jurisdictions.Select(j => $"{j.Jurisdiction.Code}:{j.Source}")));
    }

    [Theory]
    [InlineData("37723", "US-TN", "America/Chicago")]
    [InlineData("37722", "US-TN", "America/New_York")]
    [InlineData("96898", "", "Pacific/Wake")]
    [InlineData("96701", "US-HI", "Pacific/Honolulu")]
    [InlineData("96799", "US-AS", "Pacific/Pago_Pago")]
    [InlineData("20588", "US-MD", "America/New_York")]
    [InlineData("20598", "US-VA", "America/New_York")]
    // Of beginnings that span a line, what lies well beyond it.
    [InlineData("47601", "US-IN", "America/Chicago")]
    [InlineData("47302", "US-IN", "America/New_York")]
    [InlineData("42501", "US-KY", "America/New_York")]
    [InlineData("97914", "US-OR", "America/Boise")]
    [InlineData("86001", "US-AZ", "America/Phoenix")]
    // Beside the line, and on it.
    [InlineData("86045", "US-AZ", "America/Phoenix America/Denver")]
    public void A_code_stands_for_its_state_and_its_zones(string code, string jurisdictions, string zones)
    {
        var region = PlaceTables.Current.PostalCode(code).Region!;

        Assert.Equal(jurisdictions, string.Join(' ', region.Jurisdictions.Select(j => j.Code)));
        Assert.Equal(zones, string.Join(' ', region.Zones.Select(z => z.Id)));
    }
}
