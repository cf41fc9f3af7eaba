using System.Text.Json.Serialization;

namespace Sms.Contracts;

/// <summary>A client's wish to send one text, checked for its shape but not yet for the rules.</summary>
[GenerateSerializer, Immutable, Alias("sms.send-command")]
public sealed record SendCommand
{
    /// <summary>Minted at the edge, version 7: a call that died with its silo is repeated under the same id.</summary>
    [Id(0)] public required Guid MessageId { get; init; }

    /// <summary>Exactly one of this and <see cref="To"/>.</summary>
    [Id(1)] public Guid? CustomerId { get; init; }

    /// <summary>A phone number as the client wrote it.</summary>
    [Id(2)] public string? To { get; init; }

    /// <summary>Exactly one of this and <see cref="TemplateId"/>.</summary>
    [Id(3)] public string? Body { get; init; }

    [Id(4)] public Guid? TemplateId { get; init; }

    /// <summary>Values for the template's {{names}}.</summary>
    [Id(5)] public Dictionary<string, string>? Variables { get; init; }

    /// <summary>marketing, transactional or otp.</summary>
    [Id(6)] public required string Category { get; init; }

    [Id(7)] public DateTimeOffset? SendAt { get; init; }

    [Id(8)] public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>A JSON object, kept for the client and not looked into.</summary>
    [Id(9)] public string Metadata { get; init; } = "{}";

    [Id(10)] public string? IdempotencyKey { get; init; }

    /// <summary>SHA-256 of the request in hexadecimal: the same key with another request is refused.</summary>
    [Id(11)] public string? RequestHash { get; init; }

    /// <summary>The client did not say the category: it is the business's default, whatever <see cref="Category"/> says.</summary>
    [Id(12)] public bool IsCategoryUnsaid { get; init; }

    /// <summary>It answers a call for help, and is held to no limit of the business and counted in none. No client says so.</summary>
    [Id(13)] public bool IsAnswer { get; init; }
}

/// <summary>How a send was answered: a message, or a refusal.</summary>
[GenerateSerializer, Immutable, Alias("sms.send-reply")]
public sealed record SendReply
{
    [Id(0)] public MessageView? Message { get; init; }

    /// <summary>The message was made by an earlier request with the same idempotency key.</summary>
    [Id(1)] public bool Replayed { get; init; }

    [Id(2)] public Refusal? Refusal { get; init; }
}

/// <summary>An expected "no": nothing was stored.</summary>
/// <param name="Code">A stable word of the HTTP contract.</param>
/// <param name="Detail">One sentence for the client's developer.</param>
[GenerateSerializer, Immutable, Alias("sms.refusal")]
public sealed record Refusal([property: Id(0)] string Code, [property: Id(1)] string Detail)
{
    /// <summary>For invalid input: member to what is wrong with it.</summary>
    [Id(2)] public Dictionary<string, string[]>? Errors { get; init; }

    /// <summary>When the same request may be accepted; null: time alone does not help.</summary>
    [Id(3)] public DateTimeOffset? RetryAt { get; init; }

    /// <summary>The code of a call that was turned away for want of room: nothing of it was written.</summary>
    public const string Unavailable = "unavailable";
}

/// <summary>A message as clients see it. Members that do not apply are null.</summary>
[GenerateSerializer, Immutable, Alias("sms.message-view")]
public sealed record MessageView
{
    [Id(0)] public required Guid Id { get; init; }
    [Id(1)] public required Guid BusinessId { get; init; }
    [Id(2)] public required Guid CustomerId { get; init; }

    /// <summary>E.164.</summary>
    [Id(3)] public required string To { get; init; }
    [Id(4)] public required string Body { get; init; }

    /// <summary>What was added after the body, the line that says how to opt out; counted in the segments.</summary>
    [Id(21)] public string? Footer { get; init; }

    /// <summary>marketing, transactional or otp.</summary>
    [Id(5)] public required string Category { get; init; }

    /// <summary>pending, sent, delivered, failed or cancelled.</summary>
    [Id(6)] public required string Status { get; init; }

    /// <summary>gsm7 or ucs2.</summary>
    [Id(7)] public required string Encoding { get; init; }
    [Id(8)] public required int Segments { get; init; }

    /// <summary>Requests made to the provider; deferrals count nothing.</summary>
    [Id(9)] public required int AttemptCount { get; init; }
    [Id(10)] public required int MaxAttempts { get; init; }

    /// <summary>The attempt under way or of unknown outcome.</summary>
    [Id(11)] public AttemptView? Attempt { get; init; }

    /// <summary>Why and until when it waits.</summary>
    [Id(12)] public RetryView? Retry { get; init; }
    [Id(13)] public ProviderMessageId? ProviderMessageId { get; init; }
    [Id(14)] public ErrorView? Error { get; init; }
    [Id(15)] public DecisionView? Decision { get; init; }

