using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>
/// Whether a past costs anything: the same loads in turns on a fresh database and on one with eight businesses of 100,000
/// texts and one of a million, then again after all of that was rewritten ten times over.
/// </summary>
internal static class WithPast
{
    private const int Small = 8, Texts = 100_000, Texted = 8000, Clients = 256, Times = 10, Warming = 2, Looks = 50;

    /// <summary>Of each business, those that are texted: on both sides as many, so that no text is more of a repetition than another.</summary>
    private const int Customers = BusinessPast.Texted;

    public static async Task RunAsync(PostgresServer server, Load load) => await RunAsync(new Report("past"), server, load, (side, l) => side.MeasureAsync(l), Times);

    /// <summary>The reads alone, without the rewriting, which takes most of an hour.</summary>
    public static async Task RunReadsAsync(PostgresServer server, Load load) =>
        await RunAsync(new Report("past-reads"), server, load, async (side, _) => await side.ReadAsync(), times: 0);

    private static async Task RunAsync(Report report, PostgresServer server, Load load, Func<Side, Load, Task<IReadOnlyList<Measure>>> measure, int times)
    {
        await using var fresh = await Side.StartAsync(server, Customers);
        await using var past = await Side.StartAsync(server, customers: 1);
        // Programs that have run for a while, and plans that were made while there was nothing.
        await fresh.WarmAsync(load, Warming);
        var filled = await BusinessPast.FillAsync(past.Rig, [.. Enumerable.Repeat(Texts, Small), load.Messages]);
        Console.WriteLine($"past: filled in {filled.TotalSeconds:F0} s");
        await past.WarmAsync(load, Warming);

        await CompareAsync(report, load, measure, fresh, past, "with a past", "fresh");
        if (times > 0)
        {
            var rewritten = await BusinessPast.RewriteAsync(past.Rig, times);
            Console.WriteLine($"past: rewritten {times} times in {rewritten.TotalSeconds:F0} s");
            await CompareAsync(report, load, measure, fresh, past, $"rewritten {times} times over", "fresh, again");
        }

        await report.SaveAsync();
    }

    private static async Task CompareAsync(
        Report report, Load load, Func<Side, Load, Task<IReadOnlyList<Measure>>> measure, Side fresh, Side past, string name, string beside)
    {
        var (of, with) = (new List<IReadOnlyList<Measure>>(), new List<IReadOnlyList<Measure>>());
        for (var run = 0; run < load.Runs; run++)
        {
            // Neither is always the first.
            if (run % 2 == 0)
                of.Add(await measure(fresh, load));
            with.Add(await measure(past, load));
            if (run % 2 == 1)
                of.Add(await measure(fresh, load));
        }

        for (var n = 0; n < of[0].Count; n++)
        {
            var (what, unit) = (of[0][n].Name, of[0][n].Unit);
            double[] ours = [.. of.Select(r => r[n].PerSecond)], theirs = [.. with.Select(r => r[n].PerSecond)];
            report.Add($"{what}, {beside}", unit, ours);
            report.Add($"{what}, {name}", unit, theirs, beside, ours, "ratio ≥ 0.85");
        }
    }

    private sealed record Measure(string Name, string Unit, double PerSecond);

    /// <summary>One database with its program and its provider.</summary>
    private sealed class Side : IAsyncDisposable
    {
        private readonly ConcurrentQueue<(string Sid, Uri Url)> _sent = new();
        private readonly StandIn _provider;
        private readonly HttpLoad _posts;
        private readonly HttpLoad _reports;
        private readonly string _tomorrow;
        private long _posted;

        private Side(StandIn provider, Rig rig, string tomorrow)
        {
            (_provider, Rig, _tomorrow) = (provider, rig, tomorrow);
            (_posts, _reports) = (new HttpLoad(rig.Silo.Url, 202), new HttpLoad(rig.Silo.Url, 204));
            provider.OnText = (form, sid) => _sent.Enqueue((sid, Callbacks.Callback(form)));
        }

        public Rig Rig { get; }

        /// <summary>The last of them has the million.</summary>
        public static async Task<Side> StartAsync(PostgresServer server, int customers)
        {
            var provider = await StandIn.StartAsync();
            var rig = await Rig.StartAsync(server, Rig.Drain(provider.Url));
            await rig.MakeBusinessesAsync(Small + 1, customers);
            return new Side(provider, rig, await rig.TomorrowAsync());
        }

