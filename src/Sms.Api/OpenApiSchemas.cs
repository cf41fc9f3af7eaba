using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Sms.Domain.Sending;
using Document = Microsoft.OpenApi.OpenApiDocument;

namespace Sms.Api;

/// <summary>What the types do not tell of the shapes: words, what a client must give, what our own converters write.</summary>
internal static class OpenApiSchemas
{
    private const string Settings = "BusinessSettings";

    private const string PostalCodes =
        "For numbers of the US and Canada a ZIP code in use (02134, 02134-1234) or a Canadian code (K1A 0B1); for those of other countries any text of up to 20 characters, which is kept and not read.";

    private static readonly string[] Statuses = ["pending", "sent", "delivered", "failed", "cancelled"];
    private static readonly string[] Categories = ["marketing", "transactional", "otp"];
    private static readonly string[] Consents = ["opted_in", "opted_out", "unknown"];
    private static readonly string[] Methods = ["verbal_in_person", "phone_call", "service_agreement", "website_form", "sms_keyword", "other"];

    /// <summary>What must be given; a request that is not named needs none of its members.</summary>
    private static readonly Dictionary<string, string[]> Required = new(StringComparer.Ordinal)
    {
        ["BlackoutRequest"] = ["from", "until"],
        ["CreateBusinessRequest"] = ["name"],
        ["CreateCustomerRequest"] = ["phone"],
        ["RecordConsentRequest"] = ["status", "method", "source"],
        ["SegmentsPreviewRequest"] = ["body"],
        ["SendBatchRequest"] = ["messages"],
    };

    private static readonly Dictionary<string, string[]> Words = new(StringComparer.Ordinal)
    {
        ["MessageView.status"] = Statuses,
        ["MessageView.category"] = Categories,
        ["MessageView.encoding"] = ["gsm7", "ucs2"],
        ["SendMessageRequest.category"] = Categories,
        ["AttemptView.state"] = ["open", "unknown"],
        ["RetryView.reason"] = ["quiet_hours", "twilio_error", "rate_limit", "scheduled"],
        ["RetryView.cause"] = WaitWords.All,
        ["DecisionView.timezoneSource"] = ["customer", "postal_code", "state", "area_code", "business"],
        ["DecisionView.reason"] = ["quiet_hours", "rate_limit", "scheduled"],
        ["DecisionView.quietHours"] = ["too_early", "too_late", "closed_day"],
        ["DecisionView.policy"] = ["us_states", "business"],
        ["DecisionView.profile"] = ["strict", "statute"],
        ["EvidenceView.source"] = ["customer", "postal_code", "state", "area_code"],
        ["EvidenceView.use"] = ["clock", "narrowed", "law", "conflict", "ignored", "unreadable"],
        ["HoursRuleView.applies"] = ["text", "call", "device"],
        ["HoursRuleView.profile"] = ["strict", "statute"],
        ["HoursRuleView.confidence"] = ["H", "M", "L"],
        ["ConsentRuleView.consent"] = ["none", "express", "written"],
        ["ConsentRuleView.confidence"] = ["H", "M", "L"],
        ["QuietHoursPreviewRequest.profile"] = ["strict", "statute"],
        ["JurisdictionView.source"] = ["postal_code", "state", "area_code", "timezone"],
        ["ConsentRequest.status"] = Consents,
        ["ConsentRequest.method"] = Methods,
        ["RecordConsentRequest.status"] = Consents,
        ["RecordConsentRequest.method"] = Methods,
        ["ConsentEntry.status"] = [.. Consents, "under_review"],
        ["ConsentEntry.method"] = Methods,
        ["ConsentView.status"] = [.. Consents, "under_review"],
        ["ConsentView.method"] = Methods,
        ["OptOut.source"] = ["business", "keyword", "provider", "consent", "erased"],
        ["Suppression.kind"] = ["opt_out", "unreachable", "under_review"],
        ["Suppression.source"] = ["business", "keyword", "provider", "consent", "erased"],
        ["SegmentsPreview.encoding"] = ["gsm7", "ucs2"],
        ["QuietHoursPreview.reason"] = ["too_early", "too_late", "closed_day"],
        ["Health.status"] = ["live", "ready", "unavailable"],
    };

