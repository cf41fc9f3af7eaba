using Sms.Domain.Phones;

namespace Sms.Domain.Places;

/// <summary>What a client may give as a postal code.</summary>
public static class PostalCode
{
    /// <summary>The longest that is kept, in characters.</summary>
    public const int MaxLength = 20;

    /// <summary>
    /// What is wrong with a postal code; null: nothing. For numbers of the US and Canada it decides place and hours, so that
    /// it must be a ZIP code (02134, 02134-1234) of an area that has some, or a Canadian code (K1A 0B1). For numbers of other
    /// countries it is kept unread: any text that is not blank.
    /// </summary>
    /// <param name="text">As it was written.</param>
    /// <param name="number">The customer's number; null: it is not known, and the code must be one that can be read.</param>
    public static string? Fault(string text, PhoneNumber? number)
    {
        if (text.Length > MaxLength)
            return $"must have at most {MaxLength} characters";
        if (string.IsNullOrWhiteSpace(text))
            return "must not be blank";
        var tables = PlaceTables.Current;
        return number is { } known && !tables.IsOfUsOrCanada(known) || tables.PostalCode(text).Kind != EvidenceKind.Unreadable
            ? null
            : "must be a ZIP code in use (02134 or 02134-1234) or a Canadian postal code (K1A 0B1)";
    }
}
