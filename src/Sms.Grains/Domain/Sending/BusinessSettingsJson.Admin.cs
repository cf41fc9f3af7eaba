using System.Text.Json;
using System.Text.Json.Nodes;
using Sms.Domain.Places;

namespace Sms.Domain.Sending;

/// <summary>The settings that are the admin's: whom a business may send from, whom it may text, and how much at most.</summary>
public static partial class BusinessSettingsJson
{
    /// <summary>The most senders that may be allowed.</summary>
    public const int MaxAllowedSenders = 100;

    /// <summary>The most countries that may be allowed.</summary>
    public const int MaxAllowedCountries = 300;

    /// <summary>What a business key is told that sets what is the admin's.</summary>
    public const string AdminsAlone = "only the admin key may set it";

    /// <summary>What is said of a member that there is not.</summary>
    public const string NotASetting = "is not a setting";

    /// <summary>The names of all settings.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Members(BusinessSettings.Default).Select(m => m.Key)];

    /// <summary>Whether the setting is the admin's, whatever its value.</summary>
    public static bool IsAdmins(string name) =>
        name is "allowedSenders" or "allowedCountries" or "maxSegmentsPerSecond" or "maxDailySegments" or "maxMonthlyMessages";

    /// <summary>What is the admin's is anybody's to repeat.</summary>
    private static (BusinessSettings Settings, string? Error) OfAdmin(BusinessSettings s, string name, JsonElement value, bool byAdmin)
    {
        var (asked, error) = name switch
        {
            "allowedSenders" => Senders(value, s),
            "allowedCountries" => Countries(value, s),
            "maxSegmentsPerSecond" => Pace(value, s, (t, n) => t with { MaxSegmentsPerSecond = n }),
            "maxDailySegments" => Whole(value, 1, int.MaxValue, s, (t, n) => t with { MaxDailySegments = n }),
            "maxMonthlyMessages" => Whole(value, 1, int.MaxValue, s, (t, n) => t with { MaxMonthlyMessages = n }),
            _ => (s, NotASetting),
        };
        if (byAdmin || error is not null)
            return (asked, error);
        return (s, asked.InForce() == s.InForce() ? null : AdminsAlone);
    }

    private static (BusinessSettings Settings, string? Error) Senders(JsonElement value, BusinessSettings s)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return (s with { AllowedSenders = null }, null);
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > MaxAllowedSenders)
            return (s, $"must be a list of up to {MaxAllowedSenders} senders");
        var keys = new List<string>();
        foreach (var item in value.EnumerateArray())
        {
            if (TrySender(item, out var from, out var sid) is { } error)
                return (s, $"{keys.Count}: {error}");
            keys.Add(sid ?? from!);
        }

        return (s with { AllowedSenders = new WordList(keys) }, null);
    }

    private static (BusinessSettings Settings, string? Error) Countries(JsonElement value, BusinessSettings s)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return (s with { AllowedCountries = null }, null);
        return value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is > 0 and <= MaxAllowedCountries
            && value.EnumerateArray().All(c => c.ValueKind == JsonValueKind.String && RecipientCountry.IsKnown(c.GetString()!))
            ? (s with { AllowedCountries = new WordList(value.EnumerateArray().Select(c => c.GetString()!)) }, null)
            : (s, $"must be a list of 1 to {MaxAllowedCountries} countries of ISO 3166 in two capital letters, which have phone numbers of their own, or 001 for numbers of no country");
    }

    private static JsonObject SenderOf(string key) => new() { [ServicePattern().IsMatch(key) ? "messagingServiceSid" : "from"] = key };
}
