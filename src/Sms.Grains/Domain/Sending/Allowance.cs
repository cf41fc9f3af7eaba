namespace Sms.Domain.Sending;

/// <summary>What a business may decide for itself: to send from what the admin allows it, and to limit itself to what the admin allows or less.</summary>
public static class Allowance
{
    /// <summary>The settings wanted, with what follows for the admin's own from who asks.</summary>
    /// <remarks>
    /// A sender that the admin sets is one that the business may send from, unless the admin says in the same change which
    /// those are. Countries that are not named are the region's: when the business says another region, they are named, and
    /// stay as they were.
    /// </remarks>
    public static BusinessSettings Follow(BusinessSettings before, BusinessSettings wanted, IReadOnlyCollection<string> named, bool byAdmin)
    {
        if (!byAdmin)
            return wanted.Region == before.Region ? wanted : wanted with { AllowedCountries = before.Countries };
        return wanted.SenderKey is { } key && named.Contains("sender", StringComparer.Ordinal) && !named.Contains("allowedSenders", StringComparer.Ordinal)
            ? wanted with { AllowedSenders = wanted.AllowedSenders?.With(key) ?? new WordList([key]) }
            : wanted;
    }

    /// <summary>The first member of a change that goes beyond it; null: none does.</summary>
    /// <param name="wanted">The settings with the change.</param>
    /// <param name="named">The members that the change names: what it does not name is not its fault.</param>
    /// <param name="byAdmin">Whether the admin key asks, whose limits may stand above its ceilings: the lower one is in force.</param>
    /// <param name="installation">The key of the installation's own sender; null: there is none.</param>
    public static Excess? Exceeded(BusinessSettings wanted, IReadOnlyCollection<string> named, bool byAdmin, string? installation)
    {
        if (named.Contains("sender", StringComparer.Ordinal) && !wanted.IsSenderAllowed(installation))
            return new("sender_not_allowed", "sender", "must be one of allowedSenders, or null for the installation's own");
        if (byAdmin)
            return null;
        return Above("segmentsPerSecond", wanted.SegmentsPerSecond, "maxSegmentsPerSecond", wanted.MaxSegmentsPerSecond)
            ?? Above("dailySegmentLimit", wanted.DailySegmentLimit, "maxDailySegments", wanted.MaxDailySegments)
            ?? Above("monthlyMessageLimit", wanted.MonthlyMessageLimit, "maxMonthlyMessages", wanted.MaxMonthlyMessages);

        Excess? Above(string name, double? limit, string ceilingName, double? ceiling) =>
            named.Contains(name, StringComparer.Ordinal) && ceiling is { } most && !(limit <= most)
                ? new("limit_above_ceiling", name, $"must be at most {most.ToString(System.Globalization.CultureInfo.InvariantCulture)}, which is {ceilingName}, and not null")
                : null;
    }
}

/// <param name="Code">sender_not_allowed or limit_above_ceiling.</param>
/// <param name="Member">The setting.</param>
/// <param name="What">What it must be.</param>
public sealed record Excess(string Code, string Member, string What);