    [Id(16), JsonConverter(typeof(RawJsonConverter))]
    public required string Metadata { get; init; }
    [Id(17)] public required DateTimeOffset CreatedAt { get; init; }
    [Id(18)] public required DateTimeOffset UpdatedAt { get; init; }
    [Id(19)] public DateTimeOffset? SentAt { get; init; }
    [Id(20)] public DateTimeOffset? DeliveredAt { get; init; }
}

/// <param name="Id">The attempt's id, which the provider's callbacks carry.</param>
/// <param name="State">open: its request is under way. unknown: it may or may not have been taken.</param>
/// <param name="StartedAt">When it was recorded, before its request left.</param>
/// <param name="NextLookupAt">When the provider is asked what became of it; null while the outcome is not unknown.</param>
[GenerateSerializer, Immutable, Alias("sms.attempt-view")]
public sealed record AttemptView(
    [property: Id(0)] Guid Id, [property: Id(1)] string State, [property: Id(2)] DateTimeOffset StartedAt,
    [property: Id(3)] DateTimeOffset? NextLookupAt);

/// <param name="Reason">quiet_hours, twilio_error, rate_limit or scheduled.</param>
/// <param name="Cause">What it waits for, more closely: one of the words of <see cref="Sms.Domain.Sending.WaitCause"/>.</param>
/// <param name="ScheduledFor">When it is looked at again; null where nobody knows: it waits for somebody, not for a time.</param>
/// <param name="Code">The provider's code, where that is what it waits for.</param>
[GenerateSerializer, Immutable, Alias("sms.retry-view")]
public sealed record RetryView(
    [property: Id(0)] string Reason, [property: Id(1)] string Cause, [property: Id(2)] DateTimeOffset? ScheduledFor, [property: Id(3)] int? Code = null);

/// <param name="TwilioSid">The provider's id of the message.</param>
[GenerateSerializer, Immutable, Alias("sms.provider-message-id")]
public sealed record ProviderMessageId(
    [property: Id(0), JsonPropertyName("twilio_sid")] string TwilioSid);

/// <param name="Code">The provider's code; null when the failure is our own decision.</param>
/// <param name="Class">What kind of failure.</param>
/// <param name="Message">One sentence.</param>
[GenerateSerializer, Immutable, Alias("sms.error-view")]
public sealed record ErrorView([property: Id(0)] int? Code, [property: Id(1)] string? Class, [property: Id(2)] string? Message);

/// <summary>Why it may go when it goes.</summary>
[GenerateSerializer, Immutable, Alias("sms.decision-view")]
public sealed record DecisionView
{
    [Id(0)] public required string Timezone { get; init; }

    /// <summary>customer, postal_code, state, area_code or business.</summary>
    [Id(1)] public required string TimezoneSource { get; init; }

    /// <summary>All zones that the recipient may be in; all of them had to allow it.</summary>
    [Id(2)] public required string[] Timezones { get; init; }

    /// <summary>Opening and closing hour; null when it is not held to hours.</summary>
    [Id(3)] public string[]? Window { get; init; }
    [Id(4)] public required string Rule { get; init; }

    /// <summary>Version of the time zone database that was used.</summary>
    [Id(5)] public required string Tzdb { get; init; }

    /// <summary>The instant that was decided for: when it goes, or is looked at next.</summary>
    [Id(6)] public required DateTimeOffset At { get; init; }

    /// <summary>The same on the recipient's clock.</summary>
    [Id(7)] public required string LocalTime { get; init; }

    /// <summary>The same on the clock of each of the zones.</summary>
    [Id(8)] public string[]? LocalTimes { get; init; }

    /// <summary>When it was decided.</summary>
    [Id(9)] public DateTimeOffset? DecidedAt { get; init; }

    /// <summary>Why it waits: quiet_hours, scheduled or rate_limit; null: it goes.</summary>
    [Id(10)] public string? Reason { get; init; }

    /// <summary>too_early, too_late or closed_day at the moment of the decision; null: it is an hour for it.</summary>
    [Id(11)] public string? QuietHours { get; init; }

    /// <summary>The rules and blackouts that made it so.</summary>
    [Id(12)] public string[]? BlockedBy { get; init; }

    /// <summary>us_states or business; null: not held to hours.</summary>
    [Id(13)] public string? Policy { get; init; }

    /// <summary>Whose law may hold there, beside federal law.</summary>
    [Id(14)] public JurisdictionView[]? Jurisdictions { get; init; }

    /// <summary>The ids of all rules that had to allow it.</summary>
    [Id(15)] public string[]? Rules { get; init; }

    /// <summary>Version of the rules.</summary>
    [Id(16)] public string? RuleSet { get; init; }

    /// <summary>Revision of the blackout calendar.</summary>
    [Id(17)] public long? Blackouts { get; init; }

    /// <summary>When the window closes that it goes in.</summary>
    [Id(18)] public DateTimeOffset? OpenUntil { get; init; }

    /// <summary>The cap on texts to one recipient, and what it has counted.</summary>
    [Id(19)] public CapView? Cap { get; init; }

