using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Npgsql;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Benchmarks;

/// <summary>A durable PostgreSQL, a database with the whole schema, and the program as a process of its own.</summary>
internal sealed class Rig : IAsyncDisposable
{
    public const string AuthToken = "a-token-of-the-benchmark";

    private const string AdminKey = "an-admin-key-of-the-benchmark";

    private Rig(PostgresServer server, TestDatabase database, SiloProcess silo) => (Server, Database, Silo) = (server, database, silo);

    public PostgresServer Server { get; }

    public TestDatabase Database { get; }

    public SiloProcess Silo { get; }

    public List<(Guid Id, string Key)> Businesses { get; } = [];

    /// <summary>Settings by which texts go to this address instead of the simulator.</summary>
    public static Dictionary<string, string> Twilio(Uri provider) => new(StringComparer.Ordinal)
    {
        ["SMS_PROVIDER"] = "twilio",
        ["TWILIO_API_BASE_URL"] = provider.GetLeftPart(UriPartial.Authority),
        ["TWILIO_ACCOUNT_SID"] = "AC" + new string('0', 32),
        ["TWILIO_AUTH_TOKEN"] = AuthToken,
        ["TWILIO_PHONE_NUMBER"] = "+15005550006",
    };

    /// <summary>The same, tuned for a provider that answers at once.</summary>
    public static Dictionary<string, string> Drain(Uri provider) => new(Twilio(provider), StringComparer.Ordinal)
    {
        ["Sms__Provider__MaxConcurrency"] = "256",
        ["Sms__Retry__BatchSize"] = "100",
    };

