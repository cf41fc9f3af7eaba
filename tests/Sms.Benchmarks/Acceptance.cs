using System.Text;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>
/// Durable accepted sends a second: texts for tomorrow, so that only their acceptance is measured. One business, then a
/// thousand; beside them PostgreSQL itself writing the same record with one commit each.
/// </summary>
internal static class Acceptance
{
    private const int Customers = 2000, CustomersOfMany = 20, Many = 1000, Clients = 256, BatchSize = 500, GroupSize = 250;

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        await using var rig = await Rig.StartAsync(server);
        await rig.MakeBusinessesAsync(1, Customers);
        await rig.MakeBusinessesAsync(Many, CustomersOfMany);
        await rig.Database.ExecuteAsync("create table bare (id bigint generated always as identity primary key, t text)");
        var hot = rig.Businesses[0];
        var sendAt = await rig.TomorrowAsync();
        var single = new HttpLoad(rig.Silo.Url, 202);
        var batch = new HttpLoad(rig.Silo.Url, 200);
        Guid[] hotOne = [hot.Id], thousand = [.. rig.Businesses.Skip(1).Select(b => b.Id)];
        Post OfHot(long n) => One(hot, n, Customers, sendAt);
        Post OfMany(long n) => One(rig.Businesses[1 + (int)(n % Many)], n / Many, CustomersOfMany, sendAt);
        Post Many500(long n) => Batch(hot, n, BatchSize, Customers, sendAt);

        // Programs that have run for a while, this one at a pace too: their code is compiled for good.
        await single.RunAsync(Clients, TimeSpan.FromSeconds(10), OfHot);
        await single.RunAsync(Clients, TimeSpan.FromSeconds(4), OfHot, 2000);
        await batch.RunAsync(2, TimeSpan.FromSeconds(1), Many500);
        var (bare, record, recordOfMany, recordAlone, grouped) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var (one, many, batches, alone) = (new Series(), new Series(), new Series(), new Series());
        for (var run = 0; run < load.Runs; run++)
        {
            if (await Floor.RunAsync(rig.Database, Floor.BareRow, 64, load.Seconds) is { } bareRate)
            {
                bare.Add(bareRate);
                record.Add((await Floor.RunAsync(rig.Database, Floor.Record(hotOne, Customers), 64, load.Seconds))!.Value);
                recordOfMany.Add((await Floor.RunAsync(rig.Database, Floor.Record(thousand, CustomersOfMany), 64, load.Seconds))!.Value);
                grouped.Add((await Floor.RunAsync(rig.Database, Floor.Record(hotOne, Customers, GroupSize), 4, load.Seconds))!.Value * GroupSize);
                recordAlone.Add(1000 / (await Floor.RunAsync(rig.Database, Floor.Record(hotOne, Customers), 1, 2))!.Value);
            }

            await alone.AddAsync(rig, () => single.RunAsync(1, TimeSpan.FromSeconds(2), OfHot));
            await one.AddAsync(rig, () => single.RunAsync(Clients, load.Time, OfHot));
            await many.AddAsync(rig, () => single.RunAsync(Clients, load.Time, OfMany));
            await batches.AddAsync(rig, () => batch.RunAsync(8, load.Time, Many500), BatchSize);
        }

        var halves = new Series();
        for (var run = 0; run < load.Runs; run++)
            await halves.AddAsync(rig, () => single.RunAsync(Clients, load.Time, OfHot, Report.Median(one.Rates) / 2));

        const string Beside = "the same record, one commit each (pgbench, 64 clients)";
        const string BesideMany = "the same record of 1,000 businesses, one commit each (pgbench, 64 clients)";
        var report = new Report("acceptance");
        report.Add("one bare row, one commit (pgbench, 64 clients)", "rows/s", bare);
        report.Add(Beside, "messages/s", record);
        report.Add(BesideMany, "messages/s", recordOfMany);
        report.Add("the same record, 250 to a commit (pgbench, 4 clients)", "messages/s", grouped, Beside, record);
        report.Add("single posts, 256 clients, one business", "messages/s", one.Rates, Beside, record, "ratio ≥ 2");
        report.Add("single posts, 256 clients, 1,000 businesses", "messages/s", many.Rates, BesideMany, recordOfMany, "ratio ≥ 2");
        report.Add("batches of 500, 8 clients, one business", "messages/s", batches.Rates, Beside, record, "ratio ≥ 3");
        one.AddLatency(report, "single posts at the peak");
        halves.AddLatency(report, "single posts at half the peak", "< 50");
        report.Add("the same record, one pgbench client alone, mean", "ms", recordAlone);
        report.Add("single posts, one client alone, p50", "ms", alone.Percentiles(.5), "pgbench alone", recordAlone);
        one.AddCosts(report, "single posts");
        many.AddCosts(report, "single posts, 1,000 businesses");
        batches.AddCosts(report, "batches");
        await report.SaveAsync();
    }

    /// <summary>The n-th text, to one customer after the other.</summary>
    /// <param name="number">In its body, which ends with it; null: n.</param>
    /// <param name="category">Marketing is held to consent and opt-outs too.</param>
    public static Post One((Guid Id, string Key) business, long n, int customers, string? sendAt, long? number = null, string category = "transactional") =>
        To(business, "", Entry(n, customers, sendAt, number ?? n, category));

    /// <summary>The n-th batch of so many entries, to one customer after the other.</summary>
    public static Post Batch((Guid Id, string Key) business, long n, int size, int customers, string sendAt, string category = "transactional")
    {
        var text = new StringBuilder("{\"messages\":[");
        for (var i = 0; i < size; i++)
            text.Append(i == 0 ? "" : ",").Append(Entry((n * size) + i, customers, sendAt, (n * size) + i, category));
        return To(business, "/batch", text.Append("]}").ToString());
    }

    private static Post To((Guid Id, string Key) business, string call, string body) =>
        new($"/v1/businesses/{business.Id}/messages{call}", $"Authorization: Bearer {business.Key}", body);

    private static string Entry(long n, int customers, string? sendAt, long number, string category) =>
        $$"""{"to":"{{Rig.Phone(n % customers)}}","body":"Hello, your technician is on the way, number {{number}}","category":"{{category}}"{{(sendAt is null ? "" : $",\"sendAt\":\"{sendAt}\"")}}}""";
}
