using System.Globalization;
using Sms.Testing.Databases;

namespace Sms.Benchmarks;

/// <summary>What the program keeps for each business that sends: one process, its grains all active.</summary>
internal static class Memory
{
    private const int Customers = 10;

    public static async Task RunAsync(PostgresServer server, Load load)
    {
        var (perThousand, heapPerThousand, alone) = (new List<double>(), new List<double>(), new List<double>());
        for (var run = 0; run < load.Runs; run++)
        {
            await using var rig = await Rig.StartAsync(server);
            var tomorrow = await rig.TomorrowAsync();
            var few = await ActiveAsync(rig, 200, tomorrow);
            var many = await ActiveAsync(rig, 1200, tomorrow);
            alone.Add(few.WorkingSet);
            perThousand.Add(many.WorkingSet - few.WorkingSet);
            heapPerThousand.Add(many.Heap - few.Heap);
        }

        var report = new Report("memory");
        report.Add("working set, 200 active businesses", "MB", alone);
        report.Add("a further thousand of active businesses, working set", "MB", perThousand);
        report.Add("a further thousand of active businesses, managed heap after a collection", "MB", heapPerThousand);
        await report.SaveAsync();
    }

    /// <summary>So many businesses in all, with five texts each.</summary>
    private static async Task<(double WorkingSet, double Heap)> ActiveAsync(Rig rig, int businesses, string sendAt)
    {
        await rig.MakeBusinessesAsync(businesses - rig.Businesses.Count, Customers);
        var done = await new HttpLoad(rig.Silo.Url, 202).RunAsync(32, TimeSpan.FromMinutes(1), n => n >= businesses * 5
            ? null
            : Acceptance.One(rig.Businesses[(int)(n % businesses)], n, Customers, sendAt));
        if (done.Replies != businesses * 5)
            throw new InvalidOperationException($"Unexpected replies: {string.Join(", ", done.Others)}");
        var status = await File.ReadAllLinesAsync($"/proc/{rig.Silo.Id}/status");
        var resident = status.Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        var heap = await rig.MetricAsync("dotnet_gc_last_collection_heap_size_bytes");
        return (double.Parse(resident, CultureInfo.InvariantCulture) / 1024, heap / (1024 * 1024));
    }
}
