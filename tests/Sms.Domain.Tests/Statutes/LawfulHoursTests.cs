using NodaTime;
using NodaTime.Text;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
using Xunit;

namespace Sms.Domain.Tests.Statutes;

/// <summary>When marketing may go next, by what is known of the recipient; instants with the offset of the recipient's clock.</summary>
public sealed class LawfulHoursTests
{
    [Theory]
    // Codes that were missing, at the hours at which they were texted.
    [InlineData("+14365551234", null, null, null, "2026-12-01T22:30:00-05", "2026-12-02T08:00:00-05")]
    [InlineData("+14575551234", null, null, null, "2026-12-02T01:00:00-06", "2026-12-02T08:00:00-06")]
    [InlineData("+16895551234", null, null, null, "2026-12-01T20:30:00-05", "2026-12-02T08:00:00-05")]
    [InlineData("+14745551234", null, null, null, "2026-07-06T08:30:00-06", "2026-07-06T09:00:00-06")]
    // A code that nobody knows: 13:00 to 18:00 Eastern, 13:00 to 17:00 on Saturdays, no Sunday, no holiday.
    [InlineData("+19995551234", null, null, null, "2026-12-02T12:59:59-05", "2026-12-02T13:00:00-05")]
    [InlineData("+19995551234", null, null, null, "2026-12-02T13:00:00-05", "2026-12-02T13:00:00-05")]
    [InlineData("+19995551234", null, null, null, "2026-12-02T17:59:59-05", "2026-12-02T17:59:59-05")]
    [InlineData("+19995551234", null, null, null, "2026-12-02T18:00:00-05", "2026-12-03T13:00:00-05")]
    [InlineData("+19995551234", null, null, null, "2026-12-05T16:59:59-05", "2026-12-05T16:59:59-05")]
    [InlineData("+19995551234", null, null, null, "2026-12-05T17:00:00-05", "2026-12-07T13:00:00-05")]
    [InlineData("+19995551234", null, null, null, "2026-07-01T12:59:59-04", "2026-07-01T13:00:00-04")]
    [InlineData("+19995551234", null, null, null, "2026-12-25T14:00:00-05", "2026-12-26T13:00:00-05")]
    [InlineData("+19995551234", null, null, null, "2027-02-09T14:00:00-05", "2027-02-10T13:00:00-05")]
    [InlineData("+19995551234", null, "43215", null, "2026-12-06T09:00:00-05", "2026-12-06T09:00:00-05")]
    [InlineData("+19995551234", "America/Phoenix", null, null, "2026-12-06T09:00:00-07", "2026-12-06T09:00:00-07")]
    // A zone that no other evidence allows, and zones that are no places.
    [InlineData("+13055551234", "Etc/UTC", "33101", null, "2026-12-02T04:00:00-05", "2026-12-02T08:00:00-05")]
    [InlineData("+13055551234", "Asia/Kolkata", "33101", null, "2026-12-02T00:00:00-05", "2026-12-02T08:00:00-05")]
    [InlineData("+13055551234", "Asia/Kolkata", "33101", null, "2026-12-02T10:30:00-05", "2026-12-03T08:00:00-05")]
    [InlineData("+13055551234", "EST", "33101", null, "2026-07-01T20:30:00-04", "2026-07-02T08:00:00-04")]
    [InlineData("+13055551234", null, "33101", null, "2026-07-01T20:00:00-04", "2026-07-02T08:00:00-04")]
    // Puerto Rico.
    [InlineData("+17875551234", null, null, null, "2026-12-02T08:30:00-04", "2026-12-02T09:00:00-04")]
    [InlineData("+17875551234", null, null, null, "2026-12-02T20:59:59-04", "2026-12-02T20:59:59-04")]
    // Mississippi, by Central Standard Time and the recipient's.
    [InlineData("+16015551234", null, null, null, "2026-07-01T08:30:00-05", "2026-07-01T09:00:00-05")]
    [InlineData("+16015551234", null, null, null, "2026-07-01T19:59:59-05", "2026-07-01T19:59:59-05")]
    [InlineData("+16015551234", null, null, null, "2026-07-01T20:00:00-05", "2026-07-02T09:00:00-05")]
    [InlineData("+16015551234", null, null, null, "2026-12-02T08:00:00-06", "2026-12-02T08:00:00-06")]
    // Utah's Good Friday and Juneteenth, Rhode Island's Mondays, Alabama's 1 December, Louisiana's last days of the year.
    [InlineData("+18015551234", null, null, null, "2027-03-26T12:00:00-06", "2027-03-27T08:00:00-06")]
    [InlineData("+18015551234", null, null, null, "2027-06-21T12:00:00-06", "2027-06-21T12:00:00-06")]
    [InlineData("+14015551234", null, null, null, "2027-06-21T12:00:00-04", "2027-06-22T09:00:00-04")]
    [InlineData("+14015551234", null, null, null, "2027-12-27T12:00:00-05", "2027-12-28T09:00:00-05")]
    [InlineData("+12055551234", null, null, null, "2026-12-01T12:00:00-06", "2026-12-02T08:00:00-06")]
    [InlineData("+15045551234", null, null, null, "2026-12-24T12:00:00-06", "2026-12-26T08:00:00-06")]
    [InlineData("+15045551234", null, null, null, "2026-12-31T12:00:00-06", "2027-01-02T08:00:00-06")]
    [InlineData("+15045551234", null, null, null, "2027-06-03T12:00:00-05", "2027-06-03T12:00:00-05")]
    // Pennsylvania's Saturday, and the devices of Indiana, Maine, California and South Dakota.
    [InlineData("+12155551234", null, null, null, "2026-12-05T11:59:59-05", "2026-12-05T11:59:59-05")]
    [InlineData("+12155551234", null, null, null, "2026-12-05T12:00:00-05", "2026-12-07T09:00:00-05")]
    [InlineData("+13175551234", null, null, null, "2026-12-02T08:30:00-05", "2026-12-02T09:00:00-05")]
    [InlineData("+12075551234", null, null, null, "2026-12-04T17:00:00-05", "2026-12-07T09:00:00-05")]
    [InlineData("+14155551234", null, null, null, "2026-12-02T08:30:00-08", "2026-12-02T09:00:00-08")]
    [InlineData("+16055551234", null, "57104", null, "2026-12-05T12:00:00-06", "2026-12-07T09:00:00-06")]
    // Abroad.
    [InlineData("+33612345678", null, null, null, "2026-12-06T12:00:00+01", "2026-12-07T10:00:00+01")]
    [InlineData("+33612345678", null, null, null, "2026-12-05T18:00:00+01", "2026-12-07T10:00:00+01")]
    [InlineData("+33612345678", null, null, null, "2027-07-14T12:00:00+02", "2027-07-15T10:00:00+02")]
    [InlineData("+919812345678", null, null, null, "2026-12-06T09:30:00+05:30", "2026-12-06T10:00:00+05:30")]
    [InlineData("+447400123456", null, null, null, "2026-12-06T07:30:00+00", "2026-12-06T08:00:00+00")]
    [InlineData("+525512345678", null, null, null, "2026-12-02T08:30:00-06", "2026-12-02T09:00:00-06")]
    // What was right before.
    [InlineData("+15045551234", null, null, null, "2026-12-31T23:30:00-06", "2027-01-02T08:00:00-06")]
    [InlineData("+12155551234", null, null, null, "2026-12-31T23:30:00-05", "2027-01-02T09:00:00-05")]
    [InlineData("+15125551234", null, null, null, "2026-12-06T11:30:00-06", "2026-12-06T12:00:00-06")]
    [InlineData("+19155551234", null, null, null, "2026-12-06T11:30:00-07", "2026-12-06T12:00:00-07")]
    [InlineData("+19285551234", null, "86045", null, "2026-07-01T20:30:00-07", "2026-07-02T08:00:00-07")]
    [InlineData("+19285551234", null, "85364", null, "2026-07-01T20:30:00-07", "2026-07-01T20:30:00-07")]
    [InlineData("+14165551234", null, null, null, "2026-12-05T18:00:00-05", "2026-12-06T10:00:00-05")]
    [InlineData("+14165551234", null, null, null, "2026-12-02T21:00:00-05", "2026-12-03T09:00:00-05")]
    public void It_goes_at_the_first_lawful_instant(string number, string? zone, string? postalCode, string? state, string at, string next)
    {
        var (instant, expected) = (At(at), At(next));
        var decided = Decide(number, zone, postalCode, state, instant).Hours;

        Assert.Equal((expected, expected == instant), (decided.NextSendTime, decided.CanSend));
    }

