using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Sms.Domain.Sending;
using static Sms.Api.OpenApiSchemas;

namespace Sms.Api;

/// <summary>The shape of a business's settings, which the API keeps as JSON.</summary>
internal static class OpenApiSettings
{
    private const string ByAdmin = " Only the admin key may set it.";

    private static readonly string[] Days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    public static OpenApiSchema Schema()
    {
        var hours = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "The hours when marketing is allowed, on the recipient's clock: opening inclusive, closing exclusive. 24:00 is the end of the day, "
                + "a closing at or before the opening is on the next day, a missing day is closed. Default 08:00 to 21:00 on all days.",
            Properties = Days.ToDictionary(
                day => day,
                IOpenApiSchema (_) => new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    MinItems = 2,
                    MaxItems = 2,
                    Items = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^([01][0-9]|2[0-4]):[0-5][0-9]$" },
                },
                StringComparer.Ordinal),
        };
        var policy = Word("us_states", "business");
        (policy.Default, policy.Description) = ("us_states", "us_states: the strictest of the federal hours, the state's and the business's own. business: these alone; only the admin key may set it.");
        var profile = Word("strict", "statute");
        (profile.Default, profile.Description) = ("strict", "Which rules of us_states bind. strict: also those on automatic devices, and readings that are contested. statute: without them; only the admin key may set it.");
        var footer = Word("none", "first_message", "always");
        (footer.Default, footer.Description) = ("first_message", "Which marketing messages end with the line that says how to opt out.");
        var category = Word("marketing", "transactional", "otp");
        (category.Default, category.Description) = ("marketing", "What a send is that does not say its category.");
        const JsonSchemaType OptionalWhole = JsonSchemaType.Integer | JsonSchemaType.Null;
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "What a business decided about its sending. In requests every member is optional.",
            Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
            {
                ["quietHours"] = hours,
                ["quietHoursPolicy"] = policy,
                ["quietHoursProfile"] = profile,
                ["segmentsPerSecond"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Number | JsonSchemaType.Null,
                    Description = "Pace; null: as fast as the provider takes them.",
                    Minimum = "0.001",
                    Maximum = "1000",
                },
                ["dailySegmentLimit"] = Described(OptionalWhole, "Beyond it messages wait for the next day, one-time passwords excepted; null: no limit.", least: "1"),
                ["monthlyMessageLimit"] = Described(OptionalWhole, "Beyond it sends are refused, one-time passwords excepted; null: no limit.", least: "1"),
                ["bodyLimit"] = Described(JsonSchemaType.Integer, "Longest body in UTF-16 units, the footer not counted. A text that ends with the footer has 22 units less than 1,600 in any case.", 320, "1", "1600"),
                ["requireConsent"] = Described(JsonSchemaType.Boolean, "Whether marketing needs a recorded consent. Where the law asks for one (GET /v1/rules) it is needed in any case.", true),
                ["optOutFooter"] = footer,
                ["helpText"] = Described(JsonSchemaType.String | JsonSchemaType.Null, "The answer to HELP, 1 to 320 characters; null: one that names the business and STOP."),
                ["maxAttempts"] = Described(JsonSchemaType.Integer, "Requests to the provider for one message, the first included.", 3, "1", "10"),
                ["defaultCategory"] = category,
                ["sender"] = Sender(
                    JsonSchemaType.Object | JsonSchemaType.Null,
                    "Exactly one of from and messagingServiceSid; null: the installation's own. A business key picks one of allowedSenders; one that the admin key sets is allowed by that."),
                ["paused"] = Described(JsonSchemaType.Boolean, "While true nothing is accepted and what waits is held.", false),
                ["region"] = Described(JsonSchemaType.String, "Where phone numbers without a country code are read, ISO 3166 alpha-2; a region that has numbers of its own. Where allowedCountries is not set it goes by the region that the admin sets.", "US"),
                ["allowedSenders"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array | JsonSchemaType.Null,
                    Description = "The senders that the business may use, beside the installation's own; null: that alone." + ByAdmin,
                    MaxItems = BusinessSettingsJson.MaxAllowedSenders,
                    Items = Sender(JsonSchemaType.Object, "Exactly one of from and messagingServiceSid."),
                },
                ["allowedCountries"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array | JsonSchemaType.Null,
                    Description = "The countries whose numbers the business may text, ISO 3166 alpha-2; 001: numbers of no country, as satellite telephones. "
                        + "Null: those of its region, which are US, PR, GU, VI, AS and MP where that is US, else the region alone." + ByAdmin,
                    MinItems = 1,
                    MaxItems = BusinessSettingsJson.MaxAllowedCountries,
                    Items = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^([A-Z]{2}|001)$" },
                },
                ["maxSegmentsPerSecond"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Number | JsonSchemaType.Null,
                    Description = "Ceiling of segmentsPerSecond; null: none." + ByAdmin,
                    Minimum = "0.001",
                    Maximum = "1000",
                },
                ["maxDailySegments"] = Described(OptionalWhole, "Ceiling of dailySegmentLimit, which holds one-time passwords too; null: none." + ByAdmin, least: "1"),
                ["maxMonthlyMessages"] = Described(OptionalWhole, "Ceiling of monthlyMessageLimit, which holds one-time passwords too; null: none." + ByAdmin, least: "1"),
            },
        };
    }

    private static OpenApiSchema Sender(JsonSchemaType type, string description) => new()
    {
        Type = type,
        Description = description,
        Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
        {
            ["from"] = Described(JsonSchemaType.String, "A possible number in E.164, or a short code of 3 to 8 digits."),
            ["messagingServiceSid"] = Described(JsonSchemaType.String, "MG and 32 hexadecimal digits."),
        },
    };
}