    private static readonly Dictionary<string, string> Descriptions = new(StringComparer.Ordinal)
    {
        ["CreateBusinessRequest.name"] = "1 to 200 characters, not blank.",
        ["CreateBusinessRequest.timezone"] = "A zone of the tz database; default America/New_York.",
        ["ChangeBusinessRequest.settings"] = "Members that are absent stay; null goes back to the default.",
        ["CreatedBusiness.apiKey"] = "Shown this once; only its hash is kept.",
        ["CreatedKey.apiKey"] = "Shown this once; only its hash is kept.",
        ["ApiKeyView.hint"] = "The key's last four characters.",
        ["CreateCustomerRequest.phone"] = "Any usual way of writing; without a country code it is read in the business's region.",
        ["CreateCustomerRequest.timezone"] = "Where the customer lives, a zone of the tz database.",
        ["CreateCustomerRequest.postalCode"] = PostalCodes,
        ["ChangeCustomerRequest.postalCode"] = PostalCodes,
        ["CustomerView.phone"] = "E.164.",
        ["ChangeCustomerRequest.phone"] = "Consent for the number before is unknown for another one; what waits for the customer goes to it.",
        ["ChangeCustomerRequest.smsConsent"] = "What the customer agreed to for the number after the change.",
        ["ConsentEntry.text"] = "The wording that was shown.",
        ["SegmentsPreviewRequest.footer"] = "Whether the line that says how to opt out is counted too; a body that leaves no room for it is refused as a send would be.",
        ["ConsentEntry.at"] = "When it was given.",
        ["SendMessageRequest.customerId"] = "Exactly one of customerId and to.",
        ["SendMessageRequest.to"] = "A phone number; finds or makes the customer.",
        ["SendMessageRequest.body"] = "Exactly one of body and templateId. 1 character up to the business's bodyLimit; where the text ends with the line that says how to opt out, up to 1,578 UTF-16 units.",
        ["SendMessageRequest.templateId"] = "A template of the business.",
        ["SendMessageRequest.variables"] = "Values for the template's places, 100 at most, each of up to 1,600 UTF-16 units.",
        ["SendMessageRequest.category"] = "Default the business's defaultCategory. Marketing is held to consent, opt-outs, quiet hours and caps; transactional to opt-outs and caps; otp to opt-outs and the admin's ceilings, and goes first. All are held to allowedCountries.",
        ["SendMessageRequest.sendAt"] = "Not before this; within a year.",
        ["SendMessageRequest.validUntil"] = "Not after this: late is failed, not sent. Default for otp: 10 minutes.",
        ["SendMessageRequest.metadata"] = "An object of up to 2 KiB, kept for the client.",
        ["MessageView.to"] = "E.164.",
        ["MessageView.footer"] = "What is added after the body, the line that says how to opt out; counted in the segments.",
        ["MessageView.status"] = "sent: the provider accepted it. pending: it waits, or its attempt is under way or of unknown outcome.",
        ["MessageView.attemptCount"] = "Requests made to the provider; deferrals count nothing.",
        ["MessageView.attempt"] = "The attempt under way (open) or of unknown outcome.",
        ["MessageView.retry"] = "Why and until when it waits.",
        ["MessageView.error"] = "Why it failed, or why it was refused last.",
        ["MessageView.decision"] = "Why it goes when it goes: decided at acceptance, and again at the moment of sending.",
        ["MessageView.metadata"] = "As it was given.",
        ["AttemptView.nextLookupAt"] = "When the provider is asked what became of it; null while the outcome is not unknown.",
        ["ErrorView.code"] = "The provider's code; null when the failure is our own decision.",
        ["DecisionView.timezone"] = "The zone whose clock decided.",
        ["DecisionView.timezones"] = "All zones that the recipient may be in; all of them had to allow it.",
        ["DecisionView.window"] = "Opening and closing hour there; null when the message is not held to hours.",
        ["DecisionView.rule"] = "Which rules were applied.",
        ["DecisionView.tzdb"] = "Version of the time zone database.",
        ["DecisionView.at"] = "The instant that was decided for.",
        ["DecisionView.localTime"] = "The same on the recipient's clock.",
        ["DecisionView.localTimes"] = "The same in each of timezones.",
        ["DecisionView.decidedAt"] = "When it was decided.",
        ["DecisionView.reason"] = "Why it waits; null: it goes.",
        ["DecisionView.quietHours"] = "Why decidedAt is no hour for it; null: it is one, or the message is held to none.",
        ["DecisionView.blockedBy"] = "The rules and blackouts that made it so.",
        ["DecisionView.policy"] = "Null: not held to hours.",
        ["DecisionView.jurisdictions"] = "Whose law may hold there, beside federal law.",
        ["DecisionView.rules"] = "The ids of all rules that had to allow it.",
        ["DecisionView.ruleSet"] = "Version of the rules.",
        ["DecisionView.blackouts"] = "Revision of the blackout calendar.",
        ["DecisionView.openUntil"] = "When the window closes that it goes in.",
        ["DecisionView.cap"] = "The cap on texts to one recipient and what it has counted; null: none holds.",
        ["DecisionView.consentId"] = "The entry of the consent ledger that allows it.",
        ["DecisionView.profile"] = "Which of the law's rules bind; null: it is held to none of them.",
        ["DecisionView.conflict"] = "Two sources contradict each other on where the recipient is: everything that they name had to allow it.",
        ["DecisionView.evidence"] = "What became of each source on where the recipient is; null: there was one, and it decided.",
        ["DecisionView.consentRule"] = "The rule that asks for the most consent; null: none asks for any.",
        ["EvidenceView.source"] = "customer is the time zone, area_code the number.",
        ["EvidenceView.use"] = "clock: its zones had to allow it. narrowed: another source that knows more lies within it. law: only its law counts. conflict: it contradicts another, and both count. ignored: it names no place, as UTC. unreadable: it may be any place.",
        ["JurisdictionView.code"] = "US- and a state or territory, US-XX for one that nobody knows, or a country.",
        ["HoursRuleView.from"] = "The first day; null: always.",
        ["HoursRuleView.until"] = "The day after the last; null: for good.",
        ["HoursRuleView.weekdays"] = "Opening and closing hour from Monday to Friday; null when nothing may be sent.",
        ["HoursRuleView.saturday"] = "Opening and closing hour; null when nothing may be sent on that day.",
        ["HoursRuleView.sunday"] = "Opening and closing hour; null when nothing may be sent on that day.",
        ["HoursRuleView.holidays"] = "The calendars on whose days it is closed.",
        ["HoursRuleView.applies"] = "Whether the law speaks of texts, of calls (and holds for texts by analogy), or of automatic devices.",
        ["HoursRuleView.profile"] = "The mildest settings.quietHoursProfile in which it binds.",
        ["HoursRuleView.clock"] = "A clock besides the recipient's on which the hours must hold: a zone, or sender for the business's; null: none.",
        ["HoursRuleView.pending"] = "It is not law yet, and binds nobody.",
        ["HoursRuleView.stale"] = "It was verified too long ago: until it is compared with the law, the strictest hours of all states hold there too.",
        ["HoursRuleView.confidence"] = "H: the statute was read. M: one good secondary source. L: weak.",
        ["ConsentRuleView.consent"] = "What marketing needs, whatever settings.requireConsent says.",
        ["ConsentRuleView.impliedMonths"] = "For how long a purchase stands in for express consent; null: it does not.",
        ["ConsentRuleView.pending"] = "It is not law yet, and binds nobody.",
        ["HolidayView.calendar"] = "federal, a state or a country.",
        ["HolidayView.closesAt"] = "From then the rest of the day is closed; 00:00: all of it.",
        ["HolidayView.postalCodes"] = "The beginnings of the postal codes where it is kept; empty: everywhere.",
        ["RuleList.holidays"] = "The holidays of that day.",
        ["QuietHoursPreviewRequest.profile"] = "Which of the law's rules are asked; default strict.",
        ["QuietHoursPreviewRequest.senderTimezone"] = "The business's zone, for laws that ask for the sender's clock too; default: they are not asked.",
        ["QuietHoursPreview.rules"] = "When it would be lawful under each rule alone; null with windows.",
        ["RuleAnswer.nextSendTime"] = "The instant asked about when it may; null: none within nine days.",
        ["CapView.hours"] = "Rolling.",
        ["CapView.counted"] = "Marketing handed over to the recipient, or under way, in the hours before.",
        ["CapView.freeAt"] = "When the next may go; null: at once.",
        ["CreateCustomerRequest.state"] = "Two letters of a state or territory of the US.",
        ["ChangeCustomerRequest.state"] = "Two letters of a state or territory of the US.",
        ["BatchResult.index"] = "The entry's place, from 0.",
        ["BatchResult.status"] = "The status that a single send would have had.",
        ["BatchResult.message"] = "Null when it was refused.",
        ["BatchResult.problem"] = "Null when it was accepted.",
        ["Problem.type"] = "Where the code is explained.",
        ["Problem.title"] = "The status in words.",
        ["Problem.detail"] = "One sentence for the client's developer.",
        ["Problem.code"] = "A stable word to branch on.",
        ["Problem.errors"] = "For invalid input: member to what is wrong with it.",
        ["Problem.traceId"] = "Ties the answer to the logs.",
        ["SegmentsPreviewRequest.smartEncoding"] = "Whether look-alikes are replaced by characters of GSM-7 first.",
        ["SegmentsPreview.unitsPerSegment"] = "Septets or UTF-16 units in each segment.",
        ["SegmentsPreview.nonGsm"] = "The characters that force UCS-2.",
        ["QuietHoursPreviewRequest.timezone"] = "One of timezone, timezones and phone; or none, with postalCode or state.",
        ["QuietHoursPreviewRequest.timezones"] = "All must allow it; 1 to 100.",
        ["QuietHoursPreviewRequest.phone"] = "All zones and states that the number may stand for.",
        ["QuietHoursPreviewRequest.postalCode"] = "As of a customer, by the phone; without one, of the US or Canada. Its zones where no timezone is given, and its states.",
        ["QuietHoursPreviewRequest.state"] = "As of a customer: its zones where neither timezone nor postalCode is given, and its law.",
        ["QuietHoursPreviewRequest.at"] = "Default now.",
        ["QuietHoursPreviewRequest.windows"] = "The shape of settings.quietHours: only these hours count; default: the law of that place.",
        ["QuietHoursPreview.decision"] = "What a message would keep of it.",
        ["QuietHoursPreview.nextSendTime"] = "The instant asked about when it may; null: none within nine days.",
        ["QueueStats.due"] = "Pending and overdue.",
        ["QueueStats.processing"] = "Claimed, or with an attempt of unknown outcome.",
        ["QueueStats.held"] = "Pending, but waiting for something that is not time.",
        ["QueueStats.claimedInVain"] = "Claimed three times or more within the last minutes, and nothing came of it.",
        ["QueueStats.pausedBusinesses"] = "Businesses that are paused while texts of theirs wait for that to end; 1,000 at most.",
        ["BlackoutRequest.state"] = "Two letters; absent: everywhere.",
        ["BlackoutRequest.from"] = "The first day, on the recipient's calendar.",
        ["BlackoutRequest.until"] = "The last day, included.",
        ["BlackoutList.revision"] = "Grows with every change; decisions name it.",
        ["Health.detail"] = "What is not as it should be.",
    };