    [Theory]
    [InlineData("+12155551234", "2026-12-05T18:59:59-05")]
    [InlineData("+13175551234", "2026-12-02T08:00:00-05")]
    [InlineData("+12075551234", "2026-12-05T20:59:59-05")]
    [InlineData("+14155551234", "2026-12-02T08:00:00-08")]
    [InlineData("+16055551234", "2026-12-05T12:00:00-06")]
    public void Profile_statute_leaves_out_devices_and_contested_readings(string number, string at)
    {
        Assert.True(Decide(number, null, null, null, At(at), RuleProfile.Statute).Hours.CanSend);
        Assert.False(Decide(number, null, null, null, At(at)).Hours.CanSend);
    }

    [Fact]
    public void Mardi_Gras_is_of_two_counties_by_statute_and_of_all_Alabama_by_caution()
    {
        var noon = At("2027-02-09T12:00:00-06");
        bool May(string? zip, RuleProfile profile) => Decide("+12055551234", null, zip, null, noon, profile).Hours.CanSend;

        Assert.Equal((true, false, false), (May("35203", RuleProfile.Statute), May("36602", RuleProfile.Statute), May(null, RuleProfile.Statute)));
        Assert.False(May("35203", RuleProfile.Strict));
    }

    [Theory]
    [InlineData("America/Los_Angeles", "2026-12-02T10:30:00-05", "2026-12-02T11:00:00-05")]
    [InlineData("America/New_York", "2026-12-02T08:00:00-05", "2026-12-02T08:00:00-05")]
    [InlineData("Asia/Kolkata", "2026-12-02T11:00:00-05", "2026-12-03T08:00:00-05")]
    // Where the sender is nobody knows.
    [InlineData("Etc/UTC", "2026-12-02T08:00:00-05", "2026-12-02T08:00:00-05")]
    [InlineData(null, "2026-12-02T08:00:00-05", "2026-12-02T08:00:00-05")]
    public void North_Carolina_asks_for_the_senders_clock_too(string? sender, string at, string next) =>
        Assert.Equal(At(next), HoursPreview.Decide(Place("+19195551234"), null, BlackoutCalendar.Empty, At(at), businessZone: sender).Hours.NextSendTime);