        public async Task WarmAsync(Load load, int rounds)
        {
            for (var round = 0; round < rounds; round++)
                await MeasureAsync(load);
        }

        public async Task<IReadOnlyList<Measure>> MeasureAsync(Load load)
        {
            var accepted = await RightAsync(_posts.RunAsync(Clients, load.Time, _ => Next(Small, _tomorrow)));
            var ofOne = await RightAsync(_posts.RunAsync(Clients, load.Time, _ => Next(0, _tomorrow)));
            var through = await RightAsync(Rig.ThroughAsync(_provider, _posts, 64, load.Time, _ => Next(Small, sendAt: null)));
            _sent.Clear();
            var before = _provider.Taken;
            var (_, due) = await Rig.PostForOneInstantAsync(Texted, Customers, "marketing", isTidied: false);
            var drained = await Rig.SettledAsync(() => _provider.Taken - before >= Texted, due);
            var all = _sent.SelectMany(text => Callbacks.Reports.Select(status => Callbacks.Signed(text.Sid, text.Url, status))).ToArray();
            // Of one text one after the other, of different ones at once: in four sweeps.
            var reported = await RightAsync(_reports.RunAsync(Clients, TimeSpan.FromMinutes(1), n => n >= all.Length
                ? null
                : all[(n % Texted * Callbacks.Reports.Length) + (n / Texted)]));
            return
            [
                new("single posts, 256 clients, eight businesses", "messages/s", accepted.PerSecond),
                new("single posts, 256 clients, the business with a million texts", "messages/s", ofOne.PerSecond),
                new("posted, sent and recorded, 64 clients", "texts/s", through.PerSecond),
                new("queue to provider, all recorded", "texts/s", Texted / drained.Took.TotalSeconds),
                new("status reports", "reports/s", reported.PerSecond),
                .. await ReadAsync(),
            ];
        }

        public async Task<Measure[]> ReadAsync() =>
        [
            .. await ReadAsync(Rig.Businesses[0], "one of eight businesses"),
            .. await ReadAsync(Rig.Businesses[Small], "the business with a million texts"),
        ];

        public async ValueTask DisposeAsync()
        {
            await Rig.DisposeAsync();
            await _provider.DisposeAsync();
        }

        private static async Task<LoadResult> RightAsync(Task<LoadResult> load) => await load is { Others.Count: 0 } right
            ? right
            : throw new InvalidOperationException($"Unexpected replies: {string.Join(", ", (await load).Others)}");

        /// <param name="businesses">In turns; none: all to the last.</param>
        /// <param name="sendAt">Null: now.</param>
        private Post Next(int businesses, string? sendAt)
        {
            var n = Interlocked.Increment(ref _posted);
            return businesses == 0
                ? Acceptance.One(Rig.Businesses[Small], n, Customers, sendAt, category: "marketing")
                : Acceptance.One(Rig.Businesses[(int)(n % businesses)], n / businesses, Customers, sendAt, category: "marketing");
        }

        /// <summary>Pages of all kinds, one after the other.</summary>
        private async Task<Measure[]> ReadAsync((Guid Id, string Key) business, string name)
        {
            var all = $"/v1/businesses/{business.Id}";
            var message = await Rig.Database.ScalarAsync<Guid>("select id from send_logs where business_id = $1 and channel = 'sms' and created_at >= '-infinity' order by created_at desc limit 1", business.Id);
            string[] paths =
            [
                $"{all}/messages?limit=20", $"{all}/messages?limit=20&status=sent", $"{all}/messages/{message}", $"{all}/messages/{message}/events",
                $"{all}/customers?limit=20", $"{all}/opt-outs?limit=20", $"{all}/stats",
            ];
            foreach (var path in paths)
                await GetAsync(path, business.Key);
            var started = Stopwatch.GetTimestamp();
            for (var look = 0; look < Looks; look++)
            {
                foreach (var path in paths)
                    await GetAsync(path, business.Key);
            }

            return [new($"reads, one after the other, {name}", "requests/s", Looks * paths.Length / Stopwatch.GetElapsedTime(started).TotalSeconds)];
        }

        private async Task GetAsync(string path, string key)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            using var reply = await Rig.Silo.Http.SendAsync(request);
            reply.EnsureSuccessStatusCode();
            await reply.Content.ReadAsByteArrayAsync();
        }
    }
}
