using System.Globalization;
using System.Text;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>Durable accepted sends a second.</summary>
internal static class Acceptance
{
    private const int Customers = 2000;

    public static async Task RunAsync(PostgresServer server, int seconds, int rounds)
    {
        await using var rig = await Rig.StartAsync(server);
        await rig.MakeBusinessesAsync(1, Customers);
        await rig.Database.ExecuteAsync("create table bare (id bigint generated always as identity primary key, t text)");
        var (business, key) = rig.Businesses[0];
        var single = new HttpLoad(rig.Silo.Url, key, 202);
        var batch = new HttpLoad(rig.Silo.Url, key, 200);
        var later = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.Parse((await rig.Database.ScalarAsync<string>("select to_char(now() + interval '1 day', 'YYYY-MM-DD')||'T00:00:00Z'"))!, CultureInfo.InvariantCulture).ToUnixTimeSeconds());
        var sendAt = later.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

        var report = new Report("acceptance");
        var (bares, records, singles, batches, p50, p99) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var (cpuOne, walOne, allocatedOne, cpuMany, walMany, allocatedMany) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        await single.RunAsync(32, TimeSpan.FromSeconds(4), n => ($"/v1/businesses/{business}/messages", Entry(n, sendAt), "application/json"));
        for (var round = 0; round < rounds; round++)
        {
            var bare = await Floor.RunAsync(rig.Database, Floor.BareRow, 64, seconds);
            var record = await Floor.RunAsync(rig.Database, Floor.Record(business, Customers), 64, seconds);
            var before = await rig.SpentAsync();
            var one = await single.RunAsync(256, TimeSpan.FromSeconds(seconds), n => ($"/v1/businesses/{business}/messages", Entry(n, sendAt), "application/json"));
            var spentOne = await rig.SpentAsync() - before;
            before = await rig.SpentAsync();
            var many = await batch.RunAsync(8, TimeSpan.FromSeconds(seconds), n => ($"/v1/businesses/{business}/messages/batch", Batch(n, sendAt), "application/json"));
            var spentMany = await rig.SpentAsync() - before;
            if (bare is { } b && record is { } r)
            {
                bares.Add(b);
                records.Add(r);
            }

            singles.Add(one.PerSecond);
            batches.Add(many.PerSecond * 500);
            p50.Add(one.Percentile(.5));
            p99.Add(one.Percentile(.99));
            Note(spentOne, one.Replies, cpuOne, walOne, allocatedOne);
            Note(spentMany, many.Replies * 500, cpuMany, walMany, allocatedMany);
            if (one.Others.Count + many.Others.Count > 0)
                throw new InvalidOperationException($"Unexpected replies: {string.Join(", ", one.Others.Concat(many.Others))}");
        }

        const string Beside = "the same record, one commit each (pgbench, 64)";
        report.Add("one bare row, one commit (pgbench, 64)", "rows/s", bares);
        report.Add("the same record, one commit each (pgbench, 64)", "messages/s", records);
        report.Add("single posts, 256 clients, one business", "messages/s", singles, Beside, records);
        report.Add("batches of 500, 8 clients, one business", "messages/s", batches, Beside, records);
        report.Add("single posts, p50 at the peak", "ms", p50);
        report.Add("single posts, p99 at the peak", "ms", p99);
        report.Add("single posts, CPU of program and PostgreSQL", "µs/message", cpuOne);
        report.Add("single posts, WAL", "B/message", walOne);
        report.Add("single posts, allocated", "B/message", allocatedOne);
        report.Add("batches, CPU of program and PostgreSQL", "µs/message", cpuMany);
        report.Add("batches, WAL", "B/message", walMany);
        report.Add("batches, allocated", "B/message", allocatedMany);

        var half = Report.Median(singles) / 2;
        var (half50, half99) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            var paced = await single.RunAsync(256, TimeSpan.FromSeconds(seconds), n => ($"/v1/businesses/{business}/messages", Entry(n, sendAt), "application/json"), half);
            half50.Add(paced.Percentile(.5));
            half99.Add(paced.Percentile(.99));
        }

        report.Add("single posts, p50 at half the peak", "ms", half50);
        report.Add("single posts, p99 at half the peak", "ms", half99);
        var alone = new List<double>();
        for (var round = 0; round < rounds; round++)
            alone.Add((await single.RunAsync(1, TimeSpan.FromSeconds(2), n => ($"/v1/businesses/{business}/messages", Entry(n, sendAt), "application/json"))).Percentile(.5));
        report.Add("one client alone, p50", "ms", alone);
        await report.SaveAsync();
    }

    private static void Note(Spent spent, long messages, List<double> cpu, List<double> wal, List<double> allocated)
    {
        cpu.Add((spent.Silo + spent.Postgres).TotalMicroseconds / messages);
        wal.Add((double)spent.Wal / messages);
        allocated.Add((double)spent.Allocated / messages);
    }

    private static string Entry(long n, string sendAt) =>
        $$"""{"to":"{{Rig.Phone(n % Customers)}}","body":"Hello, your technician is on the way, number {{n}}","category":"transactional","sendAt":"{{sendAt}}"}""";

    private static string Batch(long n, string sendAt)
    {
        var text = new StringBuilder("{\"messages\":[");
        for (var i = 0; i < 500; i++)
            text.Append(i == 0 ? "" : ",").Append(Entry((n * 500) + i, sendAt));
        return text.Append("]}").ToString();
    }
}
