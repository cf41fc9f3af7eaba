using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>
/// The plans of all statements that a database runs, those within functions and triggers too: each connection sends them
/// as notices (auto_explain), and the driver logs its notices.
/// </summary>
internal sealed partial class CapturedPlans : ILoggerFactory, ILogger
{
    private readonly List<JsonElement> _plans = [];

    public IReadOnlyList<JsonElement> Plans
    {
        get
        {
            lock (_plans)
                return [.. _plans];
        }
    }

    /// <summary>Has every connection made from now on show its plans. Nothing is analyzed meanwhile unless a test asks for it.</summary>
    public static async Task ArrangeAsync(TestDatabase database)
    {
        await database.ExecuteAsync(
            """
            do $do$
            declare
              v_setting text;
              v_table regclass;
            begin
              foreach v_setting in array array['session_preload_libraries = auto_explain', 'auto_explain.log_min_duration = 0',
                'auto_explain.log_analyze = on', 'auto_explain.log_timing = off', 'auto_explain.log_nested_statements = on',
                'auto_explain.log_format = json', 'auto_explain.log_level = notice', 'track_functions = all'] loop
                execute format('alter database %I set %s = %L', current_database(), split_part(v_setting, ' = ', 1), split_part(v_setting, ' = ', 2));
              end loop;
              for v_table in select c.oid from pg_class c where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'sms'::regnamespace) loop
                execute format('alter table %s set (autovacuum_enabled = off)', v_table);
              end loop;
            end $do$
            """);
    }

    public void Clear()
    {
        lock (_plans)
            _plans.Clear();
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
        // It is its own.
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id != NpgsqlEventId.ReceivedNotice || state is not IReadOnlyList<KeyValuePair<string, object?>> values)
            return;
        var text = values.Select(v => v.Value).OfType<string>().FirstOrDefault(v => v.StartsWith("duration:", StringComparison.Ordinal));
        if (text is null)
            return;
        using var plan = JsonDocument.Parse(text[text.IndexOf('{', StringComparison.Ordinal)..]);
        lock (_plans)
            _plans.Add(plan.RootElement.Clone());
    }

    public void Dispose()
    {
        // Nothing is held.
    }

    /// <summary>The text of a statement, without comments, each white space one blank.</summary>
    public static string Words(string sql) => White().Replace(Comment().Replace(sql, " "), " ").Trim();

    [GeneratedRegex(@"--[^\n]*", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s+", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex White();
}

/// <summary>What is wrong with a plan, whatever it costs today.</summary>
/// <param name="indexes">Of each index the expressions of its key, in their order.</param>
/// <param name="tables">Whose reading counts.</param>
/// <param name="most">Rows that one node may touch.</param>
/// <param name="whole">Words of a statement, and the table that it reads whole on purpose.</param>
internal sealed partial class PlanRules(IReadOnlyDictionary<string, string[]> indexes, IReadOnlySet<string> tables, int most, IReadOnlyList<(string Words, string Table)> whole)
{
    public IEnumerable<string> Faults(JsonElement explained)
    {
        var query = CapturedPlans.Words(explained.GetProperty("Query Text").GetString()!);
        foreach (var fault in Nodes(explained.GetProperty("Plan")).SelectMany(n => Of(n, query)))
            yield return $"{fault}: {(query.Length > 400 ? query[..400] + "…" : query)}";
    }

    private static IEnumerable<JsonElement> Nodes(JsonElement node) => node.TryGetProperty("Plans", out var parts)
        ? parts.EnumerateArray().SelectMany(Nodes).Prepend(node)
        : [node];

    private IEnumerable<string> Of(JsonElement node, string query)
    {
        var type = Text(node, "Node Type");
        var (loops, rows) = (Number(node, "Actual Loops"), Number(node, "Actual Rows"));
        var unmatched = Number(node, "Rows Removed by Join Filter") * loops;
        // Short lists may be joined to each other, a list and a table may not.
        if (unmatched > most * 60)
            yield return $"{type} throws away {unmatched.ToString(CultureInfo.InvariantCulture)} rows by its join filter";

        var table = Text(node, "Relation Name");
        if (!tables.Contains(table) || whole.Any(w => w.Table == table && query.Contains(w.Words, StringComparison.Ordinal)))
            yield break;
        if (type is "Seq Scan")
            yield return $"Seq Scan of {table}";
        var touched = (rows + Number(node, "Rows Removed by Filter") + Number(node, "Rows Removed by Index Recheck")) * loops;
        if (type.EndsWith("Scan", StringComparison.Ordinal) && touched > most)
            yield return $"{type} of {table} by {Text(node, "Index Name")} touches {touched.ToString(CultureInfo.InvariantCulture)} rows";
        if (indexes.TryGetValue(Text(node, "Index Name"), out var keys))
        {
            // What only says which index it is asks for nothing.
            var (condition, filter) = (Whichever().Replace(Text(node, "Index Cond"), ""), Text(node, "Filter"));
            var known = keys.Select(k => IsAsked(condition, k)).ToArray();
            if (known.SkipWhile(k => k).Any(k => k))
                yield return $"{Text(node, "Index Name")} is searched by {condition}, not by its first columns";
            if (keys.FirstOrDefault(k => Parts(filter).Any(p => Regex.IsMatch(p, $@"^\(*(?:\w+\.)?{Regex.Escape(k)} = ", RegexOptions.None, TimeSpan.FromSeconds(1)))) is { } left)
                yield return $"{Text(node, "Index Name")} is not searched by {left}, which is known: {filter}";
        }
    }

    /// <summary>The conditions that all have to hold.</summary>
    private static List<string> Parts(string filter)
    {
        var (parts, depth, from) = (new List<string>(), 0, 0);
        for (var at = 0; at < filter.Length; at++)
        {
            depth += filter[at] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 1 && string.CompareOrdinal(filter, at, " AND ", 0, 5) == 0)
            {
                parts.Add(filter[from..at]);
                from = at + 5;
            }
        }

        parts.Add(filter[from..]);
        return parts.ConvertAll(p => p.Contains(" OR ", StringComparison.Ordinal) ? "" : p);
    }

    [GeneratedRegex(@"\(\w+ >= '(?:-infinity|00000000-0000-0000-0000-000000000000)'::[\w ]+\)", RegexOptions.None, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Whichever();

    private static bool IsAsked(string condition, string key) => Regex.IsMatch(
        condition, $@"(?<![\w.])(?:\w+\.)?{Regex.Escape(key)}(?:\)?::\w+)? (?:=|<|>|<=|>=|IS NOT NULL)(?= |\)|$)|ROW\((?:[^)]*, )?(?:\w+\.)?{Regex.Escape(key)}[,)]",
        RegexOptions.None, TimeSpan.FromSeconds(1));

    private static string Text(JsonElement node, string name) => node.TryGetProperty(name, out var value) ? value.GetString()! : "";

    private static double Number(JsonElement node, string name) => node.TryGetProperty(name, out var value) ? value.GetDouble() : 0;
}
