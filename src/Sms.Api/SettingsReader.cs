using System.Globalization;

namespace Sms.Api;

/// <summary>A setting has a wrong value. The message is one line that names the setting as the operator wrote it.</summary>
public sealed class SettingException : Exception
{
    public SettingException()
    {
    }

    public SettingException(string message)
        : base(message)
    {
    }

    public SettingException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>
/// Reads settings by the names of the configuration table (<c>Sms__Retry__Lease</c>), wherever they come from.
/// A missing one falls back to its default, a wrong one stops the start.
/// </summary>
public sealed class SettingsReader(IConfiguration configuration)
{
    public string? Text(string name) => configuration[Key(name)] is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

    /// <summary>
    /// A value that may stand in a file instead, whose path is in <c>name_FILE</c>, or <c>name__File</c> for a name with <c>__</c>:
    /// an environment is easier to look into than a file.
    /// </summary>
    public string? Secret(string name)
    {
        var fileName = name + (name.Contains("__", StringComparison.Ordinal) ? "__File" : "_FILE");
        if (Text(fileName) is not { } path)
            return Text(name);
        if (Text(name) is not null)
            throw Wrong(fileName, $"must not be set together with {name}");
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } value ? value : throw Wrong(fileName, $"{path} is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Wrong(fileName, $"{path} cannot be read: {e.Message.TrimEnd('.')}");
        }
    }

    public bool Flag(string name, bool fallback) => Text(name)?.ToLowerInvariant() switch
    {
        null => fallback,
        "true" or "on" or "1" => true,
        "false" or "off" or "0" => false,
        _ => throw Wrong(name, "must be on or off"),
    };

    public int Whole(string name, int fallback, int least, int most)
    {
        if (Text(name) is not { } text)
            return fallback;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Wrong(name, $"must be a whole number from {least} to {most}");
    }

    public double? Number(string name, double least, double most)
    {
        if (Text(name) is not { } text)
            return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Wrong(name, string.Create(CultureInfo.InvariantCulture, $"must be a number from {least} to {most}"));
    }

    public TimeSpan Span(string name, TimeSpan fallback, TimeSpan least, TimeSpan most) =>
        Text(name) is { } text ? ParseSpan(name, text, least, most) : fallback;

    /// <summary>The members <c>name__0</c>, <c>name__1</c> … without a gap; empty when there are none.</summary>
    public List<TimeSpan> Spans(string name, TimeSpan least, TimeSpan most)
    {
        if (Text(name) is not null)
            throw Wrong(name, $"is a list: set {name}__0, {name}__1 and so on");
        var spans = new List<TimeSpan>();
        while (Text($"{name}__{spans.Count}") is { } text)
            spans.Add(ParseSpan($"{name}__{spans.Count}", text, least, most));
        // A member behind a gap would be ignored without a word.
        if (configuration.GetSection(Key(name)).GetChildren().Count(c => !string.IsNullOrWhiteSpace(c.Value)) > spans.Count)
            throw Wrong($"{name}__{spans.Count}", "is missing: the list must have no gap");
        return spans;
    }

    public Uri? Url(string name)
    {
        if (Text(name) is not { } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Host.Length > 0
            ? url
            : throw Wrong(name, "must be an absolute http or https URL");
    }

    /// <summary>One of some words; null when it is not set.</summary>
    public string? Word(string name, params string[] words)
    {
        var text = Text(name)?.ToLowerInvariant();
        return text is null || words.Contains(text, StringComparer.Ordinal) ? text : throw Wrong(name, $"must be one of {string.Join(", ", words)}");
    }

    public static SettingException Wrong(string name, string what) => new($"{name}: {what}.");

    private static TimeSpan ParseSpan(string name, string text, TimeSpan least, TimeSpan most) =>
        TimeSpan.TryParseExact(text, ["c", @"h\:mm\:ss"], CultureInfo.InvariantCulture, out var span) && span >= least && span <= most
            ? span
            : throw Wrong(name, $"must be a time span (hh:mm:ss) from {least:c} to {most:c}");

    private static string Key(string name) => name.Replace("__", ":", StringComparison.Ordinal);
}
