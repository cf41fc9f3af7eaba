using System.Text.Json;
using PhoneNumbers;
using Sms.Domain.QuietHours;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;
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
        BusinessSettingsJson.Merge(BusinessSettings.Default, document.RootElement, byAdmin: true, out var errors);
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
        var settings = BusinessSettingsJson.Merge(BusinessSettings.Default, document.RootElement, byAdmin: true, out var errors);
        Assert.Empty(errors);
        Assert.Equal(settings, BusinessSettingsJson.Parse(BusinessSettingsJson.Write(settings)));
    }

    [Theory]
    [InlineData("""{"segmentsPerSecond":0.001}""", """{"segmentsPerSecond":1000}""", """{"segmentsPerSecond":0.0009}""", """{"segmentsPerSecond":1000.1}""")]
    [InlineData("""{"dailySegmentLimit":1}""", """{"dailySegmentLimit":2147483647}""", """{"dailySegmentLimit":0}""", """{"dailySegmentLimit":2147483648}""")]
    [InlineData("""{"monthlyMessageLimit":1}""", """{"monthlyMessageLimit":2147483647}""", """{"monthlyMessageLimit":0}""", """{"monthlyMessageLimit":1.5}""")]
    [InlineData("""{"bodyLimit":1}""", """{"bodyLimit":1600}""", """{"bodyLimit":0}""", """{"bodyLimit":1601}""")]
    [InlineData("""{"maxAttempts":1}""", """{"maxAttempts":10}""", """{"maxAttempts":0}""", """{"maxAttempts":11}""")]
    [InlineData("""{"requireConsent":true}""", """{"requireConsent":false}""", """{"requireConsent":"true"}""", """{"requireConsent":1}""")]
    [InlineData("""{"paused":true}""", """{"paused":false}""", """{"paused":"false"}""", """{"paused":0}""")]
    [InlineData("""{"optOutFooter":"none"}""", """{"optOutFooter":"always"}""", """{"optOutFooter":"None"}""", """{"optOutFooter":true}""")]
    [InlineData("""{"quietHoursPolicy":"us_states"}""", """{"quietHoursPolicy":"business"}""", """{"quietHoursPolicy":"Business"}""", """{"quietHoursPolicy":1}""")]
    [InlineData("""{"quietHoursProfile":"strict"}""", """{"quietHoursProfile":"statute"}""", """{"quietHoursProfile":"Strict"}""", """{"quietHoursProfile":1}""")]
    [InlineData("""{"helpText":"x"}""", """{"helpText":"{320}"}""", """{"helpText":" "}""", """{"helpText":"{321}"}""")]
    [InlineData("""{"sender":{"from":"123"}}""", """{"sender":{"from":"12345678"}}""", """{"sender":{"from":"123456789"}}""", """{"sender":"123"}""")]
    [InlineData("""{"quietHours":{}}""", """{"quietHours":{"mon":["22:00","02:00"],"tue":null}}""", """{"quietHours":{"mon":["24:00","02:00"]}}""", """{"quietHours":{"mon":"08:00-21:00"}}""")]
    public void Each_member_has_its_bounds(string least, string most, string tooLittle, string tooMuch)
    {
        foreach (var fits in new[] { least, most })
        {
            var settings = Merge(BusinessSettings.Default, fits, out var errors);
            Assert.Empty(errors);
            Assert.Equal(settings, BusinessSettingsJson.Parse(BusinessSettingsJson.Write(settings)));
        }

        foreach (var spoilt in new[] { tooLittle, tooMuch })
        {
            Assert.Equal(BusinessSettings.Default, Merge(BusinessSettings.Default, spoilt, out var errors));
            Assert.Single(errors);
        }
    }

    [Fact]
    public void What_is_absent_stays_and_null_is_the_default_again()
    {
        Assert.Equal(All, Merge(All, "{}", out var none));
        Assert.Empty(none);
        var names = JsonDocument.Parse(BusinessSettingsJson.Write(All)).RootElement.EnumerateObject().Select(member => member.Name).ToList();
        foreach (var name in names)
        {
            var one = Merge(All, $$"""{"{{name}}":null}""", out var errors);
            Assert.Empty(errors);
            Assert.NotEqual(All, one);
            Assert.Equal(All, Merge(one, BusinessSettingsJson.Write(All), out _));
        }

        Assert.Equal(BusinessSettings.Default, Merge(All, "{" + string.Join(',', names.Select(name => $"\"{name}\":null")) + "}", out _));
    }

    [Fact]
    public void Everything_that_can_be_set_is_written_and_read_back()
    {
        Assert.Equal(All, BusinessSettingsJson.Parse(BusinessSettingsJson.Write(All)));
        Assert.Equal(BusinessSettings.Default, BusinessSettingsJson.Parse(BusinessSettingsJson.Write(BusinessSettings.Default)));
        Assert.Equal(BusinessSettings.Default, BusinessSettingsJson.Parse("{}"));
        // A member that is not in the object above would be lost at each change.
        Assert.All(typeof(BusinessSettings).GetProperties().Where(member => member.SetMethod is not null && member.Name is not nameof(BusinessSettings.SenderMessagingServiceSid)),
            member => Assert.NotEqual(member.GetValue(BusinessSettings.Default), member.GetValue(All)));
    }

    [Fact]
    public void Hours_without_a_legal_floor_are_the_admins_to_set_and_anybodys_to_keep()
    {
        const string policy = """{"quietHoursPolicy":"business"}""";

        Merge(BusinessSettings.Default, policy, out var errors, byAdmin: false);
        Assert.Equal("settings.quietHoursPolicy", Assert.Single(errors).Key);
        Merge(All, policy, out errors, byAdmin: false);
        Assert.Empty(errors);
        Assert.Equal(QuietHoursPolicy.UsStates, Merge(All, """{"quietHoursPolicy":"us_states"}""", out errors, byAdmin: false).QuietHoursPolicy);
        Assert.Empty(errors);
    }

    [Fact]
    public void The_milder_profile_is_the_admins_to_set_and_anybodys_to_keep()
    {
        const string profile = """{"quietHoursProfile":"statute"}""";

        Merge(BusinessSettings.Default, profile, out var errors, byAdmin: false);
        Assert.Equal("settings.quietHoursProfile", Assert.Single(errors).Key);
        Merge(All, profile, out errors, byAdmin: false);
        Assert.Empty(errors);
        Assert.Equal(RuleProfile.Strict, Merge(All, """{"quietHoursProfile":"strict"}""", out errors, byAdmin: false).QuietHoursProfile);
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("allowedSenders", "[]", "null")]
    [InlineData("allowedSenders", """[{"from":"+15005550006"},{"messagingServiceSid":"MG0123456789abcdef0123456789abcdef"}]""", "null")]
    [InlineData("allowedCountries", """["US","CA"]""", """["US","PR","GU","VI","AS","MP"]""")]
    [InlineData("allowedCountries", """["001"]""", "null")]
    [InlineData("maxSegmentsPerSecond", "2.5", "null")]
    [InlineData("maxDailySegments", "1", "null")]
    [InlineData("maxMonthlyMessages", "2147483647", "null")]
    public void What_is_the_admins_is_the_admins_to_set_and_anybodys_to_repeat(string name, string value, string inForce)
    {
        var set = Merge(BusinessSettings.Default, $$"""{"{{name}}":{{value}}}""", out var errors);
        Assert.Empty(errors);
        Assert.NotEqual(BusinessSettings.Default, set);

        foreach (var (before, other) in new[] { (BusinessSettings.Default, value), (set, "null") })
        {
            Assert.Equal(before, Merge(before, $$"""{"{{name}}":{{other}}}""", out errors, byAdmin: false));
            Assert.Equal(("settings." + name, "only the admin key may set it"), (Assert.Single(errors).Key, errors.Single().Value[0]));
        }

        foreach (var (before, same) in new[] { (BusinessSettings.Default, inForce), (set, value) })
        {
            Assert.Equal(before, Merge(before, $$"""{"{{name}}":{{same}}}""", out errors, byAdmin: false));
            Assert.Empty(errors);
        }
    }

    [Theory]
    [InlineData("allowedSenders", """{"from":"+15005550006"}""")]
    [InlineData("allowedSenders", """["+15005550006"]""")]
    [InlineData("allowedSenders", """[{"from":"+15005550006"},{"from":"nobody"}]""")]
    [InlineData("allowedSenders", "[null]")]
    [InlineData("allowedCountries", "[]")]
    [InlineData("allowedCountries", "\"US\"")]
    [InlineData("allowedCountries", """["us"]""")]
    [InlineData("allowedCountries", """["US","EU"]""")]
    [InlineData("allowedCountries", "[1]")]
    [InlineData("maxSegmentsPerSecond", "0")]
    [InlineData("maxSegmentsPerSecond", "1000.1")]
    [InlineData("maxDailySegments", "0")]
    [InlineData("maxDailySegments", "1.5")]
    [InlineData("maxMonthlyMessages", "-1")]
    [InlineData("defaultCategory", "\"Marketing\"")]
    [InlineData("defaultCategory", "1")]
    public void What_the_admin_may_not_set_either(string name, string value)
    {
        Assert.Equal(BusinessSettings.Default, Merge(BusinessSettings.Default, $$"""{"{{name}}":{{value}}}""", out var errors));
        Assert.Equal("settings." + name, Assert.Single(errors).Key);
    }

    [Fact]
    public void A_list_of_senders_holds_a_hundred_and_one_of_countries_three_hundred()
    {
        foreach (var (name, most, item) in new[] { ("allowedSenders", 100, """{"from":"12345"}"""), ("allowedCountries", 300, "\"US\"") })
        {
            Merge(BusinessSettings.Default, $$"""{"{{name}}":[{{string.Join(',', Enumerable.Repeat(item, most))}}]}""", out var errors);
            Assert.Empty(errors);
            Merge(BusinessSettings.Default, $$"""{"{{name}}":[{{string.Join(',', Enumerable.Repeat(item, most + 1))}}]}""", out errors);
            Assert.Single(errors);
        }
    }

    [Theory]
    [InlineData("[]", "settings")]
    [InlineData("null", "settings")]
    [InlineData("""{"quiet_hours":null}""", "settings.quiet_hours")]
    [InlineData("""{"Paused":true}""", "settings.Paused")]
    public void What_is_no_setting_is_refused_by_name(string patch, string name)
    {
        Merge(BusinessSettings.Default, patch, out var errors);

        Assert.Equal(name, Assert.Single(errors).Key);
    }

    [Fact]
    public void All_that_is_wrong_is_told_at_once()
    {
        Merge(BusinessSettings.Default, """{"bodyLimit":0,"maxAttempts":0,"paused":null,"sender":{}}""", out var errors);

        Assert.Equal(["settings.bodyLimit", "settings.maxAttempts", "settings.sender"], errors.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Of_stored_settings_a_region_that_is_none_is_passed_over_and_all_else_is_a_fault()
    {
        Assert.Equal(("US", 200), BusinessSettingsJson.Parse("""{"region":"XX","bodyLimit":200}""") is var settings ? (settings.Region, settings.BodyLimit) : default);
        Assert.Contains("maxAttempts", Assert.Throws<FormatException>(() => BusinessSettingsJson.Parse("""{"region":"XX","maxAttempts":"many"}""")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"bodyLimit": 99, "paused": true}""", "")]
    [InlineData("""{"bodyLimit": 99, "paused": true, "maxAttempts": "many"}""", "settings.maxAttempts")]
    [InlineData("""{"bodyLimit": 99, "paused": true, "color": "red", "region": 1}""", "settings.color")]
    [InlineData("""{"bodyLimit": 99, "paused": true, "color": null}""", "")]
    public void What_somebody_else_wrote_is_read_as_far_as_it_can_be(string json, string unreadable)
    {
        var settings = BusinessSettingsJson.Read(json, out var errors);
        Assert.Equal((99, true, 3, "US"), (settings.BodyLimit, settings.Paused, settings.MaxAttempts, settings.Region));
        Assert.Equal(unreadable, string.Join(' ', errors.Keys.Order(StringComparer.Ordinal)));
        if (errors.Count > 0)
            Assert.Throws<FormatException>(() => BusinessSettingsJson.Parse(json));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("\"paused\"")]
    [InlineData("null")]
    public void What_is_no_object_is_no_settings(string json)
    {
        Assert.Equal(BusinessSettings.Default, BusinessSettingsJson.Read(json, out var errors));
        Assert.Equal("settings", Assert.Single(errors).Key);
    }

    [Fact]
    public void A_difference_laid_over_the_settings_is_the_settings_wanted()
    {
        var after = BusinessSettings.Default with { BodyLimit = 100, SegmentsPerSecond = 2, SenderFrom = "+15005550006" };
        Assert.Null(BusinessSettingsJson.Difference(after, after, all: false, []));
        foreach (var (one, other) in new[] { (BusinessSettings.Default, after), (after, BusinessSettings.Default) })
        {
            using var patch = JsonDocument.Parse(BusinessSettingsJson.Difference(one, other, all: false, [])!);
            Assert.Equal(3, patch.RootElement.EnumerateObject().Count());
            Assert.Equal(other, BusinessSettingsJson.Merge(one, patch.RootElement, byAdmin: false, out var errors));
            Assert.Empty(errors);
        }
    }

    [Fact]
    public void Every_region_with_numbers_of_its_own_is_one()
    {
        foreach (var region in PhoneNumberUtil.GetInstance().GetSupportedRegions())
        {
            using var patch = JsonDocument.Parse($$"""{"region":"{{region}}"}""");
            Assert.Equal(region, BusinessSettingsJson.Merge(BusinessSettings.Default, patch.RootElement, byAdmin: true, out var errors).Region);
            Assert.Empty(errors);
        }
    }

    /// <summary>Nothing in it is as it is by default.</summary>
    private static BusinessSettings All { get; } = new()
    {
        QuietHours = WeeklyWindows.Everyday(9 * 60, 17 * 60),
        QuietHoursPolicy = QuietHoursPolicy.Business,
        QuietHoursProfile = RuleProfile.Statute,
        SegmentsPerSecond = 2.5,
        DailySegmentLimit = 1000,
        MonthlyMessageLimit = 20_000,
        BodyLimit = 160,
        RequireConsent = false,
        OptOutFooter = OptOutFooter.Always,
        HelpText = "Call 512-555-0100.",
        MaxAttempts = 5,
        DefaultCategory = Category.Transactional,
        SenderFrom = "+15005550006",
        Paused = true,
        Region = "GB",
        AllowedSenders = new WordList(["+15005550006", "MG0123456789abcdef0123456789abcdef"]),
        AllowedCountries = new WordList(["GB", "001"]),
        MaxSegmentsPerSecond = 10,
        MaxDailySegments = 2000,
        MaxMonthlyMessages = 30_000,
    };

    /// <summary>In the patch <c>{320}</c> and <c>{321}</c> stand for texts of so many letters.</summary>
    private static BusinessSettings Merge(BusinessSettings current, string patch, out Dictionary<string, string[]> errors, bool byAdmin = true)
    {
        using var document = JsonDocument.Parse(patch
            .Replace("{320}", new string('x', 320), StringComparison.Ordinal).Replace("{321}", new string('x', 321), StringComparison.Ordinal));
        return BusinessSettingsJson.Merge(current, document.RootElement, byAdmin, out errors);
    }
}
