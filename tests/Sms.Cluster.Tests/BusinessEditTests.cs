using System.Text.Json.Nodes;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Cluster.Tests;

/// <summary>A change writes what is different and nothing else.</summary>
public sealed class BusinessEditTests
{
    private static readonly KnownBusiness Acme = Known("""{"bodyLimit": 500, "paused": true}""");

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("Acme", "America/Chicago", "{}")]
    [InlineData(null, null, """{"bodyLimit": 500, "paused": true}""")]
    [InlineData(null, null, """{"maxAttempts": 3, "region": "US", "sender": null, "quietHours": null}""")]
    public void What_is_as_it_was_is_not_written(string? name, string? timezone, string? settings) =>
        Assert.True(Edit(Acme, name, timezone, settings).Change.IsEmpty);

    [Theory]
    [InlineData("""{"bodyLimit": 400}""", """{"bodyLimit": 400}""")]
    [InlineData("""{"bodyLimit": 500, "paused": false}""", """{"paused": false}""")]
    [InlineData("""{"bodyLimit": null}""", """{"bodyLimit": 320}""")]
    [InlineData("""{"segmentsPerSecond": 2, "sender": null}""", """{"segmentsPerSecond": 2}""")]
    [InlineData("""{"sender": {"from": "+15125550100"}}""", """{"sender": {"from": "+15125550100"}, "allowedSenders": [{"from": "+15125550100"}]}""")]
    [InlineData("""{"sender": {"from": "+15005550006"}, "allowedSenders": []}""", """{"sender": {"from": "+15005550006"}, "allowedSenders": []}""")]
    [InlineData("""{"region": "DE"}""", """{"region": "DE"}""")]
    [InlineData("""{"maxDailySegments": 5}""", """{"maxDailySegments": 5}""")]
    public void Only_members_that_differ_are_written(string settings, string written)
    {
        var change = Edit(Acme, null, null, settings).Change;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(written), JsonNode.Parse(change.Settings!)), change.Settings);
        Assert.Equal((null, null, 7), (change.Name, change.Timezone, change.Version));
    }

    [Fact]
    public void Name_and_timezone_are_written_when_they_differ()
    {
        var change = Edit(Acme, "Acme Plumbing", "America/Denver", "{}").Change;
        Assert.Equal(("Acme Plumbing", "America/Denver", null), (change.Name, change.Timezone, change.Settings));
    }

    [Theory]
    [InlineData(null, """{"bodyLimit": 400, "helpText": "Call us"}""", true, false)]
    [InlineData(null, """{"paused": false}""", false, true)]
    [InlineData(null, """{"paused": true}""", true, true)]
    [InlineData(null, """{"segmentsPerSecond": 1}""", false, true)]
    [InlineData(null, """{"dailySegmentLimit": 1}""", false, true)]
    [InlineData(null, """{"maxSegmentsPerSecond": 1}""", false, true)]
    [InlineData(null, """{"maxDailySegments": 1}""", false, true)]
    [InlineData(null, """{"maxMonthlyMessages": 1, "allowedCountries": ["CA"], "allowedSenders": []}""", true, false)]
    [InlineData(null, """{"quietHours": {"mon": ["08:00", "12:00"]}}""", false, true)]
    [InlineData(null, """{"quietHoursPolicy": "business"}""", false, true)]
    [InlineData("America/Denver", null, false, true)]
    public void What_waits_is_planned_anew_when_its_hour_its_pace_or_the_pause_changes(string? timezone, string? settings, bool plansLike, bool namesPlan)
    {
        var edit = Edit(Acme, null, timezone, settings);
        Assert.Equal((plansLike, namesPlan), (edit.After.PlansLike(Acme), edit.NamesPlan));
    }

    [Theory]
    [InlineData("""{"maxAttempts": "many", "paused": true}""", """{"maxAttempts": 3}""", """{"maxAttempts": 3}""")]
    [InlineData("""{"maxAttempts": "many", "paused": "yes"}""", """{"paused": false}""", """{"paused": false}""")]
    [InlineData("""{"maxAttempts": "many"}""", """{"bodyLimit": 100}""", """{"bodyLimit": 100}""")]
    [InlineData("""{"color": "red"}""", """{"color": null}""", """{"color": null}""")]
    public void What_cannot_be_read_is_written_when_it_is_named_and_is_not_guessed(string stored, string settings, string written)
    {
        var known = Known(stored);
        Assert.NotNull(known.Fault);
        var change = Edit(known, null, null, settings).Change;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(written), JsonNode.Parse(change.Settings!)), change.Settings);
    }

    [Fact]
    public void Settings_that_are_no_object_are_written_whole()
    {
        var written = JsonNode.Parse(Edit(Known("[]"), null, null, """{"bodyLimit": 100}""").Change.Settings!)!;
        Assert.Equal(100, written["bodyLimit"]!.GetValue<int>());
        Assert.Equal(20, written.AsObject().Count);
    }

    [Fact]
    public void A_time_zone_that_is_none_is_a_fault_and_the_default_stands_in_for_it()
    {
        var known = KnownBusiness.Of(new StoredBusiness(Guid.NewGuid(), "Acme", "Eastern Time", "{}"));
        Assert.Contains("Eastern Time", known.Fault, StringComparison.Ordinal);
        Assert.Equal(("America/New_York", "Eastern Time"), (known.Zone, known.View(Installation).Timezone));
        Assert.Equal("America/New_York", Edit(known, null, "America/New_York", null).Change.Timezone);
    }

    [Theory]
    [InlineData(" ", null, null, "validation_failed")]
    [InlineData(null, "Eastern Time", null, "invalid_timezone")]
    [InlineData(null, null, """{"paused": 1}""", "validation_failed")]
    [InlineData(null, null, """{"color": null}""", "validation_failed")]
    [InlineData(null, null, "[]", "validation_failed")]
    [InlineData(null, null, """{"sender": {"from": "+15125550100"}, "allowedSenders": [{"from": "+15125550101"}]}""", "sender_not_allowed")]
    public void What_is_wrong_is_refused(string? name, string? timezone, string? settings, string code) =>
        Assert.Equal(code, BusinessEdit.Read(Acme, new ChangeBusiness(name, timezone, settings, ByAdmin: true, "admin"), Installation, out _)?.Code);

    [Theory]
    [InlineData("""{"sender": {"from": "+15125550101"}}""", "sender_not_allowed", "settings.sender")]
    [InlineData("""{"sender": {"messagingServiceSid": "MG0123456789abcdef0123456789abcdef"}, "bodyLimit": 5}""", "sender_not_allowed", "settings.sender")]
    [InlineData("""{"sender": {"from": "+15125550101"}, "bodyLimit": 0}""", "validation_failed", "settings.bodyLimit")]
    [InlineData("""{"monthlyMessageLimit": null}""", "limit_above_ceiling", "settings.monthlyMessageLimit")]
    [InlineData("""{"monthlyMessageLimit": 101}""", "limit_above_ceiling", "settings.monthlyMessageLimit")]
    [InlineData("""{"maxMonthlyMessages": null}""", "validation_failed", "settings.maxMonthlyMessages")]
    [InlineData("""{"allowedSenders": null}""", "validation_failed", "settings.allowedSenders")]
    public void A_business_key_does_not_go_beyond_what_the_admin_allows(string settings, string code, string member)
    {
        var refusal = BusinessEdit.Read(Allowed, new ChangeBusiness(null, null, settings, ByAdmin: false, "admin"), Installation, out _)!;
        Assert.Equal((code, member), (refusal.Code, Assert.Single(refusal.Errors!).Key));
    }

    [Theory]
    [InlineData("""{"sender": {"from": "+15125550100"}}""", """{"sender": {"from": "+15125550100"}}""")]
    [InlineData("""{"sender": {"from": "+15005550006"}}""", """{"sender": {"from": "+15005550006"}}""")]
    [InlineData("""{"monthlyMessageLimit": 100}""", """{"monthlyMessageLimit": 100}""")]
    [InlineData("""{"region": "JM"}""", """{"region": "JM", "allowedCountries": ["US", "PR", "GU", "VI", "AS", "MP"]}""")]
    public void Within_it_a_business_key_decides(string settings, string written)
    {
        Assert.Null(BusinessEdit.Read(Allowed, new ChangeBusiness(null, null, settings, ByAdmin: false, "admin"), Installation, out var edit));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(written), JsonNode.Parse(edit.Change.Settings!)), edit.Change.Settings);
    }

    [Fact]
    public void What_nobody_can_read_of_the_admins_is_the_admins_to_mend()
    {
        var known = Known("""{"maxMonthlyMessages": "many"}""");
        foreach (var settings in new[] { """{"maxMonthlyMessages": null}""", """{"maxMonthlyMessages": 5}""" })
        {
            Assert.Equal("validation_failed", BusinessEdit.Read(known, new ChangeBusiness(null, null, settings, ByAdmin: false, "admin"), Installation, out _)?.Code);
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(settings), JsonNode.Parse(Edit(known, null, null, settings).Change.Settings!)));
        }
    }

    [Fact]
    public void What_is_shown_is_in_force_and_may_be_given_back_whole()
    {
        var shown = Allowed.View(Installation).Settings;
        Assert.Equal((100, "PR"), (JsonNode.Parse(shown)!["monthlyMessageLimit"]!.GetValue<int>(), JsonNode.Parse(shown)!["allowedCountries"]![1]!.GetValue<string>()));
        Assert.Null(BusinessEdit.Read(Allowed, new ChangeBusiness(null, null, shown, ByAdmin: false, "admin"), Installation, out var edit));
        Assert.Equal(Allowed.Settings, edit.After.Settings);
    }

    [Fact]
    public void A_sender_that_is_not_allowed_is_nobodys()
    {
        var known = Known("""{"sender": {"from": "+15125550101"}, "allowedSenders": [{"from": "+15125550100"}]}""");
        Assert.Equal((null, "sender_not_allowed"), (known.SenderOr(Installation), known.BarredBy(Installation)?.Code));
        Assert.Null(known.Fault);
        Assert.Contains("settings.sender", known.View(Installation).Fault, StringComparison.Ordinal);
        var own = new Sender("+15125550101", MessagingServiceSid: null);
        Assert.Equal((own, null), (known.SenderOr(own), known.BarredBy(own)));
    }

    private static readonly Sender Installation = new("+15005550006", MessagingServiceSid: null);

    private static readonly KnownBusiness Allowed = Known("""{"monthlyMessageLimit": 200, "maxMonthlyMessages": 100, "allowedSenders": [{"from": "+15125550100"}]}""");

    private static BusinessEdit Edit(KnownBusiness known, string? name, string? timezone, string? settings)
    {
        Assert.Null(BusinessEdit.Read(known, new ChangeBusiness(name, timezone, settings, ByAdmin: true, "admin"), Installation, out var edit));
        return edit;
    }

    private static KnownBusiness Known(string settings) =>
        KnownBusiness.Of(new StoredBusiness(Guid.NewGuid(), "Acme", "America/Chicago", settings) { Version = 7 });
}
