using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>
/// The way of a text in few minutes, with the defaults, to compare two versions of the program: run that of each in turns. It
/// writes no page.
/// </summary>
internal static class Short
{
    private const int Businesses = 20, Customers = 1000, Texts = Businesses * Customers, Crowd = 10;

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        await using var provider = await StandIn.StartAsync();
        await using var rig = await Rig.StartAsync(server, Rig.Twilio(provider.Url));
        await rig.MakeBusinessesAsync(Businesses, Customers);
        var api = new HttpLoad(rig.Silo.Url, 202);
        var tomorrow = await rig.TomorrowAsync();
        Post Now(long n) => Acceptance.One(rig.Businesses[(int)(n % Businesses)], n / Businesses, Customers, sendAt: null, number: n);
        Post Later(long n) => Acceptance.One(rig.Businesses[(int)(n % Businesses)], n / Businesses, Customers, tomorrow);

        // A program that has run for a while.
        await rig.ThroughAsync(provider, api, 64, TimeSpan.FromSeconds(20), Now);
        var (through, single, drain, crowded) = (new Series(), new Series(), new Series(), new Series());
        var batches = new List<double>();
        for (var run = 0; run < load.Runs; run++)
        {
            await through.AddAsync(rig, () => rig.ThroughAsync(provider, api, 64, load.Time, Now));
            await single.AddAsync(rig, () => api.RunAsync(256, load.Time, Later));
            batches.Add(await DrainAsync(drain, Customers));
            await DrainAsync(crowded, Customers / Crowd);
        }

        var report = new Report("short");
        report.Add("posted, sent and recorded, 64 clients, 20 businesses", "texts/s", through.Rates);
        through.AddCosts(report, "posted, sent and recorded", "text");
        report.Add("single posts, 256 clients, 20 businesses", "messages/s", single.Rates);
        single.AddCosts(report, "single posts");
        report.Add("batches of 500, 4 clients, 20 businesses", "messages/s", batches);
        report.Add("queue to provider, all recorded", "texts/s", drain.Rates);
        drain.AddCosts(report, "queue to provider", "text");
        report.Add("queue to provider, ten for each recipient", "texts/s", crowded.Rates, "one for each", drain.Rates, "ratio ≥ 0.6");

        async Task<double> DrainAsync(Series series, int customers)
        {
            var before = provider.Taken;
            var (perSecond, due) = await rig.PostForOneInstantAsync(Texts, customers, isTidied: false);
            await series.AddAsync(rig, () => rig.SettledAsync(() => provider.Taken - before >= Texts, due), Texts);
            return perSecond;
        }
    }
}
