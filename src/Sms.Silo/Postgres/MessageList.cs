using NodaTime;
using Npgsql;
using Sms.Contracts;
using Sms.Domain.Sending;

namespace Sms.Silo.Postgres;

/// <summary>
/// A page of a business's messages, newest first. The filter that leaves fewest is found by an index in the order of the
/// list, and says what only that index may serve, so that a page costs the same among ten messages and among ten million;
/// the other filters are asked of each message found.
/// </summary>
internal static class MessageList
{
    /// <summary>What a message that has an error may be.</summary>
    private static readonly string[] Failing = ["failed", "cancelled", "pending"];

    public static Statement Of(Guid businessId, MessageQuery query, Instant now)
    {
        var parameters = new List<object?> { businessId, now.ToDateTimeUtc() };
        string Add(object value)
        {
            parameters.Add(value);
            return $"${parameters.Count}";
        }

        var way = WayOf(query);
        var where = way.Where;
        if (way.Words is { } words)
            where += $" and {way.Word} = b.word";
        void And(object? value, Func<string, string> condition)
        {
            if (value is not null)
                where += $" and {condition(Add(value is DateTimeOffset time ? time.UtcDateTime : value))}";
        }

        And(query.Sids, p => $"{(way.IsBySid ? "s.twilio_sid" : "m.twilio_sid")} = any ({p})");
        // What the way finds by is not asked of each again.
        And(way.Words == query.Reasons ? null : query.Reasons, p => $"m.retry_reason = any ({p})");
        And(query.Causes, p => $"m.waits_for = any ({p})");
        And(way.Words == query.Statuses ? null : query.Statuses, p => $"{way.Status} = any ({p})");
        And(query.Categories, p => $"m.category = any ({p})");
        And(query.ErrorCodes, p => $"m.error_code = any ({p})");
        And(query.ErrorClasses, p => $"m.error_class = any ({p})");
        And(query.CustomerId, p => $"m.customer_id = {p}");
        And(query.To, p => $"m.to_phone = {p}");
        And(query.Since, p => $"{way.Created} >= {p}");
        And(query.Until, p => $"{way.Created} < {p}");
        And(query.UpdatedSince, p => $"m.updated_at >= {p}");
        if (query.Unknown is { } unknown)
            where += $" and m.attempt_state is {(unknown ? "not " : "")}distinct from 'unknown'";
        foreach (var (key, values) in query.Metadata ?? [])
            And(values, p => $"m.metadata ->> {Add(key)} = any ({p})");
        if (query is { BeforeCreatedAt: { } beforeAt, BeforeId: { } beforeId })
            where += $" and ({way.At}, {way.Id}) < ({Add(beforeAt.UtcDateTime)}, {Add(beforeId)})";

        // One more than asked for tells whether there is a next page.
        var limit = Add(query.Limit + 1);
        var rows = $"from {way.From} where {where} order by {way.At} desc, {way.Id} desc limit {limit}";
        return new Statement(
            way.Words is null
                ? $"select {MessageRow.Columns}, {way.At}, {way.Id} {rows}"
                : $"""
                select {MessageRow.Columns}, m.place_at, m.id
                from unnest({Add(way.Words)}) b (word)
                cross join lateral (select m.*, {way.At} as place_at {rows}) m
                order by m.place_at desc, m.id desc limit {limit}
                """,
            [.. parameters]);
    }

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

    private static Way WayOf(MessageQuery query)
    {
        // What waits for a reason is found in the queue, and listed in its order of acceptance; what has a status, among
        // the states, unless a customer or a number says more.
        if (query.Sids is not null)
            return new Way($"sms.attempts s {MessageOf("s.message_id")}", "m.business_id = $1 and s.business_id = $1", "m.created_at", "m.id") { IsBySid = true };
        if (query.Unknown is true)
            return new Way($"sms.attempts s {MessageOf("s.message_id")}", "m.business_id = $1 and s.business_id = $1 and s.state = 'unknown'", "m.created_at", "m.id");
        if ((query.Reasons ?? ReasonsOf(query.Causes)) is { } reasons)
        {
            return new Way(
                $"public.sms_retry_queue w {MessageOf("w.send_log_id")}", "m.business_id = $1 and w.business_id = $1 and w.status in ('pending', 'processing')",
                "w.accepted_at", "w.send_log_id")
            { Words = reasons, Word = "w.reason::text" };
        }

        if (query.CustomerId is not null)
            return new Way($"{MessageRow.Source(2)} m", "m.channel <> 'email' and m.business_id is not distinct from $1", "m.created_at", "m.id");
        if (query.To is not null)
            return new Way($"{MessageRow.Source(2)} m", "m.channel <> 'email' and m.business_id = $1", "m.created_at", "m.id");
        var statuses = query.Causes is not null ? ["pending"] : query.Statuses ?? (query.ErrorCodes is null && query.ErrorClasses is null ? null : Failing);
        return statuses is null
            ? new Way($"{MessageRow.Source(2)} m", "m.channel <> 'email' and m.business_id = $1 and m.created_at >= '-infinity'", "m.created_at", "m.id")
            : new Way($"sms.message_states s {MessageOf("s.message_id")}", "m.business_id = $1 and s.business_id = $1", "s.created_at", "s.message_id")
            { Words = statuses, Word = "s.status", Status = "s.status", Created = "s.created_at" };
    }

    /// <summary>The reasons of these causes; null: what waits for one of them is not found by its reason.</summary>
    private static string[]? ReasonsOf(string[]? causes)
    {
        var reasons = causes?.Select(WaitWords.ReasonOf).ToList();
        return reasons is null || reasons.Contains(null) ? null : [.. reasons.OfType<string>().Distinct(StringComparer.Ordinal)];
    }

    /// <summary>One look-up for each row of the list, whatever the planner believes of the tables.</summary>
    private static string MessageOf(string id) => $"cross join lateral (select x.* from {MessageRow.Source(2)} x where x.id = {id} limit 1) m";

    /// <summary>By which index a list is read.</summary>
    /// <param name="From">The tables.</param>
    /// <param name="Where">What makes the index the one to take.</param>
    /// <param name="At">The list's order.</param>
    /// <param name="Id">The same among those of one instant.</param>
    private sealed record Way(string From, string Where, string At, string Id)
    {
        /// <summary>The first word of the index, where it has several: each has a list of its own, and they are merged.</summary>
        public string[]? Words { get; init; }
        public string? Word { get; init; }
        public string Status { get; init; } = "m.status";
        public string Created { get; init; } = "m.created_at";
        public bool IsBySid { get; init; }
    }
}
