using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Sms.Api;

/// <summary>
/// Listens to our meters, the runtime's and the web server's, and adds up what they measure, from its creation until
/// the process ends. Names follow OpenTelemetry's rules for Prometheus: unit and <c>_total</c> are appended.
/// </summary>
internal sealed class MetricsBook : IDisposable
{
    /// <summary>Sets of label values of one figure, at most: a label that grows without end costs figures, not memory.</summary>
    private const int MostSeries = 1000;

    private static readonly string[] Meters = [ApiMetrics.MeterName, "System.Runtime", "Microsoft.AspNetCore.Hosting"];

    /// <summary>By name: instruments that share one, as those of two web hosts in a process, are added up together.</summary>
    private readonly ConcurrentDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public MetricsBook()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (Meters.Contains(instrument.Meter.Name, StringComparer.Ordinal))
                listener.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument.Name, _ => new Family(instrument)));
        };
        _listener.SetMeasurementEventCallback<int>((_, value, tags, family) => ((Family)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) => ((Family)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => ((Family)family!).Record(value, tags));
        _listener.Start();
    }

    public void WriteTo(MetricsText text)
    {
        _listener.RecordObservableInstruments();
        foreach (var (_, family) in _families.OrderBy(f => f.Key, StringComparer.Ordinal))
            family.WriteTo(text);
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>One instrument and all that it measured.</summary>
    private sealed class Family
    {
        private readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);

        /// <summary>Series by the hash of their tags as they were measured: their labels are not written anew each time.</summary>
        private readonly ConcurrentDictionary<int, Known> _known = new();
        private readonly string _name;
        private readonly string _type;
        private readonly string? _help;
        private readonly double[] _bounds;

        /// <summary>Whether a measurement is the value itself, not something to add to it.</summary>
        private readonly bool _isAbsolute;

        public Family(Instrument instrument)
        {
            var kind = instrument.GetType().Name.Split('`')[0];
            _type = kind switch
            {
                nameof(Histogram<>) => "histogram",
                nameof(Counter<>) or nameof(ObservableCounter<>) => "counter",
                _ => "gauge",
            };
            _isAbsolute = instrument.IsObservable || kind == nameof(Gauge<>);
            _bounds = instrument switch
            {
                Histogram<double> h => [.. h.Advice?.HistogramBucketBoundaries ?? []],
                Histogram<long> h => [.. (h.Advice?.HistogramBucketBoundaries ?? []).Select(b => (double)b)],
                Histogram<int> h => [.. (h.Advice?.HistogramBucketBoundaries ?? []).Select(b => (double)b)],
                _ => [],
            };
            _help = instrument.Description;
            _name = MetricsText.Name(instrument.Name) + instrument.Unit switch
            {
                "s" => "_seconds",
                "By" => "_bytes",
                _ => "",
            } + (_type == "counter" ? "_total" : "");
        }

        public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Find(tags) is not { } series)
                return;
            lock (series)
            {
                series.Value = _isAbsolute ? value : series.Value + value;
                series.Count++;
                for (var n = 0; n < _bounds.Length; n++)
                    series.AtMost[n] += value <= _bounds[n] ? 1 : 0;
            }
        }

        /// <summary>Null: there are too many.</summary>
        private Series? Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var hash = new HashCode();
            foreach (var (name, value) in tags)
            {
                hash.Add(name, StringComparer.Ordinal);
                hash.Add(value);
            }

            var key = hash.ToHashCode();
            if (_known.TryGetValue(key, out var known) && AreSame(tags, known.Tags))
                return known.Series;

            var labels = MetricsText.Labels(tags);
            if (!_series.TryGetValue(labels, out var series))
            {
                if (_series.Count >= MostSeries)
                    return null;
                series = _series.GetOrAdd(labels, _ => new Series(_bounds.Length));
            }

            if (_known.Count < MostSeries)
                _known.TryAdd(key, new Known(tags.ToArray(), series));
            return series;
        }

        private static bool AreSame(ReadOnlySpan<KeyValuePair<string, object?>> one, KeyValuePair<string, object?>[] other)
        {
            if (one.Length != other.Length)
                return false;
            for (var n = 0; n < other.Length; n++)
            {
                if (!string.Equals(one[n].Key, other[n].Key, StringComparison.Ordinal) || !Equals(one[n].Value, other[n].Value))
                    return false;
            }

            return true;
        }

        public void WriteTo(MetricsText text)
        {
            text.Begin(_name, _type, _help);
            foreach (var (labels, series) in _series.OrderBy(s => s.Key, StringComparer.Ordinal))
            {
                lock (series)
                {
                    if (_type == "histogram")
                        WriteHistogram(text, labels, series);
                    else
                        text.Sample(_name, labels, series.Value);
                }
            }
        }

        private void WriteHistogram(MetricsText text, string labels, Series series)
        {
            var before = labels.Length == 0 ? "" : $"{labels},";
            for (var n = 0; n < _bounds.Length; n++)
                text.Sample($"{_name}_bucket", $"{before}le=\"{MetricsText.Number(_bounds[n])}\"", series.AtMost[n]);
            text.Sample($"{_name}_bucket", $"{before}le=\"+Inf\"", series.Count);
            text.Sample($"{_name}_sum", labels, series.Value);
            text.Sample($"{_name}_count", labels, series.Count);
        }
    }

    private sealed record Known(KeyValuePair<string, object?>[] Tags, Series Series);

    /// <summary>What was measured with one set of labels.</summary>
    private sealed class Series(int bounds)
    {
        /// <summary>The value, or the sum of a histogram.</summary>
        public double Value { get; set; }

        public long Count { get; set; }

        public long[] AtMost { get; } = new long[bounds];
    }
}
