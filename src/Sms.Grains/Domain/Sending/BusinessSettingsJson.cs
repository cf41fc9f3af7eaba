using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sms.Domain.Phones;
using Sms.Domain.QuietHours;
using Sms.Domain.Segments;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>The settings as JSON: the form in which clients send them and the database keeps them.</summary>
public static partial class BusinessSettingsJson
{
    /// <summary>The fastest pace that may be asked for, segments a second.</summary>
    public const double MaxSegmentsPerSecond = 1000;

    /// <summary>The slowest: a message every quarter of an hour and a little more.</summary>
    public const double MinSegmentsPerSecond = 0.001;

    /// <summary>The most attempts that may be asked for.</summary>
    public const int MaxMaxAttempts = 10;

    /// <summary>The longest answer to HELP, in UTF-16 units.</summary>
    public const int MaxHelpText = 320;

    /// <summary>What the database keeps, all of it.</summary>
    /// <exception cref="FormatException">Somebody else wrote there what is no setting.</exception>
    public static BusinessSettings Parse(string json) => Read(json, out var errors) is var settings && errors.Count == 0
        ? settings
        : throw new FormatException($"Stored settings: {errors.First().Key} {errors.First().Value[0]}");

    /// <summary>What the database keeps, as far as it can be read; others may write there too. What cannot has its default.</summary>
    /// <param name="json">A JSON value.</param>
    /// <param name="errors">Member to what is wrong with it; <c>settings</c>: all of it.</param>
    public static BusinessSettings Read(string json, out Dictionary<string, string[]> errors)
    {
        using var document = JsonDocument.Parse(json);
        var settings = Merge(BusinessSettings.Default, document.RootElement, byAdmin: true, out errors);
        // Stored before it was checked: only numbers without a country code are read in it.
        errors.Remove("settings.region");
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            return settings;
        // What is no setting, and null, says nothing.
        foreach (var member in document.RootElement.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.Null))
            errors.Remove($"settings.{member.Name}");
        return settings;
    }

    /// <summary>The members whose values in force differ, as an object to be laid over what is stored; null: there are none.</summary>
    /// <param name="before">The settings in force.</param>
    /// <param name="after">The settings wanted.</param>
    /// <param name="all">Whether all members are given.</param>
    /// <param name="named">Members that are given though their values in force are the same; null stands for one that is no setting.</param>
    public static string? Difference(BusinessSettings before, BusinessSettings after, bool all, IEnumerable<string> named)
    {
        var (old, wanted) = (Members(before), Members(after));
        var different = new JsonObject();
        foreach (var name in wanted.Select(m => m.Key).Where(n => all || !JsonNode.DeepEquals(old[n], wanted[n])).Union(named, StringComparer.Ordinal))
            different[name] = wanted[name]?.DeepClone();
        return different.Count == 0 ? null : different.ToJsonString();
    }

    /// <summary>
    /// Lays a client's object over the settings in force: a member that is absent stays, null goes back to its
    /// default. With any error the result is not to be used.
    /// </summary>
    /// <param name="current">The settings in force.</param>
    /// <param name="patch">A JSON object.</param>
    /// <param name="byAdmin">Whether what is the admin's may be set, as quietHoursPolicy <c>business</c>, which has no legal floor.</param>
    /// <param name="errors">Member to what is wrong with it.</param>
    public static BusinessSettings Merge(
        BusinessSettings current, JsonElement patch, bool byAdmin, out Dictionary<string, string[]> errors)
    {
        errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        if (patch.ValueKind != JsonValueKind.Object)
        {
            errors["settings"] = ["must be an object"];
            return current;
        }

        var result = current;
        foreach (var member in patch.EnumerateObject())
        {
            var (next, error) = Apply(result, member.Name, member.Value, byAdmin);
            result = next;
            if (error is not null)
                errors[$"settings.{member.Name}"] = [error];
        }

        if (result is { SenderFrom: not null, SenderMessagingServiceSid: not null })
            errors["settings.sender"] = ["must have exactly one of from and messagingServiceSid"];
        return result;
    }

    /// <summary>All members.</summary>
    public static string Write(BusinessSettings settings) => Members(settings).ToJsonString();

    private static JsonObject Members(BusinessSettings settings)
    {
        var hours = new JsonObject();
        foreach (var (day, window) in settings.QuietHours.ToDictionary())
            hours[day] = new JsonArray([.. window.Select(t => (JsonNode)t)]);
        return new JsonObject
        {
            ["quietHours"] = hours,
            ["quietHoursPolicy"] = settings.QuietHoursPolicy == QuietHoursPolicy.Business ? "business" : "us_states",
            ["quietHoursProfile"] = settings.QuietHoursProfile == RuleProfile.Statute ? "statute" : "strict",
            ["segmentsPerSecond"] = settings.SegmentsPerSecond,
            ["dailySegmentLimit"] = settings.DailySegmentLimit,
            ["monthlyMessageLimit"] = settings.MonthlyMessageLimit,
            ["bodyLimit"] = settings.BodyLimit,
            ["requireConsent"] = settings.RequireConsent,
            ["optOutFooter"] = settings.OptOutFooter switch
            {
                OptOutFooter.None => "none",
                OptOutFooter.Always => "always",
                _ => "first_message",
            },
            ["helpText"] = settings.HelpText,
            ["maxAttempts"] = settings.MaxAttempts,
            ["defaultCategory"] = settings.DefaultCategory.ToWire(),
            ["sender"] = settings.SenderKey is { } key ? SenderOf(key) : null,
            ["paused"] = settings.Paused,
            ["region"] = settings.Region,
            ["allowedSenders"] = settings.AllowedSenders is { } senders ? new JsonArray([.. senders.Words.Select(SenderOf)]) : null,
            ["allowedCountries"] = settings.AllowedCountries is { } countries ? new JsonArray([.. countries.Words.Select(c => (JsonNode)c)]) : null,
            ["maxSegmentsPerSecond"] = settings.MaxSegmentsPerSecond,
            ["maxDailySegments"] = settings.MaxDailySegments,
            ["maxMonthlyMessages"] = settings.MaxMonthlyMessages,
        };
    }

    private static (BusinessSettings Settings, string? Error) Apply(
        BusinessSettings s, string name, JsonElement value, bool byAdmin)
    {
        var unset = value.ValueKind == JsonValueKind.Null;
        var none = BusinessSettings.Default;
        switch (name)
        {
            case "quietHours":
                if (unset)
                    return (s with { QuietHours = none.QuietHours }, null);
                return TryWindows(value, out var windows, out var windowsError) ? (s with { QuietHours = windows! }, null) : (s, windowsError);
            case "quietHoursPolicy":
                if (unset || IsWord(value, "us_states"))
                    return (s with { QuietHoursPolicy = QuietHoursPolicy.UsStates }, null);
                if (!IsWord(value, "business"))
                    return (s, "must be business or us_states");
                return byAdmin || s.QuietHoursPolicy == QuietHoursPolicy.Business
                    ? (s with { QuietHoursPolicy = QuietHoursPolicy.Business }, null)
                    : (s, "business has no legal floor: only the admin key may set it");
            case "quietHoursProfile":
                if (unset || IsWord(value, "strict"))
                    return (s with { QuietHoursProfile = RuleProfile.Strict }, null);
                if (!IsWord(value, "statute"))
                    return (s, "must be strict or statute");
                return byAdmin || s.QuietHoursProfile == RuleProfile.Statute
                    ? (s with { QuietHoursProfile = RuleProfile.Statute }, null)
                    : (s, "statute leaves out what is contested: only the admin key may set it");
            case "segmentsPerSecond":
                return Pace(value, s, (t, n) => t with { SegmentsPerSecond = n });
            case "dailySegmentLimit":
                return Whole(value, 1, int.MaxValue, s, (t, n) => t with { DailySegmentLimit = n });
            case "monthlyMessageLimit":
                return Whole(value, 1, int.MaxValue, s, (t, n) => t with { MonthlyMessageLimit = n });
            case "bodyLimit":
                return Whole(value, 1, BusinessSettings.MaxBodyLimit, s, (t, n) => t with { BodyLimit = n ?? none.BodyLimit });
            case "maxAttempts":
                return Whole(value, 1, MaxMaxAttempts, s, (t, n) => t with { MaxAttempts = n ?? none.MaxAttempts });
            case "requireConsent":
                return Flag(value, s, (t, b) => t with { RequireConsent = b ?? none.RequireConsent });
            case "paused":
                return Flag(value, s, (t, b) => t with { Paused = b ?? none.Paused });
            case "optOutFooter":
                if (unset || IsWord(value, "first_message"))
                    return (s with { OptOutFooter = OptOutFooter.FirstMessage }, null);
                if (IsWord(value, "none"))
                    return (s with { OptOutFooter = OptOutFooter.None }, null);
                return IsWord(value, "always") ? (s with { OptOutFooter = OptOutFooter.Always }, null) : (s, "must be none, first_message or always");
            case "helpText":
                if (unset)
                    return (s with { HelpText = null }, null);
                return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 and <= MaxHelpText } text
                    && SmsText.IsValid(text) && !string.IsNullOrWhiteSpace(text)
                    ? (s with { HelpText = text }, null)
                    : (s, "must be a text of 1 to 320 characters");
            case "sender":
                return Sender(value, s);
            case "region":
                if (unset)
                    return (s with { Region = none.Region }, null);
                return value.ValueKind == JsonValueKind.String && PhoneNumber.IsRegion(value.GetString()!)
                    ? (s with { Region = value.GetString()! }, null)
                    : (s, "must be a region of ISO 3166 in two capital letters, which has phone numbers of its own");
            case "defaultCategory":
                if (unset)
                    return (s with { DefaultCategory = none.DefaultCategory }, null);
                return value.ValueKind == JsonValueKind.String && SendingWords.IsCategory(value.GetString()!)
                    ? (s with { DefaultCategory = SendingWords.ParseCategory(value.GetString()!) }, null)
                    : (s, "must be marketing, transactional or otp");
            default:
                return OfAdmin(s, name, value, byAdmin);
        }
    }

    private static (BusinessSettings Settings, string? Error) Sender(JsonElement value, BusinessSettings s)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return (s with { SenderFrom = null, SenderMessagingServiceSid = null }, null);
        return TrySender(value, out var from, out var sid) is { } error ? (s, error) : (s with { SenderFrom = from, SenderMessagingServiceSid = sid }, null);
    }

    /// <summary>What is wrong with a sender; null: nothing.</summary>
    private static string? TrySender(JsonElement value, out string? from, out string? sid)
    {
        (from, sid) = (null, null);
        if (value.ValueKind != JsonValueKind.Object)
            return "must be an object with from or messagingServiceSid";
        foreach (var member in value.EnumerateObject())
        {
            if (member.Name is not ("from" or "messagingServiceSid"))
                return $"has from and messagingServiceSid, not {member.Name}";
            if (member.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Null))
                return $"{member.Name} must be a text";
            if (member.NameEquals("from"))
                from = member.Value.GetString();
            else
                sid = member.Value.GetString();
        }

        if ((from is null) == (sid is null))
            return "must have exactly one of from and messagingServiceSid";
        if (from is not null && !ShortCodePattern().IsMatch(from) && !(PhoneNumber.TryParse(from, "", out var number) && string.Equals(number.E164, from, StringComparison.Ordinal)))
            return "from must be a possible number in E.164, or a short code of 3 to 8 digits";
        return sid is not null && !ServicePattern().IsMatch(sid) ? "messagingServiceSid must be MG and 32 hexadecimal digits" : null;
    }

    private static bool TryWindows(JsonElement value, out WeeklyWindows? windows, out string? error)
    {
        windows = null;
        error = "must be an object of days (mon to sun), each with its opening and closing time";
        if (value.ValueKind != JsonValueKind.Object)
            return false;

        var days = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (var day in value.EnumerateObject())
        {
            if (day.Value.ValueKind == JsonValueKind.Null)
                continue;
            if (day.Value.ValueKind != JsonValueKind.Array || day.Value.EnumerateArray().Any(t => t.ValueKind != JsonValueKind.String))
                return false;
            days[day.Name] = [.. day.Value.EnumerateArray().Select(t => t.GetString()!)];
        }

        return WeeklyWindows.TryParse(days, out windows, out error);
    }

    private static (BusinessSettings Settings, string? Error) Pace(
        JsonElement value, BusinessSettings s, Func<BusinessSettings, double?, BusinessSettings> with)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return (with(s, null), null);
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var pace) && pace is >= MinSegmentsPerSecond and <= MaxSegmentsPerSecond
            ? (with(s, pace), null)
            : (s, "must be a number from 0.001 to 1000");
    }

    private static (BusinessSettings Settings, string? Error) Whole(
        JsonElement value, int least, int most, BusinessSettings s, Func<BusinessSettings, int?, BusinessSettings> with)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return (with(s, null), null);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var n) && n >= least && n <= most
            ? (with(s, n), null)
            : (s, $"must be a whole number from {least} to {most}");
    }

    private static (BusinessSettings Settings, string? Error) Flag(
        JsonElement value, BusinessSettings s, Func<BusinessSettings, bool?, BusinessSettings> with) => value.ValueKind switch
        {
            JsonValueKind.Null => (with(s, null), null),
            JsonValueKind.True => (with(s, true), null),
            JsonValueKind.False => (with(s, false), null),
            _ => (s, "must be true or false"),
        };

    private static bool IsWord(JsonElement value, string word) =>
        value.ValueKind == JsonValueKind.String && value.ValueEquals(word);

    [GeneratedRegex(@"^[0-9]{3,8}\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ShortCodePattern();

    [GeneratedRegex(@"^MG[0-9a-f]{32}\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServicePattern();
}
