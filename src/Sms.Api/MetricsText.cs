using System.Globalization;
using System.Text;

namespace Sms.Api;

/// <summary>Writes figures in Prometheus' text format.</summary>
/// <remarks>Source: Prometheus documentation, "Exposition formats", text format 0.0.4.</remarks>
internal sealed class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();

    /// <summary>Begins a figure; its samples follow.</summary>
    /// <param name="name">Letters, digits and underscores.</param>
    /// <param name="type">counter, gauge or histogram.</param>
    /// <param name="help">One line.</param>
    public MetricsText Begin(string name, string type, string? help)
    {
        if (!string.IsNullOrEmpty(help))
            _text.Append("# HELP ").Append(name).Append(' ').Append(help.Replace("\\", "\\\\", StringComparison.Ordinal).ReplaceLineEndings(" ")).Append('\n');
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        return this;
    }

    /// <param name="name">The figure's, with a suffix where its type wants one.</param>
    /// <param name="labels">As <see cref="Labels"/> writes them; empty: none.</param>
    /// <param name="value">The value.</param>
    public MetricsText Sample(string name, string labels, double value)
    {
        _text.Append(name);
        if (labels.Length > 0)
            _text.Append('{').Append(labels).Append('}');
        _text.Append(' ').Append(Number(value)).Append('\n');
        return this;
    }

    public override string ToString() => _text.ToString();

    public static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
            return "";
        var text = new StringBuilder();
        foreach (var (name, value) in tags)
        {
            if (text.Length > 0)
                text.Append(',');
            text.Append(Name(name)).Append("=\"")
                .Append((Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
                    .Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal))
                .Append('"');
        }

        return text.ToString();
    }

    /// <summary>What is no letter, digit or underscore becomes an underscore.</summary>
    public static string Name(string name) => string.Create(name.Length, name, (target, source) =>
    {
        for (var n = 0; n < source.Length; n++)
            target[n] = char.IsAsciiLetterOrDigit(source[n]) ? source[n] : '_';
    });

    public static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
