using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using NodaTime;

namespace Sms.Api;

/// <summary>A request without members.</summary>
internal sealed record NothingRequest;

/// <param name="Name">1 to 200 characters.</param>
/// <param name="Timezone">tz id; default America/New_York.</param>
/// <param name="Settings">Members that are absent get their defaults.</param>
internal sealed record CreateBusinessRequest(string? Name, string? Timezone, JsonElement? Settings);

/// <summary>What is absent stays as it is.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Timezone">tz id.</param>
/// <param name="Settings">Members that are absent stay; null goes back to the default.</param>
internal sealed record ChangeBusinessRequest(string? Name, string? Timezone, JsonElement? Settings);

/// <param name="Status">opted_in, opted_out or unknown.</param>
/// <param name="Method">verbal_in_person, phone_call, service_agreement, website_form, sms_keyword or other.</param>
/// <param name="Source">Where it was given, for example a page's address.</param>
/// <param name="At">When, at most a minute ahead; default now.</param>
/// <param name="Notes">Up to 2,000 characters.</param>
/// <param name="Ip">The address it came from.</param>
/// <param name="Text">The wording that was shown, up to 4,000 characters.</param>
internal record ConsentRequest(string? Status, string? Method, string? Source, Instant? At, string? Notes, string? Ip, string? Text);

/// <summary>As with a customer; status, method and source are required.</summary>
internal sealed record RecordConsentRequest(string? Status, string? Method, string? Source, Instant? At, string? Notes, string? Ip, string? Text)
    : ConsentRequest(Status, Method, Source, At, Notes, Ip, Text);

/// <param name="Name">Up to 200 characters.</param>
/// <param name="Phone">Any usual way of writing; without a country code it is read in the business's region.</param>
/// <param name="Timezone">tz id of where the customer lives.</param>
/// <param name="PostalCode">Up to 20 characters.</param>
/// <param name="SmsConsent">What the customer agreed to.</param>
/// <param name="State">Two letters of a state or territory of the US.</param>
internal sealed record CreateCustomerRequest(string? Name, string? Phone, string? Timezone, string? PostalCode, ConsentRequest? SmsConsent, string? State);

/// <param name="CustomerId">Exactly one of this and to.</param>
/// <param name="To">A phone number; finds or makes the customer.</param>
/// <param name="Body">Exactly one of this and templateId.</param>
/// <param name="TemplateId">A template of the business.</param>
/// <param name="Variables">Values for the template's places.</param>
/// <param name="Category">marketing (default), transactional or otp.</param>
/// <param name="SendAt">Not before this; at most a year ahead.</param>
/// <param name="ValidUntil">Not after this; default for otp: 10 minutes.</param>
/// <param name="Metadata">A JSON object of up to 2 KiB, kept for the client.</param>
internal record SendMessageRequest(
    Guid? CustomerId, string? To, string? Body, Guid? TemplateId, Dictionary<string, string>? Variables, string? Category,
    Instant? SendAt, Instant? ValidUntil, JsonElement? Metadata);

/// <summary>An entry of a batch: a send with its own key.</summary>
internal sealed record BatchEntry(
    Guid? CustomerId, string? To, string? Body, Guid? TemplateId, Dictionary<string, string>? Variables, string? Category,
    Instant? SendAt, Instant? ValidUntil, JsonElement? Metadata, string? IdempotencyKey)
    : SendMessageRequest(CustomerId, To, Body, TemplateId, Variables, Category, SendAt, ValidUntil, Metadata);

/// <param name="Messages">1 to 1,000 sends, each as for a single one, with an optional idempotencyKey.</param>
internal sealed record SendBatchRequest(UnreadJson[]? Messages)
{
    public const int MaxMessages = 1000;

    /// <summary>The whole request, of which the entries are parts.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> Json { get; init; }
}

/// <summary>A value whose reading is put off: nothing is known of it but that it is JSON.</summary>
/// <param name="Place">Where it stands in the request, in bytes.</param>
[JsonConverter(typeof(Converter))]
internal readonly record struct UnreadJson(Range Place)
{
    private sealed class Converter : JsonConverter<UnreadJson>
    {
        public override bool HandleNull => true;

        public override UnreadJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            // A document would cost the square of its depth.
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            return new(start..(int)reader.BytesConsumed);
        }

        public override void Write(Utf8JsonWriter writer, UnreadJson value, JsonSerializerOptions options) =>
            throw new NotSupportedException("It is read only.");
    }
}