    public static void Describe(Document document)
    {
        var schemas = document.Components!.Schemas!;
        foreach (var (name, schema) in schemas.ToList())
        {
            if (schema is OpenApiSchema own)
                DescribeMembers(name, own);
        }

        // Written by converters of ours, of which the generator knows nothing.
        schemas["Instant"] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time", Description = "RFC 3339; written in UTC, up to microseconds." };
        schemas["JsonElement"] = FreeObject();
        document.AddComponent<IOpenApiSchema>(Settings, OpenApiSettings.Schema());
        document.AddComponent<IOpenApiSchema>("BatchEntry", new OpenApiSchema
        {
            AllOf = [new OpenApiSchemaReference("SendMessageRequest", document)],
            Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal) { ["idempotencyKey"] = Described(JsonSchemaType.String, "As the header of a single send.") },
        });
        Member(schemas, "SendBatchRequest", "messages", new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            MinItems = 1,
            MaxItems = SendBatchRequest.MaxMessages,
            Items = new OpenApiSchemaReference("BatchEntry", document),
        });
        Member(schemas, "EventList", "data", new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Description = "Oldest first; each says what else is known of it.",
            Items = new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Required = new HashSet<string>(StringComparer.Ordinal) { "at", "type" },
                Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
                {
                    ["at"] = new OpenApiSchemaReference("Instant", document),
                    ["type"] = Word("accepted", "deferred", "claimed", "attempt_started", "attempt_failed", "sent", "status", "reconciled", "cancelled", "failed", "requeued"),
                },
                AdditionalProperties = new OpenApiSchema(),
            },
        });
        foreach (var (schema, member) in new[] { ("BusinessView", "settings"), ("CreatedBusiness", "settings"), ("CreateBusinessRequest", "settings"), ("ChangeBusinessRequest", "settings") })
            Member(schemas, schema, member, new OpenApiSchemaReference(Settings, document) { Description = Descriptions.GetValueOrDefault($"{schema}.{member}") });
        Member(schemas, "MessageView", "metadata", FreeObject());
    }

    private static void DescribeMembers(string name, OpenApiSchema schema)
    {
        if (schema.Properties is not { } members)
            return;
        var isRequest = name.EndsWith("Request", StringComparison.Ordinal);
        foreach (var (member, value) in members.ToList())
        {
            var key = $"{name}.{member}";
            if (value is not OpenApiSchema own)
            {
                if (Descriptions.TryGetValue(key, out var said) && value is OpenApiSchemaReference reference)
                    reference.Description = said;
                continue;
            }

            // Ids and instants: strings, which may be null unless the type requires them.
            if (own is { Type: null, Format: not null })
            {
                var always = schema.Required?.Contains(member) == true && !isRequest && !IsOptionalInstant(key);
                own.Type = always ? JsonSchemaType.String : JsonSchemaType.String | JsonSchemaType.Null;
            }

            if (Words.TryGetValue(key, out var words))
                own.Enum = [.. words.Select(w => (JsonNode)w), .. own.Type?.HasFlag(JsonSchemaType.Null) == true ? [JsonNullSentinel.JsonNull] : Array.Empty<JsonNode>()];
            if (Descriptions.TryGetValue(key, out var description))
                own.Description = description;
        }

        // Replies show every member, null when it does not apply; only a problem leaves its errors out.
        schema.Required = isRequest ? Required.GetValueOrDefault(name)?.ToHashSet(StringComparer.Ordinal)
            : members.Keys.Where(m => name != nameof(Problem) || m != "errors").ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Members of positional records are required by their constructor and may be null all the same.</summary>
    private static bool IsOptionalInstant(string key) => key is "AttemptView.nextLookupAt";

    private static void Member(IDictionary<string, IOpenApiSchema> schemas, string schema, string member, IOpenApiSchema shape) =>
        ((OpenApiSchema)schemas[schema]).Properties![member] = shape;

    private static OpenApiSchema FreeObject() => new() { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema() };

    public static OpenApiSchema Described(JsonSchemaType type, string description, JsonNode? fallback = null, string? least = null, string? most = null) =>
        new() { Type = type, Description = description, Default = fallback, Minimum = least, Maximum = most };

    public static OpenApiSchema Word(params string[] words) => new() { Type = JsonSchemaType.String, Enum = [.. words.Select(w => (JsonNode)w)] };
}
