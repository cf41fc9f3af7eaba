using System.Text.Json.Serialization;

namespace Sms.Contracts;

/// <summary>One entry of a message's history.</summary>
/// <param name="At">When.</param>
/// <param name="Type">accepted, deferred, claimed, attempt_started, attempt_failed, sent, status, reconciled, cancelled, failed or requeued.</param>
/// <param name="Data">What else is known of it, a JSON object.</param>
[GenerateSerializer, Immutable, Alias("sms.message-event")]
public sealed record MessageEvent(
    [property: Id(0)] DateTimeOffset At, [property: Id(1)] string Type,
    [property: Id(2), JsonConverter(typeof(RawJsonConverter))] string Data);

/// <summary>A page of a message's history, oldest first.</summary>
[GenerateSerializer, Immutable, Alias("sms.event-page")]
public sealed record EventPage([property: Id(0)] MessageEvent[] Data, [property: Id(1)] string? NextCursor);

/// <summary>How a retry was answered.</summary>
[GenerateSerializer, Alias("sms.retry-outcome")]
public enum RetryOutcome
{
    Requeued,
    NotFound,
    NotRetryable,
}

/// <summary>Changes of a customer; null members stay.</summary>
[GenerateSerializer, Immutable, Alias("sms.change-customer")]
public sealed record ChangeCustomer
{
    [Id(0)] public required Guid Id { get; init; }
    [Id(1)] public string? Name { get; init; }

    /// <summary>As the client wrote it.</summary>
    [Id(2)] public string? Phone { get; init; }
    [Id(3)] public string? Timezone { get; init; }
    [Id(4)] public string? PostalCode { get; init; }

    /// <summary>Two letters of a state or territory of the US.</summary>
    [Id(5)] public string? State { get; init; }

    /// <summary>Consent for the number that the customer has after the change; null: nothing is said of it.</summary>
    [Id(6)] public ConsentView? Consent { get; init; }

    /// <summary>Who changes it: a key's id or admin.</summary>
    [Id(7)] public string Actor { get; init; } = "admin";

    /// <summary>The id of the ledger's entry, if consent is entered.</summary>
    [Id(8)] public Guid ConsentId { get; init; }

    /// <summary>The wording to which the customer agreed; null: none is known.</summary>
    [Id(9)] public string? ConsentText { get; init; }
}

/// <summary>An entry of the consent ledger.</summary>
[GenerateSerializer, Immutable, Alias("sms.consent-entry")]
public sealed record ConsentEntry
{
    [Id(0)] public required Guid Id { get; init; }
    [Id(1)] public required Guid CustomerId { get; init; }

    /// <summary>opted_in, opted_out, unknown or under_review.</summary>
    [Id(2)] public required string Status { get; init; }
    [Id(3)] public string? Method { get; init; }
    [Id(4)] public string? Source { get; init; }

    /// <summary>When it was given.</summary>
    [Id(5)] public required DateTimeOffset At { get; init; }
    [Id(6)] public string? Notes { get; init; }
    [Id(7)] public string? Ip { get; init; }

    /// <summary>The wording that was shown.</summary>
    [Id(8)] public string? Text { get; init; }

    /// <summary>When it was written down.</summary>
    [Id(9)] public required DateTimeOffset RecordedAt { get; init; }

    /// <summary>SHA-256 of the wording in UTF-8, hexadecimal; null: no wording was given.</summary>
    [Id(10)] public string? TextHash { get; init; }

    /// <summary>Who wrote it down: a key's id, admin, recipient (a reply), adopted (known before there was a ledger) or a login of the database.</summary>
    [Id(11)] public string? Actor { get; init; }

    /// <summary>The number that it is about, E.164.</summary>
    [Id(12)] public string? Phone { get; init; }
}

/// <summary>A page of the consent ledger, oldest first.</summary>
[GenerateSerializer, Immutable, Alias("sms.consent-page")]
public sealed record ConsentPage([property: Id(0)] ConsentEntry[] Data, [property: Id(1)] string? NextCursor);

