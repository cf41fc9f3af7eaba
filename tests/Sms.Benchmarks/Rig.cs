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
    private const string AdminKey = "an-admin-key-of-the-benchmark";

    private Rig(PostgresServer server, TestDatabase database, SiloProcess silo) => (Server, Database, Silo) = (server, database, silo);

    public PostgresServer Server { get; }

    public TestDatabase Database { get; }

    public SiloProcess Silo { get; }

    public List<(Guid Id, string Key)> Businesses { get; } = [];

    public static async Task<Rig> StartAsync(PostgresServer server, IReadOnlyDictionary<string, string>? settings = null)
    {
        var database = await server.CreateDatabaseAsync();
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = true }.ConnectionString,
            ["SMS_ADMIN_KEY"] = AdminKey,
            ["SMS_PROVIDER"] = "simulator",
            ["Logging__LogLevel__Default"] = "Warning",
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

    public static string Phone(long n) => string.Create(CultureInfo.InvariantCulture, $"+1512{2000000 + n:D7}");

    /// <summary>What machine and database spent so far.</summary>
    public async Task<Spent> SpentAsync()
    {
        var metrics = await Silo.Http.GetStringAsync("/metrics");
        var allocated = metrics.Split('\n').First(l => l.StartsWith("dotnet_gc_heap_total_allocated_bytes_total", StringComparison.Ordinal));
        return new Spent(
            Environment.CpuUsage.TotalTime, Cpu(Silo.Id), await PostgresCpuAsync(),
            (long)(await Database.ScalarAsync<decimal>("select pg_current_wal_lsn() - '0/0'")),
            (long)double.Parse(allocated.Split(' ')[^1], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await Silo.DisposeAsync();
        await Database.DisposeAsync();
    }

    private async Task<TimeSpan> PostgresCpuAsync()
    {
        var postmaster = await Database.ScalarAsync<int>("select pid from pg_stat_activity where backend_type = 'checkpointer'");
        var parent = Status(postmaster)[3];
        return Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(d => int.TryParse(d, CultureInfo.InvariantCulture, out _))
            .Select(d => int.Parse(d!, CultureInfo.InvariantCulture))
            .Where(pid => Status(pid) is { Length: > 3 } s && string.Equals(s[3], parent, StringComparison.Ordinal))
            .Aggregate(TimeSpan.Zero, (sum, pid) => sum + Cpu(pid));
    }

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
