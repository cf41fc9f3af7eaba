using System.Collections.Frozen;
using System.Globalization;
using Sms.Domain.Tables;

namespace Sms.Domain.Failures;

/// <summary>
/// Twilio's error codes, and what to do about a failure. Codes it does not know are judged by where they came from:
/// the raw code is worth storing either way.
/// </summary>
/// <remarks>
/// Source of the codes: Twilio's error and warning dictionary. Their classes are this project's judgement from the
/// causes and solutions given there.
/// </remarks>
public static class ErrorCatalog
{
    private static readonly Lazy<FrozenDictionary<int, ErrorEntry>> Entries = new(Load);

    /// <summary>Every known code, in no particular order.</summary>
    public static IReadOnlyCollection<ErrorEntry> All => Entries.Value.Values;

    /// <summary>Null when the code is not known.</summary>
    public static ErrorEntry? Find(int code) => Entries.Value.GetValueOrDefault(code);

    /// <summary>What it means that a create was answered with anything but a readable success.</summary>
    /// <param name="httpStatus">Of the reply. Only 4xx says that the message was not taken.</param>
    /// <param name="code">Twilio's code in the reply's body, when it had one.</param>
    /// <returns>
    /// <see cref="FailureClass.Unknown"/> for every 5xx, whatever its code: sent again, the message might arrive
    /// twice. <see cref="FailureClass.Rate"/> for 429, or <see cref="FailureClass.Day"/> when the code says that a
    /// daily allowance is used up. For any other 4xx the class of its code, provided that the code belongs to creates
    /// and says what became of the message; else by the status alone.
    /// </returns>
    public static FailureClass ClassifyCreate(int httpStatus, int? code)
    {
        if (httpStatus is < 400 or > 499) return FailureClass.Unknown;

        var known = code is { } value && Find(value) is { OnCreate: true } entry ? entry.Class : (FailureClass?)null;
        if (httpStatus == 429) return known == FailureClass.Day ? FailureClass.Day : FailureClass.Rate;
        if (known is { } certain and not (FailureClass.Unknown or FailureClass.Info)) return certain;

        return httpStatus switch
        {
            401 or 403 or 404 => FailureClass.Configuration,
            408 => FailureClass.Unknown,
            _ => FailureClass.Request,
        };
    }

    /// <summary>What it means that a message which the provider had taken failed or was not delivered.</summary>
    /// <param name="code">From the status callback; 0 when it had none.</param>
    /// <returns>
    /// The class of a known code. Of others, <see cref="FailureClass.Transient"/> for 30000 to 39999, which are about
    /// delivery, else <see cref="FailureClass.Request"/>.
    /// </returns>
    public static FailureClass ClassifyDelivery(int code) =>
        Find(code)?.DeliveryClass ?? (code is >= 30_000 and <= 39_999 ? FailureClass.Transient : FailureClass.Request);

    private static FrozenDictionary<int, ErrorEntry> Load() =>
        EmbeddedTable.Read("twilio-errors.tsv", columns: 4).Select(Parse).ToFrozenDictionary(static entry => entry.Code);

    private static ErrorEntry Parse(string[] row)
    {
        var phases = row[1].Split(',');
        var classes = row[2].Split(',').Select(word => FailureWords.TryParse(word, out var known)
            ? known
            : throw new InvalidDataException($"The error {row[0]} has the unknown class '{word}'.")).ToList();
        if (classes.Count > 1 && classes.Count != phases.Length)
            throw new InvalidDataException($"The error {row[0]} has another number of classes than of phases.");

        return new ErrorEntry(
            int.Parse(row[0], CultureInfo.InvariantCulture),
            row[3],
            classes[0],
            OnCreate: phases.Contains("create", StringComparer.Ordinal),
            OnDelivery: phases.Contains("delivery", StringComparer.Ordinal))
        { DeliveryClass = classes[^1] };
    }
}
