using System.Diagnostics.Metrics;
using Sms.Api;

namespace Sms.Integration.Tests.Operations;

/// <summary>What is measured, in the text that Prometheus reads.</summary>
public sealed class MetricsTests
{
    [Fact]
    public void A_counter_adds_up_by_its_labels()
    {
        using var book = new MetricsBook();
        using var meter = new Meter(ApiMetrics.MeterName);
        var counter = meter.CreateCounter<long>("test.counted", description: "Counted in a test");
        counter.Add(2, new KeyValuePair<string, object?>("outcome", "a"));
        counter.Add(3, new KeyValuePair<string, object?>("outcome", "a"));
        counter.Add(1, new KeyValuePair<string, object?>("outcome", "\"b\"\\\n"));
        var text = Write(book);
        Assert.Contains("# HELP test_counted_total Counted in a test\n# TYPE test_counted_total counter\n", text, StringComparison.Ordinal);
        Assert.Contains("test_counted_total{outcome=\"a\"} 5\n", text, StringComparison.Ordinal);
        Assert.Contains("""test_counted_total{outcome="\"b\"\\\n"} 1""", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_histogram_counts_what_is_at_most_its_bounds()
    {
        using var book = new MetricsBook();
        using var meter = new Meter(ApiMetrics.MeterName);
        var histogram = meter.CreateHistogram("test.took", "s", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        foreach (var seconds in new[] { 0.25, 0.5, 1, 2 })
            histogram.Record(seconds, new KeyValuePair<string, object?>("outcome", "a"));
        Assert.Contains(
            """
            # TYPE test_took_seconds histogram
            test_took_seconds_bucket{outcome="a",le="0.5"} 2
            test_took_seconds_bucket{outcome="a",le="1"} 3
            test_took_seconds_bucket{outcome="a",le="+Inf"} 4
            test_took_seconds_sum{outcome="a"} 3.75
            test_took_seconds_count{outcome="a"} 4

            """.ReplaceLineEndings("\n"),
            Write(book), StringComparison.Ordinal);
    }

    [Fact]
    public void A_gauge_shows_what_it_is_now()
    {
        using var book = new MetricsBook();
        using var meter = new Meter(ApiMetrics.MeterName);
        var value = 3;
        meter.CreateObservableGauge("test.level", () => value);
        Assert.Contains("\ntest_level 3\n", Write(book), StringComparison.Ordinal);
        value = 1;
        Assert.Contains("\ntest_level 1\n", Write(book), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_begun_once_though_several_instruments_have_it()
    {
        using var book = new MetricsBook();
        using var one = new Meter(ApiMetrics.MeterName);
        using var other = new Meter(ApiMetrics.MeterName);
        one.CreateCounter<long>("test.shared").Add(1);
        other.CreateCounter<long>("test.shared").Add(1);
        var text = Write(book);
        Assert.Equal(2, text.Split("test_shared_total ").Length - 1);
        Assert.Contains("\ntest_shared_total 2\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_grows_without_end_costs_figures_and_not_memory()
    {
        using var book = new MetricsBook();
        using var meter = new Meter(ApiMetrics.MeterName);
        var counter = meter.CreateCounter<int>("test.endless");
        for (var n = 0; n < 1500; n++)
            counter.Add(1, new KeyValuePair<string, object?>("n", n));
        Assert.Equal(1000, Write(book).Split("\ntest_endless_total{").Length - 1);
    }

    private static string Write(MetricsBook book)
    {
        var text = new MetricsText();
        book.WriteTo(text);
        return text.ToString();
    }
}
