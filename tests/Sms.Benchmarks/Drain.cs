using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>From queue to provider: texts that fall due in one instant, until the last outcome is stored.</summary>
internal static class Drain
{
    private const int Businesses = 20, Customers = 1000, Texts = Businesses * Customers, HangfireTexts = 1000;

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        await using var provider = await StandIn.StartAsync();
        await using var rig = await Rig.StartAsync(server, Rig.Drain(provider.Url));
        await rig.MakeBusinessesAsync(Businesses, Customers);
        await using var peer = await GraphileWorker.FetchAsync();
        await using var theirs = await server.CreateDatabaseAsync();
        var business = await theirs.ScalarAsync<Guid>("insert into businesses (name) values ('B') returning id");
        await theirs.ExecuteAsync(
            "insert into customers (business_id, phone_e164) select $1, '+1512' || lpad((2000000 + n)::text, 7, '0') from generate_series(0, $2 - 1) n", business, Customers);

        await using var hangfire = new HangfireQueue(theirs, business, provider.Url);
        var (ours, peers, enqueued, done, accepted) = (new Series(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        // A program that has run for a while: its code is compiled for good.
        await rig.SendAsync(Texts, Customers);
        for (var run = 0; run < load.Runs; run++)
        {
            if (peer is not null)
                peers.Add(await peer.DrainAsync(theirs, business, Texts, provider.Url));
            var other = await hangfire.RunAsync(HangfireTexts);
            enqueued.Add(other.Enqueued);
            done.Add(other.Done);
            var before = provider.Taken;
            var (perSecond, due) = await rig.PostForOneInstantAsync(Texts, Customers);
            accepted.Add(perSecond);
            if (provider.Taken > before)
                throw new InvalidOperationException("The texts fell due before all were accepted.");
            await ours.AddAsync(rig, () => rig.SettledAsync(() => provider.Taken - before >= Texts, due), Texts);
            if (provider.Taken - before != Texts)
                throw new InvalidOperationException($"{provider.Taken - before} requests for {Texts} texts.");
        }

        var report = new Report("drain");
        report.Add("Graphile Worker: the same POST, the same record", "texts/s", peers);
        report.Add("queue to provider, all recorded", "texts/s", ours.Rates, "Graphile Worker", peers, "ratio ≥ 2");
        report.Add("Hangfire.PostgreSql: enqueued by 16 threads", "texts/s", enqueued);
        report.Add("batches of 500, 4 clients, 20 businesses", "texts/s", accepted, "Hangfire's enqueueing", enqueued);
        report.Add("Hangfire.PostgreSql: the same POST, two rows written", "texts/s", done);
        report.Add("queue to provider, all recorded (again)", "texts/s", ours.Rates, "Hangfire", done);
        ours.AddCosts(report, "queue to provider");
        await report.SaveAsync();
    }
}
