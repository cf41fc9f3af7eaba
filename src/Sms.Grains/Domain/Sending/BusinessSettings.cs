using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>Which rules decide when marketing may go.</summary>
public enum QuietHoursPolicy
{
    /// <summary>The strictest of the federal hours, the state's and the business's own.</summary>
    UsStates,

    /// <summary>The business's own hours alone, without a floor; only the admin key may choose it.</summary>
    Business,
}

/// <summary>Which messages end with the line that says how to opt out.</summary>
public enum OptOutFooter
{
    /// <summary>None.</summary>
    None,

    /// <summary>The first marketing message to a customer.</summary>
    FirstMessage,

    /// <summary>Every marketing message.</summary>
    Always,
}

/// <summary>What a business decided about its sending. Every member has a default.</summary>
public sealed record BusinessSettings
{
    /// <summary>The longest text a provider takes, in UTF-16 units, the line that says how to opt out included.</summary>
    /// <remarks>Source: Twilio error 21617.</remarks>
    public const int MaxBodyLimit = 1600;

    /// <summary>The settings of a business that set none.</summary>
    public static BusinessSettings Default { get; } = new();

    /// <summary>The hours when marketing is allowed, in the recipient's place. Default 08:00 to 21:00, all days.</summary>
    public WeeklyWindows QuietHours { get; init; } = WeeklyWindows.Default;

    /// <summary>Default <see cref="QuietHoursPolicy.UsStates"/>.</summary>
    public QuietHoursPolicy QuietHoursPolicy { get; init; } = QuietHoursPolicy.UsStates;

    /// <summary>Which rules of <see cref="QuietHoursPolicy.UsStates"/> bind. Default <see cref="RuleProfile.Strict"/>; only the admin key may choose the other.</summary>
    public RuleProfile QuietHoursProfile { get; init; } = RuleProfile.Strict;

    /// <summary>Pace, segments a second, 0.001 to 1,000; null: as fast as the provider takes them.</summary>
    public double? SegmentsPerSecond { get; init; }

    /// <summary>Segments a day of the business's calendar; beyond it messages wait for the next day, one-time passwords excepted. Null: no limit.</summary>
    public int? DailySegmentLimit { get; init; }

    /// <summary>Messages a month of the business's calendar; beyond it sends are refused, one-time passwords excepted. Null: no limit.</summary>
    public int? MonthlyMessageLimit { get; init; }

    /// <summary>Longest body, in UTF-16 units without the footer: 1 to 1,600. Default 320, two segments.</summary>
    public int BodyLimit { get; init; } = 320;

    /// <summary>Whether marketing needs a recorded consent. Default true.</summary>
    public bool RequireConsent { get; init; } = true;

    /// <summary>Default <see cref="OptOutFooter.FirstMessage"/>.</summary>
    public OptOutFooter OptOutFooter { get; init; } = OptOutFooter.FirstMessage;

    /// <summary>The answer to HELP, 1 to 320 UTF-16 units; null: one that names the business and STOP. Default null.</summary>
    public string? HelpText { get; init; }

    /// <summary>Requests to the provider for one message, the first included: 1 to 10. Default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>What a send is that does not say its category. Default marketing.</summary>
    public Category DefaultCategory { get; init; } = Category.Marketing;

    /// <summary>E.164 number to send from; null: the configured sender.</summary>
    public string? SenderFrom { get; init; }

    /// <summary>Messaging service to send with; null: the configured sender.</summary>
    public string? SenderMessagingServiceSid { get; init; }

    /// <summary>While true nothing is accepted and what waits is held. Default false.</summary>
    public bool Paused { get; init; }

    /// <summary>Region in which phone numbers without a country code are read, ISO 3166 alpha-2. Default US.</summary>
    public string Region { get; init; } = "US";

    /// <summary>The admin's: keys of the senders that the business may send from, beside the installation's own. Null: it alone.</summary>
    public WordList? AllowedSenders { get; init; }

    /// <summary>The admin's: the countries that the business may text, each as <see cref="RecipientCountry"/> names it. Null: those of its region.</summary>
    public WordList? AllowedCountries { get; init; }

    /// <summary>The admin's: the pace is no faster, whatever the business says. Null: no ceiling.</summary>
    public double? MaxSegmentsPerSecond { get; init; }

    /// <summary>The admin's: segments a day, one-time passwords included. Null: no ceiling.</summary>
    public int? MaxDailySegments { get; init; }

    /// <summary>The admin's: messages a month, one-time passwords included. Null: no ceiling.</summary>
    public int? MaxMonthlyMessages { get; init; }

    /// <summary>The key of the business's own sender; null: it has none.</summary>
    public string? SenderKey => SenderMessagingServiceSid ?? SenderFrom;

    /// <summary>The countries that the business may text.</summary>
    public WordList Countries => AllowedCountries ?? RecipientCountry.DefaultFor(Region);

    /// <summary>Whether the business may send from its own sender.</summary>
    /// <param name="installation">The key of the installation's own sender, which all may use; null: there is none.</param>
    public bool IsSenderAllowed(string? installation) =>
        SenderKey is not { } key || key == installation || AllowedSenders?.Contains(key) == true;

    /// <summary>Segments a day that texts of this category are held to; null: to none.</summary>
    public int? DailyLimit(Category category) =>
        category == Category.Otp ? MaxDailySegments : Least(DailySegmentLimit, MaxDailySegments);

    /// <summary>Messages a month that texts of this category are held to; null: to none.</summary>
    public int? MonthlyLimit(Category category) =>
        category == Category.Otp ? MaxMonthlyMessages : Least(MonthlyMessageLimit, MaxMonthlyMessages);

    /// <summary>The settings as they are decided by: no limit is above the admin's ceiling, and the countries are named.</summary>
    public BusinessSettings InForce() => this with
    {
        SegmentsPerSecond = Least(SegmentsPerSecond, MaxSegmentsPerSecond),
        DailySegmentLimit = Least(DailySegmentLimit, MaxDailySegments),
        MonthlyMessageLimit = Least(MonthlyMessageLimit, MaxMonthlyMessages),
        AllowedCountries = Countries,
    };

    /// <summary>Null stands for no limit.</summary>
    private static T? Least<T>(T? one, T? other)
        where T : struct, IComparable<T> =>
        one is { } a && other is { } b ? a.CompareTo(b) <= 0 ? a : b : one ?? other;
}
