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
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"bare {bare:F0}/s  record {record:F0}/s  single {one.PerSecond:F0}/s ({one.PerSecond / record:F2}x) p50 {one.Percentile(.5):F1} p99 {one.Percentile(.99):F1} ms  batch {many.PerSecond * 500:F0}/s ({many.PerSecond * 500 / record:F2}x)  others {string.Join(',', one.Others.Concat(many.Others))}"));
            Console.WriteLine($"  single: {spentOne.Per(one.Replies)}");
            Console.WriteLine($"  batch:  {spentMany.Per(many.Replies * 500)}");
        }
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
