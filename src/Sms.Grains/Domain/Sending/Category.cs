namespace Sms.Domain.Sending;

/// <summary>What kind of text it is, which decides the rules it is held to.</summary>
public enum Category
{
    /// <summary>Held to consent, opt-outs, quiet hours and limits.</summary>
    Marketing,

    /// <summary>Held to opt-outs and limits.</summary>
    Transactional,

    /// <summary>A one-time password: held to opt-outs, goes before all else, and is worthless when late.</summary>
    Otp,
}

/// <summary>Whether the customer agreed to marketing texts.</summary>
public enum ConsentStatus
{
    /// <summary>Nothing is recorded.</summary>
    Unknown,

    /// <summary>Agreed; the consent ledger says when and how.</summary>
    OptedIn,

    /// <summary>Withdrew.</summary>
    OptedOut,

    /// <summary>A reply may have been a revocation; marketing waits for a person's verdict.</summary>
    UnderReview,
}

/// <summary>The words of the wire and the database for the enums of sending.</summary>
public static class SendingWords
{
    /// <summary>The lane that is claimed first: one-time passwords, and answers to HELP.</summary>
    public const short FirstLane = 0;

    /// <summary>The lane of the queue.</summary>
    public static short Lane(this Category category) => category == Category.Otp ? FirstLane : (short)1;

    /// <summary>Whether a text that waits in this lane answers a call for help: it is held to none of the business's limits.</summary>
    public static bool IsAnswer(this Category category, short lane) => lane == FirstLane && category != Category.Otp;

    public static string ToWire(this Category category) => category switch
    {
        Category.Marketing => "marketing",
        Category.Transactional => "transactional",
        Category.Otp => "otp",
        _ => throw new ArgumentOutOfRangeException(nameof(category), category, message: null),
    };

    public static bool IsCategory(string word) => word is "marketing" or "transactional" or "otp";

    public static Category ParseCategory(string word) => word switch
    {
        "marketing" => Category.Marketing,
        "transactional" => Category.Transactional,
        "otp" => Category.Otp,
        _ => throw new ArgumentException($"'{word}' is no category", nameof(word)),
    };

    public static string ToWire(this ConsentStatus status) => status switch
    {
        ConsentStatus.Unknown => "unknown",
        ConsentStatus.OptedIn => "opted_in",
        ConsentStatus.OptedOut => "opted_out",
        ConsentStatus.UnderReview => "under_review",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, message: null),
    };

    public static ConsentStatus ParseConsent(string word) => word switch
    {
        "unknown" => ConsentStatus.Unknown,
        "opted_in" => ConsentStatus.OptedIn,
        "opted_out" => ConsentStatus.OptedOut,
        "under_review" => ConsentStatus.UnderReview,
        _ => throw new ArgumentException($"'{word}' is no consent status", nameof(word)),
    };
}
