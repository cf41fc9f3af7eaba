using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Sms.Domain.Sending;
using Document = Microsoft.OpenApi.OpenApiDocument;

namespace Sms.Api;

/// <summary>
/// What the document says of each call beyond its endpoint. Handlers read the request themselves, so that each mistake
/// gets its own words: parameters and problems cannot be inferred and are told here, by the call's name.
/// </summary>
internal static partial class OpenApiOperations
{
    private const string ProblemType = "application/problem+json";
    private const string JsonType = "application/json";

    private static readonly Query[] Page =
    [
        new("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "200", Default = 50 }, "How many, at most."),
        new("cursor", Text(), "The nextCursor of the page before."),
    ];

    /// <summary>Where a body is no part of the call, and one with members is refused.</summary>
    private static readonly string[] Unasked = ["malformed_json", "request_timeout", "payload_too_large", "validation_failed", "invalid_text"];

    private static readonly string[] Sending =
    [
        "idempotency_key_reused", "invalid_idempotency_key", "invalid_phone", "customer_not_found", "body_required", "body_too_long", "unknown_template",
        "consent_required", "consent_under_review", "opted_out", "recipient_unreachable", "country_not_allowed", "sender_not_allowed", "no_lawful_window", "no_rule_for_country", "expired", "business_paused", "settings_unreadable", "message_deleted", "monthly_limit_reached", "sms_disabled",
    ];

    private static readonly Dictionary<string, Notes> ByName = new(StringComparer.Ordinal)
    {
        ["createBusiness"] = new() { Codes = ["admin_key_required", "invalid_timezone", "sender_not_allowed"], Request = OpenApiExamples.CreateBusiness, Replies = { ["201"] = OpenApiExamples.CreatedBusiness } },
        ["listBusinesses"] = new()
        {
            Codes = ["admin_key_required", "validation_failed"],
            Queries = [new("query", Text(), "Only those whose name has this text, in whatever case, or whose id it is."), .. Page],
        },
        ["findMessage"] = new() { Codes = ["admin_key_required"], Replies = { ["200"] = OpenApiExamples.Sent } },
        ["findMessages"] = new()
        {
            Codes = ["admin_key_required", "validation_failed", "invalid_phone"],
            Queries = [new("to", Text(), "The number; it must be given. Without a country code it is read in the US."), .. Page],
        },
        ["getBusiness"] = new() { Replies = { ["200"] = OpenApiExamples.Business } },
        ["changeBusiness"] = new() { Codes = ["invalid_timezone", "sender_not_allowed", "limit_above_ceiling"], Request = OpenApiExamples.ChangeBusiness, Replies = { ["200"] = OpenApiExamples.Business } },
        ["createCustomer"] = new()
        {
            Codes = ["invalid_phone", "invalid_timezone"],
            Request = OpenApiExamples.CreateCustomer,
            Replies = { ["200"] = OpenApiExamples.Customer, ["201"] = OpenApiExamples.Customer },
        },
        ["listCustomers"] = new() { Codes = ["validation_failed", "invalid_phone"], Queries = [new("phone", Text(), "Only the customer with this number."), .. Page] },
        ["getCustomer"] = new() { Replies = { ["200"] = OpenApiExamples.Customer } },
        ["changeCustomer"] = new()
        {
            Codes = ["invalid_phone", "invalid_timezone", "phone_in_use"],
            Request = OpenApiExamples.ChangeCustomer,
            Replies = { ["200"] = OpenApiExamples.Customer },
        },
        ["exportCustomer"] = new() { Codes = ["validation_failed"], Queries = Page },
        ["listConsent"] = new() { Codes = ["validation_failed"], Queries = Page },
        ["recordConsent"] = new() { Request = OpenApiExamples.RecordConsent },
        ["sendMessage"] = new()
        {
            Codes = Sending,
            TakesKey = true,
            Request = OpenApiExamples.SendMessage,
            Replies = { ["202"] = OpenApiExamples.Waiting, ["200"] = OpenApiExamples.Waiting },
        },
        ["sendMessages"] = new() { Codes = ["invalid_idempotency_key"], TakesKey = true, Request = OpenApiExamples.SendBatch },
        ["listMessages"] = new()
        {
            Codes = ["validation_failed", "invalid_phone"],
            Queries =
            [
                new("status", Several("pending", "sent", "delivered", "failed", "cancelled"), "Only those with this status, or one of these, with commas between them: so with all lists here."),
                new("reason", Several("quiet_hours", "twilio_error", "rate_limit", "scheduled"), "Only those that wait for this reason."),
                new("cause", Several(WaitWords.All), "Only those that wait for this, more closely."),
                new("category", Several("marketing", "transactional", "otp"), "Only those of this category."),
                new("sid", Several(), "Only the one with this SID of Twilio's."),
                new("errorCode", Several(), "Only those that ended, or were put off, with this code of Twilio's."),
                new("errorClass", Several(), "Only those whose error is of this class."),
                new("unknown", Words("true", "false"), "Only those of which it is unknown whether Twilio took them; false: all others."),
                new("updatedSince", Text("date-time"), "Changed at this instant or later."),
                new("metadata.KEY", Text(), "Only those whose metadata has this value in the member KEY."),
                new("customerId", Text("uuid"), "Only those to this customer."),
                new("to", Text(), "Only those to this number."),
                new("since", Text("date-time"), "Created at this instant or later."),
                new("until", Text("date-time"), "Created before this instant."),
                .. Page,
            ],
        },
        ["getMessage"] = new() { Replies = { ["200"] = OpenApiExamples.Sent } },
        ["listMessageEvents"] = new() { Codes = ["validation_failed"], Queries = Page, Replies = { ["200"] = OpenApiExamples.Events } },
        ["cancelMessage"] = new() { Codes = ["not_cancellable", .. Unasked] },
        ["retryMessage"] = new() { Codes = ["not_retryable", .. Unasked] },
        ["createApiKey"] = new() { Codes = ["too_many_keys", .. Unasked] },
        ["listApiKeys"] = new() { Codes = ["validation_failed"], Queries = Page },
        ["listOptOuts"] = new() { Codes = ["validation_failed"], Queries = Page },
        ["addOptOut"] = new() { Codes = ["invalid_phone"], Request = OpenApiExamples.OptOut },
        ["removeOptOut"] = new() { Codes = ["invalid_phone"] },
        ["listSuppressions"] = new()
        {
            Codes = ["validation_failed"],
            Queries = [new("kind", Words("opt_out", "unreachable", "under_review"), "Only those of this kind."), .. Page],
        },
        ["removeSuppression"] = new()
        {
            Codes = ["invalid_phone", "validation_failed"],
            Queries = [new("kind", Words("opt_out", "unreachable", "under_review"), "Which one ends; it must be given.")],
        },
        ["previewSegments"] = new() { Codes = ["body_too_long"], Request = OpenApiExamples.Segments, Replies = { ["200"] = OpenApiExamples.SegmentsReply } },
        ["previewQuietHours"] = new()
        {
            Codes = ["invalid_phone", "invalid_timezone", "no_rule_for_country"],
            Request = OpenApiExamples.QuietHours,
            Replies = { ["200"] = OpenApiExamples.QuietHoursReply },
        },
        ["listRules"] = new()
        {
            Codes = ["validation_failed"],
            Queries = [new("on", new OpenApiSchema { Type = JsonSchemaType.String, Format = "date" }, "The day; default today, in UTC.")],
        },
        ["listBlackouts"] = new()
        {
            Codes = ["admin_key_required", "validation_failed"],
            Queries = [new("revision", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0" }, "As they were then: a decision names the revision that it was made by.")],
        },
        ["listBlackoutHistory"] = new() { Codes = ["admin_key_required", "validation_failed"], Queries = Page },
        ["listSettingsHistory"] = new()
        {
            Codes = ["validation_failed"],
            Queries = [new("version", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0" }, "Only this one: a decision names the version that it was made by."), .. Page],
        },
        ["putBlackout"] = new() { Codes = ["admin_key_required"], Request = """{"state": "LA", "from": "2026-09-01", "until": "2026-09-14", "reason": "state of emergency"}""" },
        ["deleteBlackout"] = new() { Codes = ["admin_key_required"] },
        ["getQueueStats"] = new() { Codes = ["admin_key_required"], Replies = { ["200"] = OpenApiExamples.QueueStats } },
    };

    /// <summary>The query parameters that a call has.</summary>
    /// <param name="name">The call's.</param>
    public static string[] QueryNames(string? name) => [.. (ByName.GetValueOrDefault(name ?? "")?.Queries ?? []).Select(q => q.Name)];

    public static async Task DescribeAsync(Document document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Components ??= new OpenApiComponents();
        document.Components.Schemas ??= new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal);
        if (!document.Components.Schemas.ContainsKey(nameof(Problem)))
            document.AddComponent<IOpenApiSchema>(nameof(Problem), await context.GetOrCreateSchemaAsync(typeof(Problem), null, cancellationToken));

        foreach (var (path, item) in document.Paths)
        {
            foreach (var (_, operation) in item.Operations ?? [])
                Describe(document, path, operation);
        }
    }

    private static void Describe(Document document, string path, OpenApiOperation operation)
    {
        var notes = ByName.GetValueOrDefault(operation.OperationId ?? "") ?? new Notes();
        operation.Parameters = [.. PathParameters(path), .. notes.Queries.Select(Parameter), .. notes.TakesKey ? [KeyParameter()] : Array.Empty<OpenApiParameter>()];
        if (Json(operation.RequestBody?.Content) is { } request && notes.Request is { } example)
            request.Example = JsonNode.Parse(example);
        // The reason may be left out, and the body with it.
        if (operation is { OperationId: "addOptOut", RequestBody: OpenApiRequestBody optional })
            optional.Required = false;
        operation.Responses ??= [];
        // What an operation transformer may have said of all problems at once is said of each.
        operation.Responses.Remove("default");
        foreach (var (status, text) in notes.Replies)
        {
            if (Json(operation.Responses[status].Content) is { } reply)
                reply.Example = JsonNode.Parse(text);
        }

        if (notes.TakesKey)
            DescribeReplay(operation.Responses["200"], operation.OperationId is "sendMessages"
                ? "What became of each entry, in the order given. A key of the whole batch stands for the entries that have none of their own."
                : "The message that an earlier request with the same idempotency key made.");
        if (path.StartsWith("/v1/", StringComparison.Ordinal))
            AddProblems(document, operation, [.. Common(path, operation), .. notes.Codes]);
        else
            operation.Security = [];
        if (path.StartsWith("/webhooks/", StringComparison.Ordinal))
            DescribeWebhook(document, operation);
    }

    /// <summary>What every call of its kind may answer.</summary>
    private static IEnumerable<string> Common(string path, OpenApiOperation operation)
    {
        yield return "unauthorized";
        if (path.Contains('{', StringComparison.Ordinal))
            yield return "not_found";
        if (operation.RequestBody is not null)
        {
            foreach (var code in new[] { "malformed_json", "request_timeout", "payload_too_large", "unsupported_media_type", "validation_failed", "invalid_text" })
                yield return code;
        }

        yield return "too_many_requests";
        yield return "internal_error";
        yield return "unavailable";
    }

    private static void AddProblems(Document document, OpenApiOperation operation, string[] codes)
    {
        foreach (var status in codes.Distinct(StringComparer.Ordinal).Select(ErrorCodes.Get).GroupBy(c => c.Status).OrderBy(g => g.Key))
        {
            var isLater = status.Key is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable;
            operation.Responses![status.Key.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = string.Join('\n', status.OrderBy(c => c.Code, StringComparer.Ordinal).Select(c => $"- `{c.Code}`: {c.Meaning}")),
                Headers = isLater
                    ? new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal)
                    {
                        ["Retry-After"] = new OpenApiHeader { Description = "Seconds to wait.", Schema = new OpenApiSchema { Type = JsonSchemaType.Integer } },
                    }
                    : null,
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    [ProblemType] = new() { Schema = new OpenApiSchemaReference(nameof(Problem), document) },
                },
            };
        }
    }

    private static void DescribeWebhook(Document document, OpenApiOperation operation)
    {
        operation.Parameters =
        [
            .. operation.Parameters ?? [],
            new OpenApiParameter { Name = "X-Twilio-Signature", In = ParameterLocation.Header, Required = true, Description = "Over SMS_PUBLIC_URL, path, query and form.", Schema = Text() },
        ];
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Description = "Twilio's parameters.",
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                ["application/x-www-form-urlencoded"] = new() { Schema = new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = Text() } },
            },
        };
        AddProblems(document, operation, ["invalid_signature", "request_timeout", "payload_too_large", "validation_failed", "internal_error", "unavailable"]);
    }

    private static void DescribeReplay(IOpenApiResponse replay, string description)
    {
        replay.Description = description;
        ((OpenApiResponse)replay).Headers = new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal)
        {
            ["Idempotent-Replayed"] = new OpenApiHeader { Description = "true", Schema = Text() },
        };
    }

    private static IEnumerable<OpenApiParameter> PathParameters(string path) => PathPlaces().Matches(path).Select(m => m.Groups["name"].Value).Select(name => new OpenApiParameter
    {
        Name = name,
        In = ParameterLocation.Path,
        Required = true,
        Description = name == "phone" ? "A phone number; without a country code it is read in the business's region." : null,
        Schema = name == "phone" ? Text() : path == "/v1/messages/{messageId}" ? Text() : Text("uuid"),
        Example = name == "phone" ? "+15125551234" : null,
    });

    private static OpenApiParameter Parameter(Query query) => new()
    {
        Name = query.Name,
        In = ParameterLocation.Query,
        Description = query.Description,
        Schema = query.Schema,
        Style = query.Schema.Type == JsonSchemaType.Array ? ParameterStyle.Form : null,
        Explode = query.Schema.Type != JsonSchemaType.Array,
    };

    private static OpenApiParameter KeyParameter() => new()
    {
        Name = "Idempotency-Key",
        In = ParameterLocation.Header,
        Description = "1 to 255 visible ASCII characters, kept for 24 hours at least. The same key and request: the same message, 200, Idempotent-Replayed: true.",
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 255, Pattern = "^[!-~]+$" },
        Example = "job-42",
    };

    private static OpenApiMediaType? Json(IDictionary<string, OpenApiMediaType>? content) =>
        content is not null && content.TryGetValue(JsonType, out var json) ? json : null;

    private static OpenApiSchema Text(string? format = null) => new() { Type = JsonSchemaType.String, Format = format };

    /// <summary>A list, with commas between its values; without words, of any text.</summary>
    private static OpenApiSchema Several(params string[] words) => new() { Type = JsonSchemaType.Array, Items = words.Length == 0 ? Text() : Words(words) };

    private static OpenApiSchema Words(params string[] words) => new() { Type = JsonSchemaType.String, Enum = [.. words.Select(w => (JsonNode)w)] };

    [GeneratedRegex("\\{(?<name>[A-Za-z]+)\\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PathPlaces();

    private sealed record Query(string Name, OpenApiSchema Schema, string Description);

    private sealed class Notes
    {
        /// <summary>Codes that this call may answer, beyond those of its kind.</summary>
        public string[] Codes { get; init; } = [];

        public Query[] Queries { get; init; } = [];

        public bool TakesKey { get; init; }

        /// <summary>An example of the request.</summary>
        public string? Request { get; init; }

        /// <summary>Status to an example of the reply.</summary>
        public Dictionary<string, string> Replies { get; } = new(StringComparer.Ordinal);
    }
}