    public static async Task<Rig> StartAsync(PostgresServer server, IReadOnlyDictionary<string, string>? settings = null)
    {
        var database = await server.CreateDatabaseAsync();
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = true }.ConnectionString,
            ["SMS_ADMIN_KEY"] = AdminKey,
            ["SMS_PROVIDER"] = "simulator",
            ["Logging__LogLevel__Default"] = "Warning",
            // As it is shipped: tests have it otherwise.
            ["DOTNET_gcServer"] = "",
            ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "",
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
            all[name] = value;
        var silo = await SiloProcess.StartAsync(all);
        silo.UseKey(AdminKey);
        return new Rig(server, database, silo);
    }

    /// <summary>Businesses without quiet hours of their own, each with so many customers +1512 000 0000 and on.</summary>
    public async Task MakeBusinessesAsync(int count, int customers)
    {
        const string Open = """{"mon":["00:00","24:00"],"tue":["00:00","24:00"],"wed":["00:00","24:00"],"thu":["00:00","24:00"],"fri":["00:00","24:00"],"sat":["00:00","24:00"],"sun":["00:00","24:00"]}""";
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (n, ct) =>
        {
            using var reply = await Silo.Http.PostAsJsonAsync("/v1/businesses", JsonNode.Parse(
                $$"""{"name":"B{{n}}","timezone":"America/Chicago","settings":{"quietHoursPolicy":"business","quietHours":{{Open}},"optOutFooter":"none"} }"""), ct);
            var made = JsonNode.Parse(await reply.Content.ReadAsStringAsync(ct))!;
            lock (Businesses)
                Businesses.Add((Guid.Parse(made["id"]!.GetValue<string>()), made["apiKey"]!.GetValue<string>()));
        });

        await Database.ExecuteAsync(
            $"""
            insert into customers (id, business_id, phone, phone_e164, timezone, sms_consent_status)
            select gen_random_uuid(), b.id, p.phone, p.phone, 'America/Chicago', 'opted_in'
            from (select b.id from businesses b where not exists (select from customers c where c.business_id = b.id)) b
            cross join lateral (select '+1512' || lpad((2000000 + n)::text, 7, '0') as phone from generate_series(0, {customers - 1}) n) p
            """);
        await Database.ExecuteAsync("analyze");
    }

    /// <summary>As the API reads it.</summary>
    public async Task<string> TomorrowAsync() => Text((await Database.ScalarAsync<DateTime>("select now() + interval '1 day'")).ToUniversalTime());

    /// <summary>Has so many texts accepted, over all businesses, that fall due in one near instant, and waits until just before it.</summary>
    /// <param name="texts">In batches of half as many as there are customers, 500 at most.</param>
    /// <param name="customers">Of each business.</param>
    /// <param name="category">Of the texts.</param>
    /// <param name="isTidied">Whether the tables are vacuumed and analyzed before they fall due.</param>
    /// <returns>Texts accepted a second, and the instant.</returns>
    public async Task<(double PerSecond, DateTimeOffset Due)> PostForOneInstantAsync(int texts, int customers, string category = "transactional", bool isTidied = true)
    {
        // A whole second, as it is written.
        var due = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 6 + (texts / 1500));
        var each = Math.Min(customers / 2, 500);
        var accepted = await new HttpLoad(Silo.Url, 200).RunAsync(4, TimeSpan.FromMinutes(1), n => n >= texts / each
            ? null
            : Acceptance.Batch(Businesses[(int)(n % Businesses.Count)], n / Businesses.Count, each, customers, Text(due.UtcDateTime), category));
        if (accepted.Replies != texts / each)
            throw new InvalidOperationException($"Unexpected replies: {string.Join(", ", accepted.Others)}");
        // An entry of a batch may be turned away alone: then it would be waited for without end.
        var stored = await Database.ScalarAsync<long>("select count(*) from sms_retry_queue where status = 'pending' and scheduled_for = $1", due.UtcDateTime);
        if (stored != texts / each * each)
            throw new InvalidOperationException($"{stored} of {texts / each * each} texts were accepted.");
        if (isTidied)
            await Database.ExecuteAsync("vacuum analyze");
        // Just before: nothing has gone yet.
        var wait = due - TimeProvider.System.GetUtcNow() - TimeSpan.FromMilliseconds(200);
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait);
        return (accepted.PerSecond * each, due);
    }

    /// <summary>Until no text waits any more, but for those of another day.</summary>
    /// <param name="gone">Whether all have left, told without the database: until then it is not asked, for a look costs it more than a text.</param>
    /// <param name="due">When they fall due: timed from then on.</param>
    public async Task<LoadResult> SettledAsync(Func<bool>? gone = null, DateTimeOffset? due = null)
    {
        await using var connection = new NpgsqlConnection(Database.AdminConnectionString);
        await connection.OpenAsync();
        await using var look = new NpgsqlCommand(
            "select exists (select from sms_retry_queue where status in ('pending', 'processing') and scheduled_for < now() + interval '1 hour') or exists (select from sms.attempts where state = 'open') or exists (select from sms.attempts where state = 'unknown')",
            connection);
        await look.PrepareAsync();
        var from = due ?? TimeProvider.System.GetUtcNow();
        while (gone?.Invoke() == false || (bool)(await look.ExecuteScalarAsync())!)
            await Task.Delay(20);
        return new LoadResult(1, new Dictionary<int, long>(), TimeProvider.System.GetUtcNow() - from, []);
    }

    /// <summary>Texts that may go at once, from the first request until the last of them is recorded.</summary>
    public async Task<LoadResult> ThroughAsync(StandIn provider, HttpLoad api, int clients, TimeSpan time, Func<long, Post> next, double? perSecond = null)
    {
        var (before, started) = (provider.Taken, Stopwatch.GetTimestamp());
        var posted = await api.RunAsync(clients, time, next, perSecond);
        if (posted.Others.Count > 0)
            throw new InvalidOperationException($"Unexpected replies: {string.Join(", ", posted.Others)}");
        await SettledAsync(() => provider.Taken - before >= posted.Replies);
        var took = Stopwatch.GetElapsedTime(started);
        if (provider.Taken - before != posted.Replies)
            throw new InvalidOperationException($"{provider.Taken - before} requests for {posted.Replies} texts.");
        return posted with { Took = took };
    }

    public async Task SendAsync(int texts, int customers)
    {
        await PostForOneInstantAsync(texts, customers);
        await SettledAsync();
    }

    /// <summary>The sum of a metric over its labels.</summary>
    public async Task<double> MetricAsync(string name)
    {
        var values = (await Silo.Http.GetStringAsync("/metrics")).Split('\n').Where(l => l.StartsWith(name, StringComparison.Ordinal)).ToList();
        return values.Count > 0
            ? values.Sum(l => double.Parse(l.Split(' ')[^1], CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"There is no metric {name}.");
    }

    public static string Phone(long n) => string.Create(CultureInfo.InvariantCulture, $"+1512{2000000 + n:D7}");

    /// <summary>What machine and database spent so far.</summary>
    public async Task<Spent> SpentAsync()
    {
        return new Spent(
            Environment.CpuUsage.TotalTime, Cpu(Silo.Id), await PostgresCpuAsync(),
            (long)(await Database.ScalarAsync<decimal>("select pg_current_wal_lsn() - '0/0'")),
            (long)await MetricAsync("dotnet_gc_heap_total_allocated_bytes_total"));
    }

    public async ValueTask DisposeAsync()
    {
        await Silo.DisposeAsync();
        await Database.DisposeAsync();
    }

    private static string Text(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private async Task<TimeSpan> PostgresCpuAsync()
    {
        var checkpointer = await Database.ScalarAsync<int>("select pid from pg_stat_activity where backend_type = 'checkpointer'");
        var postmaster = Number(Status(checkpointer)[3]);
        // The postmaster is charged for its processes that ended.
        return Directory.EnumerateDirectories("/proc").Select(d => Number(Path.GetFileName(d)))
            .Where(pid => pid > 0 && (pid == postmaster || (Status(pid) is { Length: > 3 } s && Number(s[3]) == postmaster)))
            .Aggregate(TimeSpan.Zero, (sum, pid) => sum + Cpu(pid));
    }

    /// <summary>0: it is none.</summary>
    private static int Number(string text) => int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static TimeSpan Cpu(int process)
    {
        var s = Status(process);
        return s.Length < 16 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(10 * s[13..17].Sum(v => long.Parse(v, CultureInfo.InvariantCulture)));
    }

    /// <summary>The fields of /proc/pid/stat with their own numbering from 0; empty when it ended.</summary>
    private static string[] Status(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            var name = text.LastIndexOf(')');
            return ["", "", .. text[(name + 2)..].Split(' ')];
        }
        catch (IOException)
        {
            return [];
        }
    }
}

/// <summary>CPU of the load, the silo and PostgreSQL, bytes of WAL, bytes allocated by the silo.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Spent(TimeSpan Load, TimeSpan Silo, TimeSpan Postgres, long Wal, long Allocated)
{
    public static Spent operator -(Spent a, Spent b) => new(a.Load - b.Load, a.Silo - b.Silo, a.Postgres - b.Postgres, a.Wal - b.Wal, a.Allocated - b.Allocated);
}