/// <param name="Results">In the order given.</param>
internal sealed record BatchReply(BatchResult[] Results);

/// <param name="Index">The entry's place, from 0.</param>
/// <param name="Status">The status that a single send would have had.</param>
/// <param name="Message">Null when it was refused.</param>
/// <param name="Problem">Null when it was accepted.</param>
internal sealed record BatchResult(int Index, int Status, Sms.Contracts.MessageView? Message, Problem? Problem);

/// <param name="Data">Oldest first; each has at and type, and what else is known of it.</param>
/// <param name="NextCursor">Null: there are no more.</param>
internal sealed record EventList(Dictionary<string, JsonElement>[] Data, string? NextCursor)
{
    public static Dictionary<string, JsonElement> Of(Sms.Contracts.MessageEvent e)
    {
        var known = new Dictionary<string, JsonElement>(StringComparer.Ordinal)
        {
            ["at"] = JsonSerializer.SerializeToElement(e.At, ApiJson.Options),
            ["type"] = JsonSerializer.SerializeToElement(e.Type, ApiJson.Options),
        };
        foreach (var (name, value) in Shown(JsonNode.Parse(e.Data)!).AsObject())
            known.TryAdd(name, JsonSerializer.SerializeToElement(value));
        return known;
    }

    /// <summary>As the store wrote it, with the API's spelling of names and instants.</summary>
    private static JsonNode Shown(JsonNode stored) => stored switch
    {
        JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(ApiJson.CamelCase(m.Key), m.Value is null ? null : Shown(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(i => i is null ? null : Shown(i))]),
        JsonValue value when value.TryGetValue(out string? text) && ApiJson.TryReadInstant(text, out var at) => JsonSerializer.SerializeToNode(at, ApiJson.Options)!,
        _ => stored.DeepClone(),
    };
}

/// <summary>What is absent stays as it is.</summary>
/// <param name="Name">Up to 200 characters.</param>
/// <param name="Phone">Any usual way of writing.</param>
/// <param name="Timezone">tz id.</param>
/// <param name="PostalCode">Up to 20 characters.</param>
/// <param name="State">Two letters of a state or territory of the US.</param>
/// <param name="SmsConsent">What the customer agreed to for the number after the change; without it, consent for another number is unknown.</param>
internal sealed record ChangeCustomerRequest(string? Name, string? Phone, string? Timezone, string? PostalCode, string? State, ConsentRequest? SmsConsent);

/// <param name="Reason">Up to 500 characters.</param>
internal sealed record OptOutRequest(string? Reason);

/// <param name="Data">Newest first.</param>
/// <param name="NextCursor">Null: there are no more.</param>
internal sealed record ApiKeyPage(Sms.Contracts.ApiKeyView[] Data, string? NextCursor);

/// <param name="Id">Its id.</param>
/// <param name="ApiKey">Shown this once; only its hash is kept.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record CreatedKey(Guid Id, string ApiKey, Instant CreatedAt);

/// <param name="State">Two letters; absent: everywhere.</param>
/// <param name="From">The first day, on the recipient's calendar: 2026-09-01.</param>
/// <param name="Until">The last day, included.</param>
/// <param name="Reason">Up to 500 characters.</param>
internal sealed record BlackoutRequest(string? State, DateOnly? From, DateOnly? Until, string? Reason);

/// <param name="Body">The text to measure.</param>
/// <param name="SmartEncoding">Whether look-alikes are replaced by characters of GSM-7 first.</param>
/// <param name="Footer">Whether the line that says how to opt out is counted too, as for a message that ends with it.</param>
internal sealed record SegmentsPreviewRequest(string? Body, bool SmartEncoding = false, bool Footer = false);

/// <param name="Timezone">A zone that is known; not with timezones.</param>
/// <param name="Timezones">All must allow it; 1 to 100.</param>
/// <param name="Phone">Where no zone is given, all zones that the number may stand for; and its states.</param>
/// <param name="PostalCode">As of a customer.</param>
/// <param name="State">As of a customer.</param>
/// <param name="At">Default now.</param>
/// <param name="Windows">The shape of settings.quietHours: only these hours count; default: the law of that place.</param>
/// <param name="Profile">strict or statute; default strict.</param>
/// <param name="SenderTimezone">The business's zone; default: none.</param>
internal sealed record QuietHoursPreviewRequest(
    string? Timezone, string[]? Timezones, string? Phone, string? PostalCode, string? State, Instant? At, Dictionary<string, string[]>? Windows,
    string? Profile = null, string? SenderTimezone = null);
