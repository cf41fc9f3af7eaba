using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using System.Web;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>Signed status reports a second: of each text four, in their order, as Twilio makes them.</summary>
internal static class Callbacks
{
    private const int Businesses = 20, Customers = 1000, Texts = 8000, Clients = 256, Warming = 2;

    public static readonly string[] Reports = ["queued", "sending", "sent", "delivered"];

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        await using var provider = await StandIn.StartAsync();
        await using var rig = await Rig.StartAsync(server, Rig.Drain(provider.Url));
        await rig.MakeBusinessesAsync(Businesses, Customers);
        var sent = new ConcurrentQueue<(string Sid, Uri Url)>();
        void Keep(string form, string sid) => sent.Enqueue((sid, Callback(form)));
        provider.OnText = Keep;
        var tomorrow = await rig.TomorrowAsync();
        var api = new HttpLoad(rig.Silo.Url, 202);
        var webhooks = new HttpLoad(rig.Silo.Url, 204);

        // A program that has run for a while: its code is compiled for good.
        await RoundsAsync(Warming);
        var (posts, texts, through, reports) = await RoundsAsync(load.Runs);
        await AllDeliveredAsync((Warming + load.Runs) * Texts);
        var whole = new Series();
        for (var run = 0; run < load.Runs; run++)
            await whole.AddAsync(rig, WholeAsync);

        var report = new Report("callbacks");
        report.Add("single posts, 256 clients, one business", "messages/s", posts.Rates);
        report.Add("queue to provider, all recorded", "texts/s", texts.Rates);
        report.Add("posted, sent and recorded, 64 clients, 20 businesses", "texts/s", through.Rates);
        report.Add($"status reports, {Clients} connections", "reports/s", reports.Rates, "single posts", posts.Rates);
        report.Add($"status reports, {Clients} connections (again)", "reports/s", reports.Rates, "queue to provider", texts.Rates);
        report.Add($"status reports, {Clients} connections (again)", "reports/s", reports.Rates, "posted, sent and recorded", through.Rates, "ratio ≥ 4");
        report.Add("posted, sent, recorded and reported four times each, all at once", "texts/s", whole.Rates);
        report.Add("status reports beside that", "reports/s", [.. whole.Rates.Select(r => r * Reports.Length)]);
        reports.AddLatency(report, "status reports at the peak");
        reports.AddCosts(report, "status reports", "report");
        await report.SaveAsync();

        Post Now(long n) => Acceptance.One(rig.Businesses[(int)(n % Businesses)], n / Businesses, Customers, sendAt: null);

        // As in operation: while texts are posted and sent, the provider reports on those that it took.
        async Task<LoadResult> WholeAsync()
        {
            var before = await DeliveredAsync();
            var due = Channel.CreateUnbounded<Post[]>();
            provider.OnText = (form, sid) => due.Writer.TryWrite([.. Reports.Select(status => Signed(sid, Callback(form), status))]);
            var reporting = webhooks.RunAsync(64, due.Reader);
            var started = Stopwatch.GetTimestamp();
            var posted = await rig.ThroughAsync(provider, api, 64, load.Time, Now);
            due.Writer.Complete();
            var reported = await reporting;
            var took = Stopwatch.GetElapsedTime(started);
            provider.OnText = Keep;
            if (reported.Replies != posted.Replies * Reports.Length)
                throw new InvalidOperationException($"{reported.Replies} of {posted.Replies * Reports.Length} reports were taken; else {string.Join(", ", reported.Others)}");
            await AllDeliveredAsync(before + posted.Replies);
            return posted with { Took = took };
        }

        Task<long> DeliveredAsync() => rig.Database.ScalarAsync<long>("select count(*) from send_logs where status = 'delivered'");

        async Task AllDeliveredAsync(long texts)
        {
            if (await DeliveredAsync() is var delivered && delivered != texts)
                throw new InvalidOperationException($"{delivered} of {texts} texts are delivered.");
        }

        async Task<(Series Posts, Series Texts, Series Through, Series Reports)> RoundsAsync(int rounds)
        {
            var (posts, texts, through, reports) = (new Series(), new Series(), new Series(), new Series());
            for (var round = 0; round < rounds; round++)
            {
                await posts.AddAsync(rig, () => api.RunAsync(256, load.Time, n => Acceptance.One(rig.Businesses[0], n, Customers, tomorrow)));
                await through.AddAsync(rig, () => rig.ThroughAsync(provider, api, 64, load.Time, Now));
                sent.Clear();
                var (_, due) = await rig.PostForOneInstantAsync(Texts, Customers);
                await texts.AddAsync(rig, () => rig.SettledAsync(() => sent.Count >= Texts, due), Texts);
                var all = sent.SelectMany(text => Reports.Select(status => Signed(text.Sid, text.Url, status))).ToArray();
                // Of one text one after the other, of different ones at once: in four sweeps.
                await reports.AddAsync(rig, () => webhooks.RunAsync(Clients, TimeSpan.FromMinutes(1), n => n >= all.Length
                    ? null
                    : all[(n % Texts * Reports.Length) + (n / Texts)]));
            }

            return (posts, texts, through, reports);
        }
    }

    public static Uri Callback(string form) => new(HttpUtility.ParseQueryString(form)["StatusCallback"]!);

    public static Post Signed(string sid, Uri url, string status)
    {
        // In the order of their names, as they are signed.
        var form = new[] { ("AccountSid", "AC" + new string('0', 32)), ("From", "+15005550006"), ("MessageSid", sid), ("MessageStatus", status), ("To", Rig.Phone(0)) };
        var signed = url.GetLeftPart(UriPartial.Query) + string.Concat(form.Select(p => p.Item1 + p.Item2));
#pragma warning disable CA5350 // SHA-1 is the provider's choice.
        var signature = Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(Rig.AuthToken), Encoding.UTF8.GetBytes(signed)));
#pragma warning restore CA5350
        return new Post(url.PathAndQuery, $"X-Twilio-Signature: {signature}",
            string.Join('&', form.Select(p => $"{p.Item1}={Uri.EscapeDataString(p.Item2)}")), "application/x-www-form-urlencoded");
    }
}
