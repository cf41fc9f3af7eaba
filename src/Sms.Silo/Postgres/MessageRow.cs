using Npgsql;
using Sms.Contracts;

namespace Sms.Silo.Postgres;

/// <summary>A row of the view sms.messages as clients see it.</summary>
internal static class MessageRow
{
    public const string Columns = """
        m.id, m.business_id, m.customer_id, coalesce(m.to_phone, ''), m.body, m.category, m.status, m.encoding, m.segments,
        m.attempt_count, m.max_attempts, coalesce(m.metadata::text, '{}'), m.decision::text, m.twilio_sid, m.error_code, m.error_class,
        m.error_message, m.created_at, m.updated_at, m.sent_at, m.delivered_at, m.retry_reason, m.retry_at, m.attempt_id,
        m.attempt_state, m.attempt_started_at, m.footer, m.attempt_next_lookup_at, m.waits_for, m.retry_held, m.retry_code
        """;

    /// <summary>How many columns that are.</summary>
    public const int Width = 31;

    /// <summary>Where they are read from.</summary>
    /// <param name="now">The number of the parameter that is the present.</param>
    public static string Source(int now) => $"(select v.*, sms.wait_cause(v, ${now}) as waits_for from sms.messages v)";

    public static MessageView Read(NpgsqlDataReader r)
    {
        var attempt = r.Optional<Guid?>(23) is { } id ? new AttemptView(id, r.GetString(24), r.Time(25), r.Optional<DateTimeOffset?>(27)) : null;
        return new MessageView
        {
            Id = r.GetGuid(0),
            BusinessId = r.GetGuid(1),
            CustomerId = r.GetGuid(2),
            To = r.GetString(3),
            Body = r.GetString(4),
            Footer = r.Text(26),
            Category = r.GetString(5),
            Status = r.GetString(6),
            Encoding = r.GetString(7),
            Segments = r.GetInt32(8),
            AttemptCount = r.GetInt32(9),
            MaxAttempts = r.GetInt32(10),
            Metadata = r.GetString(11),
            Decision = r.Text(12) is { } decision ? Rows.ReadDecision(decision) : null,
            ProviderMessageId = r.Text(13) is { } sid ? new ProviderMessageId(sid) : null,
            Error = r.IsDBNull(14) && r.IsDBNull(15) && r.IsDBNull(16) ? null : new ErrorView(r.Optional<int?>(14), r.Text(15), r.Text(16)),
            CreatedAt = r.Time(17),
            UpdatedAt = r.Time(18),
            SentAt = r.OptionalTime(19),
            DeliveredAt = r.OptionalTime(20),
            Retry = r.Text(28) is { } cause ? ReadRetry(r, cause) : null,
            Attempt = attempt,
        };
    }

    /// <summary>What is held, or waits for others, has no time.</summary>
    private static RetryView ReadRetry(NpgsqlDataReader r, string cause) => new(
        r.Text(21) ?? "scheduled", cause, cause is "busy" or "turn" || !r.IsDBNull(29) ? null : r.OptionalTime(22),
        cause is "busy" or "turn" or "paused" ? null : r.Optional<int?>(30));
}
