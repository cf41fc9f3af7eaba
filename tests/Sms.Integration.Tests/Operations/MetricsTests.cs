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

    [Fact]
    public void Whatever_is_measured_the_text_keeps_the_grammar()
    {
        using var book = new MetricsBook();
        using var one = new Meter(ApiMetrics.MeterName);
        using var other = new Meter(ApiMetrics.MeterName);
        foreach (var meter in new[] { one, other })
        {
            var counter = meter.CreateCounter<long>("test.odd-name/1", description: "A \\ and \n a line\r\nmore \u2028 \"quoted\"");
            foreach (var value in new[] { "", "\"", "\\", "\n", "\r", "\\n", "a\\\"\n{},=", "é😀\u2028", "x" })
                counter.Add(1, new("odd.label", value), new("other-label", 1.5));
            var histogram = meter.CreateHistogram("test.spread", "By", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 1, 1e9] });
            var boundless = meter.CreateHistogram<long>("test.boundless");
            foreach (var value in new[] { 0, 1e-9, 0.5, 2e9 })
            {
                histogram.Record(value, new KeyValuePair<string, object?>("kind", "\""));
                histogram.Record(value);
                boundless.Record((long)value);
            }

            meter.CreateObservableGauge("test.ends", () => new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, -1e-300 }
                .Select((v, n) => new Measurement<double>(v, new KeyValuePair<string, object?>("n", n))));
            meter.CreateUpDownCounter<int>("test.balance").Add(-3);
        }

        var text = Write(book);
        PrometheusText.Check(text);
        Assert.Contains("\ntest_odd_name_1_total{odd_label=\"a\\\\\\\"\\n{},=\",other_label=\"1.5\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("\ntest_spread_bytes_bucket{kind=\"\\\"\",le=\"+Inf\"} 8\n", text, StringComparison.Ordinal);
    }

    /// <summary>The judge itself: each is a text that Prometheus refuses or misreads.</summary>
    [Theory]
    [InlineData("# TYPE a gauge\na 1")]
    [InlineData("a 1\n")]
    [InlineData("# TYPE a gauge\n\na 1\n")]
    [InlineData("# TYPE a gauge\r\na 1\r\n")]
    [InlineData("# TYPE a gauge\na 1\na 2\n")]
    [InlineData("# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n")]
    [InlineData("# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n")]
    [InlineData("# TYPE a gauge\na{x=\"\"\"} 1\n")]
    [InlineData("# TYPE a gauge\na{x=\"\\\"} 1\n")]
    [InlineData("# TYPE a gauge\na{x=\"\\t\"} 1\n")]
    [InlineData("# TYPE a gauge\na{x.y=\"1\"} 1\n")]
    [InlineData("# TYPE a gauge\na{__x=\"1\"} 1\n")]
    [InlineData("# TYPE a gauge\na{x=\"1\"y=\"2\"} 1\n")]
    [InlineData("# TYPE a gauge\na one\n")]
    [InlineData("# TYPE a gauge\na 1,5\n")]
    [InlineData("# TYPE a gauge\na\n")]
    [InlineData("# TYPE a gauge\na.b 1\n")]
    [InlineData("# TYPE a gauge\na 1\n# HELP a later\n")]
    [InlineData("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"1\"} 1\n")]
    [InlineData("# TYPE a gauge\n# TYPE b gauge\na 1\n")]
    [InlineData("# HELP a what\n# TYPE b gauge\nb 1\n")]
    [InlineData("# HELP a \\what\n# TYPE a gauge\na 1\n")]
    [InlineData("# TYPE a counter\na 1\n")]
    [InlineData("# TYPE a_total counter\na_total -1\n")]
    [InlineData("# TYPE a number\na 1\n")]
    [InlineData("# TYPE a histogram\na 1\n")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1\n")]
    [InlineData("# TYPE a histogram\na_bucket{x=\"1\",le=\"+Inf\"} 1\na_sum{x=\"2\"} 1\na_count{x=\"1\"} 1\n")]
    public void What_is_no_such_text_is_known_for_it(string text) => Assert.ThrowsAny<Exception>(() => PrometheusText.Check(text));

    private static string Write(MetricsBook book)
    {
        var text = new MetricsText();
        book.WriteTo(text);
        return text.ToString();
    }
}