    /// <summary>The entry of the consent ledger that allows it.</summary>
    [Id(20)] public Guid? ConsentId { get; init; }

    /// <summary>The version of the business's settings that it was decided by: their history has it.</summary>
    [Id(21)] public long? SettingsVersion { get; init; }

    /// <summary>strict or statute; null: not held to the law's hours.</summary>
    [Id(22)] public string? Profile { get; init; }

    /// <summary>Two sources contradict each other on where the recipient is: all that they name had to allow it.</summary>
    [Id(23)] public bool Conflict { get; init; }

    /// <summary>What became of each source on where the recipient is; null: there was one, and it decided.</summary>
    [Id(24)] public EvidenceView[]? Evidence { get; init; }

    /// <summary>The rule that asks for the most consent; null: none asks for any.</summary>
    [Id(25)] public string? ConsentRule { get; init; }
}

/// <param name="Source">customer (the time zone), postal_code, state or area_code (the number).</param>
/// <param name="Use">clock, narrowed, law, conflict, ignored or unreadable.</param>
/// <param name="Timezones">The zones that it names.</param>
/// <param name="Jurisdictions">The law-givers that it names.</param>
[GenerateSerializer, Immutable, Alias("sms.evidence-view")]
public sealed record EvidenceView(
    [property: Id(0)] string Source, [property: Id(1)] string Use, [property: Id(2)] string[] Timezones, [property: Id(3)] string[] Jurisdictions);

/// <param name="Code">US- and a state or territory, US-XX for one that nobody knows, or a country.</param>
/// <param name="Source">postal_code, state, area_code or timezone.</param>
[GenerateSerializer, Immutable, Alias("sms.jurisdiction-view")]
public sealed record JurisdictionView([property: Id(0)] string Code, [property: Id(1)] string Source);

/// <param name="Rule">The rule that sets it.</param>
/// <param name="Limit">How many texts.</param>
/// <param name="Hours">In how many hours, rolling.</param>
/// <param name="Counted">How many there were in the hours before.</param>
/// <param name="FreeAt">When the next may go; null: at once.</param>
[GenerateSerializer, Immutable, Alias("sms.cap-view")]
public sealed record CapView(
    [property: Id(0)] string Rule, [property: Id(1)] int Limit, [property: Id(2)] int Hours, [property: Id(3)] int Counted,
    [property: Id(4)] DateTimeOffset? FreeAt);

/// <summary>A page of a list.</summary>
/// <param name="Data">Newest first.</param>
/// <param name="NextCursor">Where the next page starts; null on the last.</param>
[GenerateSerializer, Immutable, Alias("sms.message-page")]
public sealed record MessagePage([property: Id(0)] MessageView[] Data, [property: Id(1)] string? NextCursor);

/// <summary>Which messages of a business to list.</summary>
[GenerateSerializer, Immutable, Alias("sms.message-query")]
public sealed record MessageQuery
{
    /// <summary>One of these; so with all lists here. Null: any.</summary>
    [Id(0)] public string[]? Statuses { get; init; }
    [Id(1)] public string[]? Reasons { get; init; }
    [Id(2)] public Guid? CustomerId { get; init; }

    /// <summary>E.164.</summary>
    [Id(3)] public string? To { get; init; }

    /// <summary>Created at or after.</summary>
    [Id(4)] public DateTimeOffset? Since { get; init; }

    /// <summary>Created before.</summary>
    [Id(5)] public DateTimeOffset? Until { get; init; }

    /// <summary>1 to 200.</summary>
    [Id(6)] public int Limit { get; init; } = 50;

    /// <summary>The place to go on from: the last message of the page before.</summary>
    [Id(7)] public DateTimeOffset? BeforeCreatedAt { get; init; }
    [Id(8)] public Guid? BeforeId { get; init; }

    /// <summary>What they wait for: words of <see cref="Sms.Domain.Sending.WaitCause"/>.</summary>
    [Id(9)] public string[]? Causes { get; init; }
    [Id(10)] public string[]? Categories { get; init; }

    /// <summary>The provider's ids.</summary>
    [Id(11)] public string[]? Sids { get; init; }
    [Id(12)] public int[]? ErrorCodes { get; init; }
    [Id(13)] public string[]? ErrorClasses { get; init; }

    /// <summary>Whether it is unknown if the provider took the last attempt; null: either.</summary>
    [Id(14)] public bool? Unknown { get; init; }

    /// <summary>Changed at or after.</summary>
    [Id(15)] public DateTimeOffset? UpdatedSince { get; init; }

    /// <summary>By the member's name, the values that it may have, as text.</summary>
    [Id(16)] public Dictionary<string, string[]>? Metadata { get; init; }
}

/// <summary>How a cancellation was answered.</summary>
[GenerateSerializer, Alias("sms.cancel-outcome")]
public enum CancelOutcome
{
    Cancelled,
    NotFound,
    NotCancellable,
}
