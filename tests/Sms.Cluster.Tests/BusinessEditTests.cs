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
    [InlineData("""{"segmentsPerSecond": 2, "sender": {"from": "+15005550006"}}""", """{"segmentsPerSecond": 2, "sender": {"from": "+15005550006"}}""")]
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
        Assert.Equal(13, written.AsObject().Count);
    }

    [Fact]
    public void A_time_zone_that_is_none_is_a_fault_and_the_default_stands_in_for_it()
    {
        var known = KnownBusiness.Of(new StoredBusiness(Guid.NewGuid(), "Acme", "Eastern Time", "{}"));
        Assert.Contains("Eastern Time", known.Fault, StringComparison.Ordinal);
        Assert.Equal(("America/New_York", "Eastern Time"), (known.Zone, known.View().Timezone));
        Assert.Equal("America/New_York", Edit(known, null, "America/New_York", null).Change.Timezone);
    }

    [Theory]
    [InlineData(" ", null, null, "validation_failed")]
    [InlineData(null, "Eastern Time", null, "invalid_timezone")]
    [InlineData(null, null, """{"paused": 1}""", "validation_failed")]
    [InlineData(null, null, """{"color": null}""", "validation_failed")]
    [InlineData(null, null, "[]", "validation_failed")]
    public void What_is_wrong_is_refused(string? name, string? timezone, string? settings, string code) =>
        Assert.Equal(code, BusinessEdit.Read(Acme, new ChangeBusiness(name, timezone, settings, ByAdmin: true), out _)?.Code);

    private static BusinessEdit Edit(KnownBusiness known, string? name, string? timezone, string? settings)
    {
        Assert.Null(BusinessEdit.Read(known, new ChangeBusiness(name, timezone, settings, ByAdmin: true), out var edit));
        return edit;
    }

    private static KnownBusiness Known(string settings) =>
        KnownBusiness.Of(new StoredBusiness(Guid.NewGuid(), "Acme", "America/Chicago", settings) { Version = 7 });
}
