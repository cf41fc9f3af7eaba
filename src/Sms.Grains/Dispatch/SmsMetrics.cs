using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Sms.Domain.Failures;

namespace Sms.Dispatch;

/// <summary>What a silo counts. The labels are words of ours: never a number, an id or a key.</summary>
internal static class SmsMetrics
{
    /// <summary>The same in all assemblies.</summary>
    private const string MeterName = "Sms";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Histogram<double> ProviderCalls = Meter.CreateHistogram<double>(
        "sms.provider.call.duration", "s", "Calls to the provider by outcome (accepted, retry, defer, failed, unknown) and class of failure",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 35] });

    private static readonly Histogram<long> Claims = Meter.CreateHistogram<long>(
        "sms.queue.claim.rows", description: "Claims of the queue, by rows taken",
        advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [0, 1, 5, 10, 20, 50, 100, 200, 500, 1000] });

    private static readonly Counter<long> Recovered = Meter.CreateCounter<long>(
        "sms.queue.recovered.rows", description: "Rows taken back from claims whose lease ran out: their process died or stood still");

    private static readonly Counter<long> Expired = Meter.CreateCounter<long>(
        "sms.attempts.expired", description: "Attempts that a dead process left open and whose outcome is now unknown");

    private static readonly Counter<long> Reconciled = Meter.CreateCounter<long>(
        "sms.attempts.lookups", description: "Attempts of unknown outcome looked up at the provider, by what came of it (found, absent, requeued, failed, waits, settled, unanswered)");

    private static readonly Histogram<long> Commits = Meter.CreateHistogram<long>(
        "sms.store.batch.items", description: "Statements on behalf of simultaneous callers, by how many shared one",
        advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 256] });

    private static ImmutableArray<Func<int>> _stoppedSenders = [];
    private static readonly Counter<long> UpkeepRuns = Meter.CreateCounter<long>(
        "sms.upkeep.runs", description: "Runs of what is done again and again beside the sends, by task and result (done, failed)");

    private static readonly Histogram<double> UpkeepDurations = Meter.CreateHistogram<double>(
        "sms.upkeep.duration", "s", "How long these runs took, by task",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.1, 1, 10, 60, 600] });

    private static readonly Gauge<double> ClockOffset = Meter.CreateGauge<double>(
        "sms.clock.offset", "s", "How far this silo's clock is ahead of the database's; negative: behind. Beyond 5 s it sends nothing");


    private static readonly Gauge<int> Silos = Meter.CreateGauge<int>("sms.silos", description: "Silos of the cluster, as this one knows");

    private static readonly Counter<long> Lost = Meter.CreateCounter<long>("sms.silos.lost", description: "Silos that died or could not be reached any more, as this one saw");

    static SmsMetrics() => Meter.CreateObservableGauge(
        "sms.senders.stopped", () => _stoppedSenders.Sum(count => count()),
        description: "Senders that the provider refuses, as this silo knows: what they would send waits");

    /// <summary>What is rare is 0 from the start: Prometheus takes a counter that appears with its first count for one that never grew.</summary>
    public static void BeginAtZero()
    {
        Lost.Add(0);
        Expired.Add(0);
        Recovered.Add(0);
    }

    /// <param name="task">Which, a word.</param>
    /// <param name="result">done or failed.</param>
    /// <param name="took">How long it took.</param>
    public static void Kept(string task, string result, NodaTime.Duration took)
    {
        UpkeepRuns.Add(1, new("task", task), new("result", result));
        UpkeepDurations.Record(took.TotalSeconds, new KeyValuePair<string, object?>("task", task));
    }

    public static void SilosAre(int count) => Silos.Record(count);

    public static void LostSilo() => Lost.Add(1);

    public static void ClockIsOff(double seconds) => ClockOffset.Record(seconds);

    public static void CalledProvider(TimeSpan took, string outcome, FailureClass? failure) => ProviderCalls.Record(
        took.TotalSeconds, new("outcome", outcome), new("class", failure?.ToWire() ?? "none"));

    public static void Claimed(int rows) => Claims.Record(rows);

    public static void RecoveredRows(int rows) => Recovered.Add(rows);

    public static void ExpiredAttempts(int attempts) => Expired.Add(attempts);

    public static void LookedUp(string verdict) => Reconciled.Add(1, new KeyValuePair<string, object?>("verdict", verdict));

    /// <summary>What is asked from now on for the senders that are stopped: one for each silo of the process.</summary>
    public static void CountStoppedSenders(Func<int> count) => ImmutableInterlocked.Update(ref _stoppedSenders, static (all, one) => all.Add(one), count);

    /// <param name="items">1 or more.</param>
    /// <param name="statement">Which statement, a word.</param>
    public static void Committed(int items, string statement) => Commits.Record(items, new KeyValuePair<string, object?>("statement", statement));
}
