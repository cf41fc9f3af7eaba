using System.Diagnostics;
using System.Globalization;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>Texts that may go at once: from the client's request to the provider's door, at half of what goes through.</summary>
internal static class EndToEnd
{
    private const int Businesses = 20, Customers = 1000, Clients = 64, Most = 1_000_000;

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        await using var provider = await StandIn.StartAsync();
        await using var rig = await Rig.StartAsync(server, Rig.Twilio(provider.Url));
        await rig.MakeBusinessesAsync(Businesses, Customers);
        var api = new HttpLoad(rig.Silo.Url, 202);
        var (due, taken) = (new long[Most], new long[Most]);
        provider.OnText = (form, _) =>
        {
            // A space in a form is + or %20; the body may be its last field.
            var at = form.IndexOf("number", StringComparison.Ordinal) + "number".Length;
            var digits = form.AsSpan(form[at] == '+' ? at + 1 : at + 3);
            var end = digits.IndexOfAnyExceptInRange('0', '9');
            taken[int.Parse(end < 0 ? digits : digits[..end], CultureInfo.InvariantCulture)] = Stopwatch.GetTimestamp();
        };

        await ThroughAsync(TimeSpan.FromSeconds(2), perSecond: null);
        var (peaks, p50, p99) = (new List<double>(), new List<double>(), new List<double>());
        for (var run = 0; run < load.Runs; run++)
            peaks.Add((await ThroughAsync(load.Time, perSecond: null)).PerSecond);
        var half = Report.Median(peaks) / 2;
        for (var run = 0; run < load.Runs; run++)
        {
            var paced = await ThroughAsync(load.Time, half);
            p50.Add(paced.Percentile(.5));
            p99.Add(paced.Percentile(.99));
        }

        var report = new Report("end-to-end");
        report.Add("posted, sent and recorded, 64 clients, 20 businesses", "texts/s", peaks);
        report.Add("from the request to the provider at half of that, p50", "ms", p50);
        report.Add("from the request to the provider at half of that, p99", "ms", p99);
        await report.SaveAsync();

        // Latencies are those to the provider.
        async Task<LoadResult> ThroughAsync(TimeSpan time, double? perSecond)
        {
            var started = Stopwatch.GetTimestamp();
            var gone = await rig.ThroughAsync(provider, api, Clients, time, n =>
            {
                due[n] = perSecond is { } pace ? started + (long)(n / pace * Stopwatch.Frequency) : Stopwatch.GetTimestamp();
                return Acceptance.One(rig.Businesses[(int)(n % Businesses)], n / Businesses, Customers, sendAt: null, number: n);
            }, perSecond);
            var latencies = Enumerable.Range(0, (int)gone.Replies).Select(n => Stopwatch.GetElapsedTime(due[n], taken[n]).TotalMilliseconds).Order().ToArray();
            return gone with { Latencies = latencies };
        }
    }
}