    [Fact]
    public void A_decision_names_rules_profile_and_conflict()
    {
        var decision = Decide("+13055551234", "Asia/Kolkata", "33101", null, At("2026-12-02T00:00:00-05")).Decision;
        Assert.True(decision.IsConflict);
        Assert.Equal("customer:conflict postal_code:conflict area_code:conflict", string.Join(' ', decision.Evidence!.Select(e => $"{e.Source}:{e.Use}")));

        decision = Decide("+12155551234", null, null, null, At("2026-12-05T13:00:00-05")).Decision;
        Assert.Equal(("strict", false), (decision.Profile, decision.IsConflict));
        Assert.Equal(["US/1", "US-PA/2", "US-PA/3"], decision.Rules);
        // The afternoon is closed by the one; both open at nine.
        Assert.Equal(["US-PA/2", "US-PA/3"], decision.BlockedBy);
    }

    [Fact]
    public void Each_rule_tells_when_it_would_be_lawful()
    {
        var each = HoursPreview.EachRule(Place("+12155551234"), At("2026-12-05T20:30:00-05"));

        Assert.Equal(
            [("US/1", true, At("2026-12-05T20:30:00-05")), ("US-PA/2", false, At("2026-12-07T09:00:00-05")), ("US-PA/3", false, At("2026-12-07T09:00:00-05"))],
            each.Select(static r => (r.Rule.Id, r.CanSend, r.NextSendTime!.Value)));
    }

