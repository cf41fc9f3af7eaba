using System.Text.Json;
using System.Text.Json.Serialization;
using NodaTime;
using Npgsql;
using NpgsqlTypes;
using Sms.Contracts;
using Sms.Domain.Failures;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>The rows of the group functions, as JSON whose members are the columns of their composite types.</summary>
internal static class Rows
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static NpgsqlParameter Json<T>(IEnumerable<T> rows) =>
        new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = JsonSerializer.SerializeToUtf8Bytes(rows, Options) };

    public static object Of(int n, Guid business, SendCommand c, string? phone, string? sender, Instant since) => new
    {
        N = n,
        BusinessId = business,
        c.CustomerId,
        Phone = phone,
        Key = c.IdempotencyKey,
        c.MessageId,
        c.TemplateId,
        Sender = sender,
        Marketing = c.Category is "marketing",
        Since = Utc(since),
    };

    public static object Of(AcceptedMessage m) => new
    {
        m.Id,
        m.BusinessId,
        m.CustomerId,
        NewCustomer = m.IsNewCustomer,
        Phone = m.To.E164,
        ByCustomer = m.IsByCustomer,
        m.TemplateId,
        m.Body,
        m.Footer,
        Category = m.Category.ToWire(),
        m.Encoding,
        m.Segments,
        m.MaxAttempts,
        m.Metadata,
        Decision = Decision(m.Decision),
        SendAt = Utc(m.NotBefore),
        ValidUntil = Utc(m.ValidUntil),
        AcceptedAt = Utc(m.AcceptedAt),
        SlotAt = Utc(m.SlotAt),
        m.Claim?.LeaseToken,
        LeaseUntil = Utc(m.Claim?.LeaseUntil),
        m.Lane,
        Key = m.IdempotencyKey,
        m.RequestHash,
        ScheduledFor = Utc(m.ScheduledFor),
        Reason = m.Cause?.ToReason(),
        Cause = m.Cause?.ToWire(),
        m.CauseCode,
        m.Sender,
        Month = m.Month?.ToDateOnly(),
        MonthlyLimit = m.MonthlyMessageLimit,
        m.SettingsVersion,
    };

    public static object Of(BeginAttempt b) => new
    {
        b.QueueId,
        Phone = b.To?.E164,
        b.LeaseToken,
        b.BusinessId,
        AttemptId = b.Attempt.Id,
        b.Attempt.Owner,
        b.Attempt.Sender,
        StartedAt = Utc(b.StartedAt),
        LeaveBy = Utc(b.Attempt.LeaveBy),
        Decision = b.IsDecisionStored ? null : Decision(b.Decision),
        b.Segments,
        Day = b.Day?.ToDateOnly(),
        b.ConsentId,
        DailyLimit = b.DailySegmentLimit,
        Cap = b.Decision.Cap?.Limit,
        CapHours = b.Decision.Cap?.Hours,
        b.SettingsVersion,
    };

    public static object Of(SettledAttempt s) => new
    {
        s.AttemptId,
        s.BusinessId,
        s.Outcome,
        s.TwilioSid,
        s.ErrorCode,
        ErrorClass = s.ErrorClass?.ToWire(),
        s.ErrorMessage,
        At = Utc(s.At),
        ScheduledFor = Utc(s.ScheduledFor),
        Reason = s.Cause?.ToReason(),
        Cause = s.Cause?.ToWire(),
        s.Suppress,
        LookupAt = Utc(s.LookupAt),
        CheckAt = Utc(s.CheckAt),
    };

    public static object Of(ReleasedClaim r) => new
    {
        r.QueueId,
        r.LeaseToken,
        r.BusinessId,
        r.Action,
        At = Utc(r.At),
        ScheduledFor = Utc(r.ScheduledFor),
        Reason = r.Cause?.ToReason(),
        Cause = r.Cause?.ToWire(),
        SlotAt = Utc(r.SlotAt),
        r.Held,
        Decision = r.Decision is null ? null : Decision(r.Decision),
        r.ErrorCode,
        r.ErrorClass,
        r.ErrorMessage,
    };

    /// <summary>What is kept of a decision: the view's own words, so that it is shown as it was stored.</summary>
    private static DecisionView Decision(DecisionRecord decision) => MessageViews.Of(decision);

    private static DateTimeOffset? Utc(Instant? at) => at?.ToDateTimeOffset();

    /// <summary>Reads a decision that <see cref="Decision"/> wrote.</summary>
    public static DecisionView? ReadDecision(string json) => JsonSerializer.Deserialize<DecisionView>(json, Options);
}
