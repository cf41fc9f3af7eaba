using Npgsql;
using Sms.Contracts;

namespace Sms.Silo.Postgres;

/// <summary>
/// A page of a business's messages, newest first. Each filter has an index in the order of the list, and says what only
/// that index may serve, so that a page costs the same among ten messages and among ten million.
/// </summary>
internal static class MessageList
{
    public static Statement Of(Guid businessId, MessageQuery query)
    {
        // What waits for a reason is found in the queue, and listed in its order of acceptance; what has a status, among
        // the states, unless a customer or a number says more.
        var (from, where, status, created, at, id) = query switch
        {
            { Reason: not null } => (
                $"public.sms_retry_queue w {MessageOf("w.send_log_id")}",
                "m.business_id = $1 and w.business_id = $1 and w.status in ('pending', 'processing')",
                "m.status", "m.created_at", "w.accepted_at", "w.send_log_id"),
            { Status: not null, CustomerId: null, To: null } => (
                $"sms.message_states s {MessageOf("s.message_id")}",
                "m.business_id = $1 and s.business_id = $1",
                "s.status", "s.created_at", "s.created_at", "s.message_id"),
            { CustomerId: not null } => (
                "sms.messages m", "m.channel <> 'email' and m.business_id is not distinct from $1", "m.status", "m.created_at", "m.created_at", "m.id"),
            { To: not null } => ("sms.messages m", "m.channel <> 'email' and m.business_id = $1", "m.status", "m.created_at", "m.created_at", "m.id"),
            _ => (
                "sms.messages m", "m.channel <> 'email' and m.business_id = $1 and m.created_at >= '-infinity'",
                "m.status", "m.created_at", "m.created_at", "m.id"),
        };
        var parameters = new List<object?> { businessId };
        void And(object? value, string condition)
        {
            if (value is null)
                return;
            parameters.Add(value is DateTimeOffset time ? time.UtcDateTime : value);
            where += $" and {condition.Replace("$", $"${parameters.Count}", StringComparison.Ordinal)}";
        }

        And(query.Reason, "w.reason::text = $");
        And(query.Status, $"{status} = $");
        And(query.CustomerId, "m.customer_id = $");
        And(query.To, "m.to_phone = $");
        And(query.Since, $"{created} >= $");
        And(query.Until, $"{created} < $");
        if (query is { BeforeCreatedAt: { } beforeAt, BeforeId: { } beforeId })
        {
            parameters.Add(beforeAt.UtcDateTime);
            parameters.Add(beforeId);
            where += $" and ({at}, {id}) < (${parameters.Count - 1}, ${parameters.Count})";
        }

        // One more than asked for tells whether there is a next page.
        parameters.Add(query.Limit + 1);
        return new Statement(
            $"select {MessageRow.Columns}, {at}, {id} from {from} where {where} order by {at} desc, {id} desc limit ${parameters.Count}",
            [.. parameters]);
    }

    /// <summary>One look-up for each row of the list, whatever the planner believes of the tables.</summary>
    private static string MessageOf(string id) => $"cross join lateral (select x.* from sms.messages x where x.id = {id} limit 1) m";

    public static async Task<MessagePage> ReadAsync(NpgsqlDataReader reader, int limit)
    {
        var rows = new List<MessageView>();
        string? next = null;
        while (await reader.ReadAsync())
        {
            if (rows.Count == limit)
                return new MessagePage([.. rows], next);
            rows.Add(MessageRow.Read(reader));
            next = PageCursor.After(reader.Time(MessageRow.Width), reader.GetGuid(MessageRow.Width + 1));
        }

        return new MessagePage([.. rows], NextCursor: null);
    }
}
