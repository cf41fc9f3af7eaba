using Sms.Testing.Databases;
namespace Sms.Benchmarks;
internal static class Scratch
{
    public static async Task RunAsync(PostgresServer server, Load load)
    {
        if (Environment.GetEnvironmentVariable("EXPLAIN") is not null)
        {
            await using var d = await server.CreateEmptyDatabaseAsync();
            foreach (var x in new[] { "session_preload_libraries = 'auto_explain'" })
                await d.ExecuteAsync("alter system set " + x);
            await d.ExecuteAsync("select pg_reload_conf()");
            await Task.Delay(500);
            foreach (var x in new[] { "auto_explain.log_nested_statements = on", "auto_explain.log_analyze = on", "auto_explain.log_timing = off" })
                await d.ExecuteAsync("alter system set " + x);
            await d.ExecuteAsync("select pg_reload_conf()");
            await Task.Delay(500);
        }
        await using var rig = await Rig.StartAsync(server);
        await rig.MakeBusinessesAsync(1, 2000);
        await rig.MakeBusinessesAsync(1000, 20);
        var hot = rig.Businesses[0];
        var sendAt = await rig.TomorrowAsync();
        var single = new HttpLoad(rig.Silo.Url, 202);
        Post OfHot(long n) => Acceptance.One(hot, n, 2000, sendAt);
        Post OfMany(long n) => Acceptance.One(rig.Businesses[1 + (int)(n % 1000)], n / 1000, 20, sendAt);
        await single.RunAsync(32, TimeSpan.FromSeconds(3), OfHot);
        if (Environment.GetEnvironmentVariable("EXPLAIN") is not null)
        {
            await rig.Database.ExecuteAsync("alter system set auto_explain.log_min_duration = 0"); await rig.Database.ExecuteAsync("select pg_reload_conf()"); await Task.Delay(500);
            await single.RunAsync(1, TimeSpan.FromSeconds(2), OfHot);
            await Task.Delay(3000);
            return;
        }
        async Task Do(string name, int clients, double? rate, Func<long, Post> of, int seconds = 3)
        {
            var b = await rig.SpentAsync();
            var r = await single.RunAsync(clients, TimeSpan.FromSeconds(seconds), of, rate);
            var s = await rig.SpentAsync() - b;
            Console.WriteLine($"{name} c={clients} rate={rate}: {r.PerSecond:F0}/s p50 {r.Percentile(.5):F1} p90 {r.Percentile(.9):F1} p99 {r.Percentile(.99):F1} silo {s.Silo.TotalMicroseconds / r.Replies:F0} pg {s.Postgres.TotalMicroseconds / r.Replies:F0} load {s.Load.TotalMicroseconds / r.Replies:F0} wal {s.Wal / r.Replies} alloc {s.Allocated / r.Replies}");
        }
        for (var i = 0; i < load.Runs; i++)
        {
            if (Environment.GetEnvironmentVariable("ALONE") is { } sec) { await Do("alone", 1, null, OfHot, int.Parse(sec, System.Globalization.CultureInfo.InvariantCulture)); return; }
            await Do("alone", 1, null, OfHot);
            await Do("peak", 256, null, OfHot);
            await Do("rate", 256, 300, OfHot);
            await Do("rate", 256, 700, OfHot);
            await Do("rate", 256, 1100, OfHot);
            await Do("many", 256, null, OfMany);
        }
    }
}
