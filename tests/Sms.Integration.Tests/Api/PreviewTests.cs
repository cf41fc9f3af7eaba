using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

public class PreviewTests(SharedSilo shared)
{
    [Theory]
    [InlineData("", "gsm7", 1, 0)]
    [InlineData("Hello", "gsm7", 1, 5)]
    [InlineData("Caf€ {x}", "gsm7", 1, 11)]
    [InlineData("It’s ready 👩‍👩‍👧‍👦", "ucs2", 1, 12)]
    public async Task Segments_are_counted(string body, string encoding, int segments, int characters)
    {
        var reply = await PreviewAsync("segments", new { body });
        Assert.Equal(200, reply.Status);
        Assert.Equal((encoding, segments), (reply.Json!["encoding"]!.GetValue<string>(), reply.Json["segments"]!.GetValue<int>()));
        Assert.Equal(segments, reply.Json["unitsPerSegment"]!.AsArray().Count);
        // As Twilio's calculator counts: septets, else what a reader sees.
        Assert.Equal(characters, reply.Json["characters"]!.GetValue<int>());
    }

    [Fact]
    public async Task What_forces_the_dearer_alphabet_is_named_and_replaced_on_request()
    {
        var plain = await PreviewAsync("segments", new { body = "It’s “ready” 😀" });
        Assert.Equal("’“”😀", string.Concat(plain.Json!["nonGsm"]!.AsArray().Select(c => c!.GetValue<string>())));
        var smart = await PreviewAsync("segments", new { body = "It’s “ready”", smartEncoding = true });
        Assert.Equal("gsm7", smart.Json!["encoding"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_business_key_does_for_both_and_nothing_is_stored()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var segments = await api.Client.PostAsync("/v1/preview/segments", new { body = new string('a', 170) }, business.Key);
        Assert.Equal((200, "[153,17]"), (segments.Status, segments.Json!["unitsPerSegment"]!.ToJsonString()));
        // Asked for no instant, it is now.
        var before = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        var hours = await api.Client.PostAsync("/v1/preview/quiet-hours", new { timezone = Hours.Noon, windows = Hours.Usual }, business.Key);
        Assert.Equal((200, true), (hours.Status, hours.Json!["canSend"]!.GetValue<bool>()));
        Assert.InRange(hours.Json["nextSendTime"]!.GetValue<DateTimeOffset>(), before, TimeProvider.System.GetUtcNow());
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Fact]
    public async Task A_long_text_is_measured_too()
    {
        var reply = await PreviewAsync("segments", new { body = new string('a', 153 * 100) });
        Assert.Equal(100, reply.Json!["segments"]!.GetValue<int>());
    }

    [Theory]
    [InlineData("2026-11-23T12:59:59.999999Z", false, "2026-11-23T13:00:00Z", "too_early")]
    [InlineData("2026-11-23T13:00:00Z", true, "2026-11-23T13:00:00Z", null)]
    [InlineData("2026-11-23t13:00:00z", true, "2026-11-23T13:00:00Z", null)]
    [InlineData("2026-11-23T18:30:00.1234567+05:30", true, "2026-11-23T13:00:00.123456Z", null)]
    [InlineData("2026-11-24T01:59:59.999999Z", true, "2026-11-24T01:59:59.999999Z", null)]
    [InlineData("2026-11-24T02:00:00Z", false, "2026-11-24T13:00:00Z", "too_late")]
    public async Task The_default_hours_are_open_at_their_start_and_closed_at_their_end(string at, bool canSend, string next, string? reason)
    {
        var reply = await PreviewAsync("quiet-hours", new { timezone = "America/New_York", at });
        Assert.Equal((canSend, next, reason), Decision(reply));
    }

    [Fact]
    public async Task All_of_several_places_must_allow_it()
    {
        // 13:30 UTC: half past eight in New York, half past five in Los Angeles.
        var reply = await PreviewAsync("quiet-hours", """{"timezones":["America/New_York","America/Los_Angeles"],"at":"2026-11-23T13:30:00Z"}""");
        Assert.Equal((false, "2026-11-23T16:00:00Z", "too_early"), Decision(reply));
    }

    [Fact]
    public async Task A_number_stands_for_every_zone_of_its_area_code()
    {
        // 208 is Idaho: Mountain and, in its north, Pacific time.
        var reply = await PreviewAsync("quiet-hours", new { phone = "+12085550123", at = "2026-11-23T15:30:00Z" });
        Assert.Equal((false, "2026-11-23T16:00:00Z", "too_early"), Decision(reply));
        Assert.Equal("invalid_phone", (await PreviewAsync("quiet-hours", new { phone = "12" })).Code);
    }

    [Fact]
    public async Task Contradicting_sources_are_told_and_each_rule_answers()
    {
        var reply = await PreviewAsync("quiet-hours", new { timezone = "Asia/Kolkata", postalCode = "33101", at = "2026-12-02T05:00:00Z" });
        Assert.Equal((false, "2026-12-02T13:00:00Z", "too_early"), Decision(reply));
        Assert.True(reply.Json!["decision"]!["conflict"]!.GetValue<bool>());
        Assert.Equal(["customer:conflict", "postal_code:conflict"], reply.Json["decision"]!["evidence"]!.AsArray().Select(e => $"{e!["source"]}:{e["use"]}"));

        reply = await PreviewAsync("quiet-hours", new { timezone = "UTC", postalCode = "33101", at = "2026-12-02T09:00:00Z" });
        Assert.Equal((false, "2026-12-02T13:00:00Z", "too_early"), Decision(reply));
        Assert.False(reply.Json!["decision"]!["conflict"]!.GetValue<bool>());

        reply = await PreviewAsync("quiet-hours", new { phone = "+12155550123", at = "2026-12-05T18:00:00Z" });
        Assert.Equal(
            ["US/1 2026-12-05T18:00:00Z", "US-PA/2 2026-12-05T18:00:00Z", "US-PA/3 2026-12-07T14:00:00Z"],
            reply.Json!["rules"]!.AsArray().Select(r => $"{r!["rule"]} {r["nextSendTime"]}"));
        Assert.Equal((true, "2026-12-05T18:00:00Z", null), Decision(await PreviewAsync("quiet-hours", new { phone = "+12155550123", at = "2026-12-05T18:00:00Z", profile = "statute" })));
        Assert.Equal((422, "validation_failed"), await ShapeAsync(new { phone = "+12155550123", profile = "lax" }));
        Assert.Equal((422, "invalid_timezone"), await ShapeAsync(new { phone = "+12155550123", senderTimezone = "Mars" }));
        Assert.Equal((422, "no_rule_for_country"), await ShapeAsync(new { phone = "+390612345678" }));

        async Task<(int, string?)> ShapeAsync(object request)
        {
            var refused = await PreviewAsync("quiet-hours", request);
            return (refused.Status, refused.Code);
        }
    }

    [Fact]
    public async Task The_rules_of_a_day_are_listed_with_their_sources()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var reply = await api.Client.GetAsync("/v1/rules?on=2027-12-27", business.Key);
        Assert.Equal(200, reply.Status);
        var hours = reply.Json!["hours"]!.AsArray();
        Assert.All(hours, r => Assert.NotEmpty(r!["citation"]!.GetValue<string>()));
        Assert.Contains(hours, r => r!["id"]!.GetValue<string>() is "US-MI/2" && r["pending"]!.GetValue<bool>());
        Assert.Contains(hours, r => r!["id"]!.GetValue<string>() is "US-PA/2");
        Assert.DoesNotContain(hours, r => r!["id"]!.GetValue<string>() is "US-PA/1");
        Assert.Contains(reply.Json["consent"]!.AsArray(), r => r!["id"]!.GetValue<string>() is "US-FL/2" && r["consent"]!.GetValue<string>() is "written");
        Assert.Contains(reply.Json["holidays"]!.AsArray(), h => h!["calendar"]!.GetValue<string>() is "RI");
        Assert.Equal(422, (await api.Client.GetAsync("/v1/rules?on=soon", business.Key)).Status);
    }

    [Fact]
    public async Task Windows_may_span_midnight_and_end_with_the_day()
    {
        Task<Reply> AtAsync(string at, string windows) => PreviewAsync("quiet-hours", $$"""{"timezone":"UTC","at":"{{at}}","windows":{{windows}}}""");
        const string FridayNight = """{"fri":["22:00","02:00"]}""";
        Assert.Equal((true, "2026-11-28T01:30:00Z", null), Decision(await AtAsync("2026-11-28T01:30:00Z", FridayNight)));
        Assert.Equal((false, "2026-12-04T22:00:00Z", "closed_day"), Decision(await AtAsync("2026-11-29T12:00:00Z", FridayNight)));
        Assert.Equal((true, "2026-11-28T23:59:59Z", null), Decision(await AtAsync("2026-11-28T23:59:59Z", """{"sat":["00:00","24:00"]}""")));
    }

    [Fact]
    public async Task A_week_without_an_open_hour_has_no_next_time()
    {
        var reply = await PreviewAsync("quiet-hours", """{"timezone":"UTC","windows":{}}""");
        Assert.Equal(200, reply.Status);
        Assert.False(reply.Json!["canSend"]!.GetValue<bool>());
        Assert.True(reply.Json.AsObject().ContainsKey("nextSendTime"));
        Assert.Null(reply.Json["nextSendTime"]);
        Assert.Equal("closed_day", reply.Json["reason"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("Mars/Olympus")]
    [InlineData("")]
    [InlineData("America/New York")]
    [InlineData("america/new_york")]
    [InlineData("EST+5")]
    public async Task An_unknown_zone_is_named_as_such(string timezone)
    {
        var reply = await PreviewAsync("quiet-hours", new { timezone });
        Assert.Equal((422, "invalid_timezone"), (reply.Status, reply.Code));
        reply = await PreviewAsync("quiet-hours", new { timezones = new[] { "UTC", timezone } });
        Assert.Equal((422, "invalid_timezone"), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"timezone":"UTC","timezones":["UTC"]}""")]
    [InlineData("""{"timezone":"UTC","phone":"+15125550000"}""")]
    [InlineData("""{"timezones":[]}""")]
    public async Task Exactly_one_place_is_asked_for(string request)
    {
        var reply = await PreviewAsync("quiet-hours", request);
        Assert.Equal((422, "validation_failed"), (reply.Status, reply.Code));
    }

    [Fact]
    public async Task Zones_are_bounded_in_number()
    {
        Assert.Equal(200, (await PreviewAsync("quiet-hours", new { timezones = Enumerable.Repeat("UTC", 100) })).Status);
        Assert.Equal("validation_failed", (await PreviewAsync("quiet-hours", new { timezones = Enumerable.Repeat("UTC", 101) })).Code);
    }

    private async Task<Reply> PreviewAsync(string kind, object request) =>
        await (await shared.GetAsync()).Client.PostAsync($"/v1/preview/{kind}", request, SharedSilo.AdminKey);

    private static (bool, string?, string?) Decision(Reply reply)
    {
        Assert.Equal(200, reply.Status);
        JsonNode json = reply.Json!;
        return (json["canSend"]!.GetValue<bool>(), json["nextSendTime"]?.GetValue<string>(), json["reason"]?.GetValue<string>());
    }

}
