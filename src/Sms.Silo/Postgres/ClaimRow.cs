using Npgsql;
using Sms.Contracts;

namespace Sms.Silo.Postgres;

/// <summary>A claimed row of the queue, named c in the statement.</summary>
internal static class ClaimRow
{
    public const string Columns =
        "c.id, c.lease_token, c.send_log_id, c.customer_id, c.lane, c.accepted_at, c.scheduled_for::timestamptz, c.reason::text, c.attempt_count::int, c.slot_at";

    /// <summary>How many columns that are.</summary>
    public const int Width = 10;

    public static ClaimedRow Read(NpgsqlDataReader r) => new(
        r.GetGuid(0), r.GetGuid(1), r.GetGuid(2), r.GetGuid(3), r.GetInt16(4), r.Time(5), r.Time(6), r.Text(7), r.GetInt32(8), r.OptionalTime(9));
}