/// <summary>That a customer's person was erased.</summary>
/// <param name="At">When.</param>
/// <param name="Actor">Whose key asked for it.</param>
/// <param name="IsComplete">False while attempts of unknown outcome need the number and text of their messages.</param>
[GenerateSerializer, Immutable, Alias("sms.erasure")]
public sealed record Erasure([property: Id(0)] DateTimeOffset At, [property: Id(1)] string Actor, [property: Id(2)] bool IsComplete);

/// <summary>All that is known of a customer.</summary>
[GenerateSerializer, Immutable, Alias("sms.customer-export")]
public sealed record CustomerExport
{
    /// <summary>Null once it was erased.</summary>
    [Id(0)] public CustomerView? Customer { get; init; }

    /// <summary>Null unless it was erased.</summary>
    [Id(1)] public Erasure? Erasure { get; init; }

    /// <summary>The consent ledger, oldest first, as far as a page of it goes.</summary>
    [Id(2)] public required ConsentEntry[] Consent { get; init; }

    /// <summary>What stands on the suppression list about the customer's numbers, oldest first.</summary>
    [Id(3)] public required OptOut[] OptOuts { get; init; }

    /// <summary>The messages with their decisions, newest first.</summary>
    [Id(4)] public required MessageView[] Messages { get; init; }

    /// <summary>Of each message in turn its history, oldest first, as far as a page of it goes.</summary>
    [Id(5)] public required MessageEvent[][] Events { get; init; }

    /// <summary>Where the next part starts; null: there are no more messages.</summary>
    [Id(6)] public string? NextCursor { get; init; }

    /// <summary>Where the ledger goes on; null: it is whole.</summary>
    [Id(7)] public string? NextConsentCursor { get; init; }
}

/// <summary>A number that may not be texted.</summary>
/// <param name="Phone">E.164.</param>
/// <param name="Reason">In somebody's words.</param>
/// <param name="Source">business: entered by a key. keyword: the recipient told the sender to stop. provider: the provider reported it. consent: the number was withdrawn in the consent ledger. erased: the customer had withdrawn before it was erased.</param>
/// <param name="CreatedAt">Since when.</param>
[GenerateSerializer, Immutable, Alias("sms.opt-out")]
public sealed record OptOut(
    [property: Id(0)] string Phone, [property: Id(1)] string? Reason, [property: Id(2)] string Source, [property: Id(3)] DateTimeOffset CreatedAt);

/// <summary>A number to which texts are refused, and why.</summary>
/// <param name="Phone">E.164.</param>
/// <param name="Kind">opt_out: no text may go to it. unreachable: it is known to be bad. under_review: a reply may be a withdrawal, and no marketing may go to it.</param>
/// <param name="Reason">In somebody's words.</param>
/// <param name="Source">As of an opt-out.</param>
/// <param name="ErrorCode">The provider's code, where it reported it.</param>
/// <param name="CreatedAt">Since when.</param>
[GenerateSerializer, Immutable, Alias("sms.suppression")]
public sealed record Suppression(
    [property: Id(0)] string Phone, [property: Id(1)] string Kind, [property: Id(2)] string? Reason, [property: Id(3)] string Source,
    [property: Id(4)] int? ErrorCode, [property: Id(5)] DateTimeOffset CreatedAt);

/// <summary>A page of suppressions, newest first.</summary>
[GenerateSerializer, Immutable, Alias("sms.suppression-page")]
public sealed record SuppressionPage([property: Id(0)] Suppression[] Data, [property: Id(1)] string? NextCursor);

/// <summary>Whose key it is.</summary>
/// <param name="BusinessId">The business.</param>
/// <param name="KeyId">The key.</param>
[GenerateSerializer, Immutable, Alias("sms.key-owner")]
public sealed record KeyOwner([property: Id(0)] Guid BusinessId, [property: Id(1)] Guid KeyId);

