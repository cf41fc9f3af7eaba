namespace Sms.Domain.Failures;

/// <summary>The words of the API, the store and the table of errors.</summary>
public static class FailureWords
{
    private static readonly Dictionary<string, FailureClass> ByWord =
        Enum.GetValues<FailureClass>().ToDictionary(ToWire, StringComparer.Ordinal);

    /// <summary>Snake case: <c>bad_number</c>, <c>opt_out</c>, <c>a2p</c>.</summary>
    public static string ToWire(this FailureClass failure) => failure switch
    {
        FailureClass.Transient => "transient",
        FailureClass.Unknown => "unknown",
        FailureClass.Rate => "rate",
        FailureClass.Day => "day",
        FailureClass.Hours => "hours",
        FailureClass.BadNumber => "bad_number",
        FailureClass.Route => "route",
        FailureClass.OptOut => "opt_out",
        FailureClass.Content => "content",
        FailureClass.Configuration => "configuration",
        FailureClass.A2P => "a2p",
        FailureClass.Request => "request",
        FailureClass.Expired => "expired",
        FailureClass.Info => "info",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "Not a failure class."),
    };

    /// <summary>Reads what <see cref="ToWire"/> writes; false for any other word.</summary>
    public static bool TryParse(string? word, out FailureClass failure)
    {
        failure = default;
        return word is not null && ByWord.TryGetValue(word, out failure);
    }
}
