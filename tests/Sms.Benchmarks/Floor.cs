using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>What the same PostgreSQL does when each message is a transaction of its own: pgbench, prepared statements.</summary>
internal static partial class Floor
{
    /// <summary>One row of one table, one commit.</summary>
    public const string BareRow = "insert into bare (t) values ('x');";

    /// <summary>The same record as ours: message, its first event, queue row, with all indexes; no counters, no rules, no HTTP.</summary>
    /// <param name="businesses">Whose: of these one after the other, by chance.</param>
    /// <param name="customers">How many each has.</param>
    /// <param name="rows">Messages to a commit, of one business.</param>
    public static string Record(IReadOnlyList<Guid> businesses, int customers, int rows = 1) => $"""
        \set b random(1, {businesses.Count})
        \set n random(0, {customers - 1})
        \set a random(1, 1000000000)
        with stored as (
          insert into send_logs (id, business_id, customer_id, status, channel, to_phone, body, category, encoding, segments, max_attempts, decision, send_at, created_at, updated_at)
          select md5(:a || clock_timestamp()::text || c.id)::uuid, c.business_id, c.id, 'pending', 'sms', c.phone_e164, 'Hello, your technician is on the way, number ' || :a, 'transactional', 'gsm7', 1, 3, '{Decision}'::jsonb, now() + interval '1 day', now(), now()
          from {(rows == 1 ? "" : $"generate_series(1, {rows}) g cross join ")}customers c
          where c.business_id = (array['{string.Join("','", businesses)}']::uuid[])[:b] and c.phone_e164 = '+1512' || lpad((2000000 + {(rows == 1 ? ":n" : $"(:n + g) % {customers}")})::text, 7, '0') returning id, business_id, customer_id),
        noted as (
          insert into sms.message_events (message_id, business_id, at, type, data)
          select s.id, s.business_id, now(), 'deferred', '{DeferredText}'::jsonb from stored s)
        insert into sms_retry_queue (id, business_id, send_log_id, customer_id, scheduled_for, reason, lane)
        select s.id, s.business_id, s.id, s.customer_id, now() + interval '1 day', 'scheduled', 1 from stored s;
        """;

    /// <summary>As the program writes it for such a text.</summary>
    public const string Decision = """{"timezone":"America/Chicago","timezone_source":"customer","timezones":["America/Chicago"],"rule":"transactional: not held to quiet hours","tzdb":"2026f","at":"2026-11-24T12:00:00+00:00","decided_at":"2026-11-23T12:00:00.057757+00:00","local_time":"2026-11-24 06:00:00","local_times":["2026-11-24 06:00:00"],"reason":"scheduled","jurisdictions":[{"code":"US-TX","source":"area_code"}]}""";
    private const string DeferredText = """{"reason":"scheduled","scheduledFor":"2026-11-24T12:00:00Z"}""";

    /// <returns>Transactions a second; null: there is no pgbench.</returns>
    public static async Task<double?> RunAsync(TestDatabase database, string script, int clients, int seconds)
    {
        var program = Find();
        if (program is null)
            return null;
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, script);
        var to = new NpgsqlConnectionStringBuilder(database.AdminConnectionString);
        var start = new ProcessStartInfo(program,
            ["-n", "-M", "prepared", "-c", $"{clients}", "-j", "2", "-T", $"{seconds}", "-f", file, "-h", to.Host!, "-p", $"{to.Port}", "-U", to.Username!, to.Database!])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PGPASSWORD"] = to.Password;
        using var bench = Process.Start(start)!;
        var errors = bench.StandardError.ReadToEndAsync();
        var output = await bench.StandardOutput.ReadToEndAsync();
        await bench.WaitForExitAsync();
        File.Delete(file);
        return Rate().Match(output) is { Success: true } match
            ? double.Parse(match.Groups["tps"].Value, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"pgbench: {output}{await errors}");
    }

    private static string? Find()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Concat(Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")) : []);
        return folders.Select(f => Path.Combine(f, "pgbench")).FirstOrDefault(File.Exists);
    }

    [GeneratedRegex(@"^tps = (?<tps>[\d.]+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Rate();
}