/// <summary>A key as it can be shown after its creation.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Hint">Its last four characters.</param>
/// <param name="CreatedAt">When it was made.</param>
[GenerateSerializer, Immutable, Alias("sms.api-key-view")]
public sealed record ApiKeyView([property: Id(0)] Guid Id, [property: Id(1)] string Hint, [property: Id(2)] DateTimeOffset CreatedAt);

/// <summary>A page of customers, newest first.</summary>
[GenerateSerializer, Immutable, Alias("sms.customer-page")]
public sealed record CustomerPage([property: Id(0)] CustomerView[] Data, [property: Id(1)] string? NextCursor);

/// <summary>A page of the suppression list, newest first.</summary>
[GenerateSerializer, Immutable, Alias("sms.opt-out-page")]
public sealed record OptOutPage([property: Id(0)] OptOut[] Data, [property: Id(1)] string? NextCursor);

/// <summary>The place and length of a page.</summary>
/// <param name="Limit">1 to <see cref="MaxLimit"/>.</param>
/// <param name="BeforeCreatedAt">The last item of the page before.</param>
/// <param name="BeforeId">Its id.</param>
[GenerateSerializer, Immutable, Alias("sms.page-request")]
public sealed record PageRequest([property: Id(0)] int Limit, [property: Id(1)] DateTimeOffset? BeforeCreatedAt, [property: Id(2)] Guid? BeforeId)
{
    /// <summary>The most items of one page.</summary>
    public const int MaxLimit = 200;

    /// <summary>The first page, as long as it may be.</summary>
    public static PageRequest First { get; } = new(MaxLimit, null, null);
}

/// <summary>A business's figures.</summary>
[GenerateSerializer, Immutable, Alias("sms.business-stats")]
public sealed record BusinessStats
{
    /// <summary>Messages by status.</summary>
    [Id(0)] public required Dictionary<string, long> ByStatus { get; init; }

    /// <summary>Messages that wait or are in hand, by reason.</summary>
    [Id(1)] public required Dictionary<string, long> ByRetryReason { get; init; }

    /// <summary>Segments handed to the provider on the present day of the business's calendar.</summary>
    [Id(2)] public required int SegmentsToday { get; init; }

    /// <summary>Segments of the messages accepted in the present month.</summary>
    [Id(3)] public required int SegmentsThisMonth { get; init; }
    [Id(4)] public required int MessagesThisMonth { get; init; }

    /// <summary>Since when the longest overdue message is due; null: none is.</summary>
    [Id(5)] public DateTimeOffset? OldestDue { get; init; }
}

/// <summary>The queue over all businesses.</summary>
[GenerateSerializer, Immutable, Alias("sms.queue-stats")]
public sealed record QueueStats
{
    [Id(0)] public required long Pending { get; init; }

    /// <summary>Pending and due. When more than 10,000 fell due within the present minute: all that fall due in it.</summary>
    [Id(1)] public required long Due { get; init; }

    /// <summary>Claimed, or with an attempt of unknown outcome.</summary>
    [Id(2)] public required long Processing { get; init; }

    /// <summary>Pending, but waiting for something that is not time.</summary>
    [Id(3)] public required long Held { get; init; }

    /// <summary>For how long the longest overdue row is due; null: none is.</summary>
    [Id(4)] public double? OldestDueAgeSeconds { get; init; }

    /// <summary>Pending and processing, by reason.</summary>
    [Id(5)] public required Dictionary<string, long> ByReason { get; init; }

    /// <summary>Attempts of unknown outcome: the provider is being asked what became of them.</summary>
    [Id(6)] public long Unknown { get; init; }

    /// <summary>For how long the longest of them is unknown; null: none is.</summary>
    [Id(7)] public double? OldestUnknownAgeSeconds { get; init; }

    /// <summary>Rows that were claimed three times or more within the last minutes and came to nothing.</summary>
    [Id(8)] public long ClaimedInVain { get; init; }

    /// <summary>Businesses that are paused while texts of theirs wait for that to end.</summary>
    [Id(9)] public long PausedBusinesses { get; init; }
}