    [Fact]
    public void The_strictest_row_allows_nothing_that_any_statute_forbids()
    {
        var unknown = RuleBook.Current.Unknown;
        for (var day = new LocalDate(2026, 11, 29); day.Year < 2031; day = day.PlusDays(1))
        {
            if (unknown.WindowOn(day, RuleProfile.Strict, postalCode: null) is not { } open)
                continue;
            Assert.All(RuleBook.Current.AllStates, s => Assert.Equal(open, open.And(s.WindowOn(day, RuleProfile.Statute, postalCode: null))));
        }
    }

    [Fact]
    public void A_pending_row_is_shown_and_binds_nobody()
    {
        var michigan = RuleBook.Current.State("MI")!;
        Assert.Equal("US-MI/2", Assert.Single(michigan.Pending).Id);
        Assert.Equal(["US-MI/1"], michigan.On(new LocalDate(2027, 1, 4), RuleProfile.Strict).Select(static r => r.Id));
    }

    [Fact]
    public void A_row_past_its_shelf_life_is_held_to_the_strictest_hours_too()
    {
        var late = At("2028-06-05T20:00:00-05");
        var facts = new SendFacts(
            Category.Marketing, new PlaceFacts(PhoneNumber.FromE164("+15125551234"), null, null, null), "America/Chicago", 1, ConsentStatus.OptedIn, OptedOut: false, Unreachable: false,
            BusinessSettings.Default, NotBefore: null, ValidUntil: null, SegmentsToday: 0, MessagesThisMonth: null);

        var waits = Assert.IsType<Verdict.Wait>(SendPolicy.Decide(facts, late));
        Assert.Equal(At("2028-06-06T10:00:00-05"), waits.Until);
        Assert.Contains("US-XX/1", waits.Decision.Rules!, StringComparer.Ordinal);
        Assert.NotNull(RuleBook.Current.Warning(late));
        Assert.Null(RuleBook.Current.Warning(At("2027-06-05T20:00:00-05")));
    }

    [Fact]
    public void Maine_takes_one_text_of_a_device_in_eight_hours()
    {
        var at = At("2026-12-02T12:00:00-05");
        CapCount? Count(RuleProfile profile) => CapCount.Of(
            RecipientHours.Of(Place("+12075551234"), BusinessSettings.Default with { QuietHoursProfile = profile }, BlackoutCalendar.Empty), [at - Duration.FromHours(1)], at);

        Assert.Equal(("US-ME/2", 1, 8, at + Duration.FromHours(7)), (Count(RuleProfile.Strict)!.Rule, Count(RuleProfile.Strict)!.Limit, Count(RuleProfile.Strict)!.Hours, Count(RuleProfile.Strict)!.FreeAt));
        Assert.Null(Count(RuleProfile.Statute));
    }

    private static RecipientPlace Place(string number, string? zone = null, string? postalCode = null, string? state = null) =>
        RecipientPlace.Of(new PlaceFacts(PhoneNumber.FromE164(number), zone, postalCode, state), "Pacific/Honolulu");

    private static (QuietHoursDecision Hours, DecisionRecord Decision) Decide(
        string number, string? zone, string? postalCode, string? state, Instant at, RuleProfile profile = RuleProfile.Strict) =>
        HoursPreview.Decide(Place(number, zone, postalCode, state), windows: null, BlackoutCalendar.Empty, at, profile);

    private static Instant At(string text) => OffsetDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm:sso<g>").Parse(text).Value.ToInstant();
}
