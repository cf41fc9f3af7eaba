using Sms.Domain.Phones;
using Sms.Domain.Places;
using Xunit;

namespace Sms.Domain.Tests.Places;

public sealed class RecipientPlaceTests
{
    [Theory]
    // What is known best says where the clock is, and every address and number says whose law.
    [InlineData("+12125551234", "America/Denver", "33101", "TX", "customer", "America/Denver America/New_York", "FL:postal_code TX:state NY:area_code")]
    [InlineData("+12125551234", null, "33101-1234", "TX", "postal_code", "America/New_York America/Chicago America/Denver", "FL:postal_code TX:state NY:area_code")]
    [InlineData("+12125551234", null, null, "tx", "state", "America/Chicago America/Denver", "TX:state NY:area_code")]
    [InlineData("+12125551234", null, null, null, "area_code", "America/New_York", "NY:area_code")]
    [InlineData("+12125551234", "", " ", "", "area_code", "America/New_York", "NY:area_code")]
    // An overlay has the split of the code it lies over.
    [InlineData("+14485551234", null, null, null, "area_code", "America/Chicago America/New_York", "FL:area_code")]
    [InlineData("+19305551234", null, null, null, "area_code", "America/Chicago America/New_York", "IN:area_code")]
    [InlineData("+13645551234", null, null, null, "area_code", "America/Chicago America/New_York", "KY:area_code")]
    [InlineData("+14585551234", null, null, null, "area_code", "America/Denver America/Los_Angeles", "OR:area_code")]
    [InlineData("+19865551234", null, null, null, "area_code", "America/Boise America/Denver America/Los_Angeles", "ID:area_code")]
    // A code of no place: the strictest law on every clock of the mainland.
    [InlineData("+15005551234", null, null, null, "area_code", "America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles", "XX:area_code")]
    [InlineData("+19995551234", null, "43215", null, "postal_code", "America/New_York", "OH:postal_code")]
    [InlineData("+19995551234", null, null, "OH", "state", "America/New_York", "OH:state")]
    [InlineData("+19995551234", "America/Phoenix", null, null, "customer", "America/Phoenix", "AZ:timezone")]
    [InlineData("+18005551234", "America/Phoenix", null, null, "customer", "America/Phoenix", "AZ:timezone")]
    [InlineData("+18005551234", null, "85004", null, "postal_code", "America/Phoenix", "AZ:postal_code")]
    // ZIP codes that do not end at the state's line, or are not of a state.
    [InlineData("+12125551234", null, "06390", null, "postal_code", "America/New_York", "NY:postal_code")]
    [InlineData("+12125551234", null, "96799", null, "postal_code", "Pacific/Pago_Pago", "AS:postal_code NY:area_code")]
    [InlineData("+12125551234", null, "09012", null, "area_code", "America/New_York", "NY:area_code")]
    [InlineData("+14165551234", null, "V6B 1A1", null, "postal_code", "America/Vancouver America/Edmonton America/Dawson_Creek America/Fort_Nelson America/Creston", "CA:postal_code")]
    // Abroad a code of five digits is somewhere else.
    [InlineData("+4930123456", null, "10115", "NY", "area_code", "Europe/Berlin", "DE:area_code")]
    public void Each_source_in_its_turn(string number, string? zone, string? postalCode, string? state, string source, string zones, string jurisdictions)
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), zone, postalCode, state), "Pacific/Honolulu");

        Assert.Equal(source, place.Source);
        Assert.Equal(zones, string.Join(' ', place.Zones.Select(z => z.Id)));
        Assert.Equal(jurisdictions, string.Join(' ', place.Jurisdictions.Select(j => $"{j.Jurisdiction.Code.Replace("US-", "", StringComparison.Ordinal)}:{j.Source}")));
    }

    [Theory]
    // The number's zone and another: both count.
    [InlineData("+13055551234", "Asia/Kolkata", "33101", null, "Asia/Kolkata America/New_York")]
    [InlineData("+14155551234", "America/New_York", "94103", null, "America/New_York America/Los_Angeles")]
    [InlineData("+14155551234", "America/New_York", null, null, "America/New_York America/Los_Angeles")]
    [InlineData("+14155551234", "Europe/Berlin", null, "CA", "Europe/Berlin America/Los_Angeles")]
    // The zone is the number's and the address is elsewhere: somebody forgot one of them.
    [InlineData("+12125551234", "America/New_York", "94103", null, "America/New_York America/Los_Angeles")]
    // No part of Georgia keeps Chicago's time.
    [InlineData("+14045551234", "America/Chicago", "30303", "GA", "America/Chicago America/New_York")]
    // Postal code and state.
    [InlineData("+12125551234", null, "94103", "NY", "America/Los_Angeles America/New_York")]
    [InlineData("+19995551234", "Asia/Kolkata", null, null, "Asia/Kolkata America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles")]
    [InlineData("+4930123456", "Asia/Kolkata", null, null, "Asia/Kolkata Europe/Berlin")]
    public void Sources_that_contradict_each_other_all_count(string number, string? zone, string? postalCode, string? state, string zones)
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), zone, postalCode, state), "Pacific/Honolulu");

        Assert.True(place.IsConflict);
        Assert.Equal(zones, string.Join(' ', place.Zones.Select(z => z.Id)));
        Assert.Contains("conflict", place.Evidence!.Select(e => e.Use), StringComparer.Ordinal);
    }

    [Theory]
    // Detroit's clock is New York's, Boise's Denver's.
    [InlineData("+13135551234", "America/Detroit", "48226", "MI", "America/Detroit")]
    [InlineData("+13175551234", "America/Indiana/Indianapolis", null, null, "America/Indiana/Indianapolis")]
    [InlineData("+12085551234", "America/Denver", "83702", null, "America/Denver")]
    [InlineData("+12125551234", "US/Eastern", "10001", null, "US/Eastern")]
    // Somebody who moved: the address says where the clock is, with a zone or without.
    [InlineData("+12125551234", "America/Los_Angeles", "94103", null, "America/Los_Angeles")]
    [InlineData("+12125551234", null, "94103", null, "America/Los_Angeles")]
    [InlineData("+12125551234", null, "94103", "CA", "America/Los_Angeles")]
    // One of two zones of a state, and a ZIP code that lies in one of the state's.
    [InlineData("+15125551234", "America/Denver", null, "TX", "America/Denver")]
    [InlineData("+16155551234", null, "37723", "TN", "America/Chicago")]
    [InlineData("+447400123456", "Europe/London", null, null, "Europe/London")]
    public void Sources_that_agree_are_no_conflict(string number, string? zone, string? postalCode, string? state, string zones)
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), zone, postalCode, state), "Pacific/Honolulu");

        Assert.False(place.IsConflict);
        Assert.Equal(zones, string.Join(' ', place.Zones.Select(z => z.Id)));
    }

    [Theory]
    [InlineData("UTC")]
    [InlineData("utc")]
    [InlineData("Etc/UTC")]
    [InlineData("Etc/GMT+5")]
    [InlineData("Etc/GMT-14")]
    [InlineData("GMT")]
    [InlineData("Zulu")]
    [InlineData("EST")]
    [InlineData("MST")]
    [InlineData("HST")]
    [InlineData("GMT-5")]
    [InlineData("UTC+05:30")]
    [InlineData("-05:00")]
    public void An_offset_is_no_place(string zone)
    {
        var facts = new PlaceFacts(PhoneNumber.FromE164("+13055551234"), zone, "33101", null);
        var place = RecipientPlace.Of(facts, "Pacific/Honolulu");

        Assert.False(place.IsConflict);
        Assert.Equal(("postal_code", "America/New_York"), (place.Source, Assert.Single(place.Zones).Id));
        Assert.Contains(place.Evidence!, e => e is { Source: "customer", Use: "ignored" });
        Assert.Equal("area_code", RecipientPlace.Of(facts with { PostalCode = null }, "Pacific/Honolulu").Source);
    }

    [Theory]
    [InlineData("+14165551234", "CA")]
    [InlineData("+447400123456", "GB")]
    [InlineData("+33612345678", "FR")]
    [InlineData("+4930123456", "DE")]
    [InlineData("+919812345678", "IN")]
    [InlineData("+61412345678", "AU")]
    [InlineData("+525512345678", "MX")]
    [InlineData("+5511912345678", "BR")]
    [InlineData("+390612345678", "")]
    [InlineData("+18765551234", "")]
    public void A_number_of_another_country_is_held_to_its_law(string number, string law) =>
        Assert.Equal(law, string.Join(' ', RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), null, null, null), "America/New_York").Jurisdictions.Select(j => j.Jurisdiction.Code)));

    [Fact]
    public void The_evidence_tells_what_became_of_each_source()
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164("+12125551234"), "UTC", "94103", "CA"), "Pacific/Honolulu");

        Assert.Equal(
            "customer:ignored postal_code:clock state:narrowed area_code:law",
            string.Join(' ', place.Evidence!.Select(e => $"{e.Source}:{e.Use}")));
        // One source that decides needs no list.
        Assert.Null(RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164("+12125551234"), null, null, null), "Pacific/Honolulu").Evidence);
    }

    [Theory]
    [InlineData("+18225551234")]
    [InlineData("+18805551234")]
    [InlineData("+18875551234")]
    [InlineData("+18895551234")]
    public void Codes_reserved_for_toll_free_numbers_are_toll_free(string number) =>
        Assert.Equal(56, RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), null, null, null), "America/New_York").Jurisdictions.Count);

    [Fact]
    public void A_toll_free_number_may_be_answered_anywhere()
    {
        var place = RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164("+18005551234"), null, null, null), "America/New_York");

        Assert.Equal("area_code", place.Source);
        Assert.Equal(56, place.Jurisdictions.Count);
        Assert.Contains("Pacific/Guam", place.Zones.Select(z => z.Id), StringComparer.Ordinal);
    }
}
