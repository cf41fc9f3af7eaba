using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.QuietHours;

namespace Sms.Domain.Sending;

/// <summary>All that the decision about one send depends on.</summary>
/// <param name="Category">What kind of text.</param>
/// <param name="To">The recipient.</param>
/// <param name="Segments">What it costs, footer included.</param>
/// <param name="Consent">The customer's current consent.</param>
/// <param name="OptedOut">The number is on the business's suppression list.</param>
/// <param name="Unreachable">The number is known to be bad.</param>
/// <param name="CustomerZone">tz id the customer was given; null or unknown to the tzdb: looked for elsewhere.</param>
/// <param name="BusinessZone">tz id of the business.</param>
/// <param name="Settings">The business's.</param>
/// <param name="NotBefore">The client's wish to send later; null: now.</param>
/// <param name="ValidUntil">After this it must not go; null: whenever it may.</param>
/// <param name="SegmentsToday">What the business has handed over on the present day of its calendar.</param>
/// <param name="MessagesThisMonth">What it has had accepted in the present month; null: not checked (accepted already).</param>
public sealed record SendFacts(
    Category Category,
    PhoneNumber To,
    int Segments,
    ConsentStatus Consent,
    bool OptedOut,
    bool Unreachable,
    string? CustomerZone,
    string BusinessZone,
    BusinessSettings Settings,
    Instant? NotBefore,
    Instant? ValidUntil,
    int SegmentsToday,
    int? MessagesThisMonth);

/// <summary>Why a send may go when it goes: kept with the message, so that it can be shown years later.</summary>
/// <param name="Timezone">The zone that decided.</param>
/// <param name="Timezones">All candidate zones; all had to allow it.</param>
/// <param name="TimezoneSource">customer, number or business.</param>
/// <param name="Window">Opening and closing hour on the local day of <paramref name="At"/>; null: not held to hours, or closed.</param>
/// <param name="Rule">Which rules were applied.</param>
/// <param name="Tzdb">Version of the time zone database.</param>
/// <param name="At">The instant decided for.</param>
/// <param name="LocalTime">The same on the recipient's clock.</param>
public sealed record DecisionRecord(
    string Timezone, IReadOnlyList<string> Timezones, string TimezoneSource, IReadOnlyList<string>? Window,
    string Rule, string Tzdb, Instant At, string LocalTime);

/// <summary>What is decided about a send. A closed set.</summary>
public abstract record Verdict
{
    private Verdict() { }

    /// <summary>It may not be sent.</summary>
    public sealed record Refuse(string Code, string Detail) : Verdict;

    /// <summary>It may go now.</summary>
    /// <param name="Decision">Why.</param>
    /// <param name="OpenUntil">It must have left the provider's queue by then; null: no close within the horizon.</param>
    public sealed record Go(DecisionRecord Decision, Instant? OpenUntil) : Verdict;

    /// <summary>It may go later.</summary>
    /// <param name="Until">When it is looked at again.</param>
    /// <param name="Reason">quiet_hours, scheduled or rate_limit.</param>
    /// <param name="Decision">Why.</param>
    public sealed record Wait(Instant Until, string Reason, DecisionRecord Decision) : Verdict;
}

/// <summary>Decides whether a send may go, waits, or is refused. Pure: the same facts, the same verdict.</summary>
public static class SendPolicy
{
    /// <summary>With less than this left of the window a message waits for the next one: the provider needs time to pass it on.</summary>
    public static readonly Duration LeastRemaining = Duration.FromMinutes(1);

    public static Verdict Decide(SendFacts facts, Instant now)
    {
        if (Forbidden(facts) is { } refusal)
            return refusal;
        if (facts.MessagesThisMonth >= facts.Settings.MonthlyMessageLimit)
            return MonthIsFull(facts.Settings.MonthlyMessageLimit);

        var (zones, source) = RecipientPlace.Resolve(facts.CustomerZone, facts.To, facts.BusinessZone);
        var earliest = facts.NotBefore is { } wish && wish > now ? wish : now;
        var reason = earliest > now ? "scheduled" : null;

        if (facts.Settings.DailySegmentLimit is { } daily && facts.Category != Category.Otp && earliest == now
            && facts.SegmentsToday + facts.Segments > daily && facts.SegmentsToday > 0)
        {
            earliest = BusinessCalendar.NextDay(now, facts.BusinessZone);
            reason = "rate_limit";
        }

        Instant? openUntil = null;
        if (facts.Category == Category.Marketing)
        {
            var places = RecipientPlace.Hours(zones, facts.Settings);
            if (NextOpening(earliest, places) is not { } opening)
                return new Verdict.Refuse("no_lawful_window", "No hour within nine days is lawful in every place the recipient may be.");
            if (opening.At > earliest)
                (earliest, reason) = (opening.At, "quiet_hours");
            openUntil = opening.Until;
        }

        var decision = RecipientPlace.Describe(zones, source, facts, earliest);
        if (facts.ValidUntil is { } end && earliest >= end)
        {
            return now >= end
                ? new Verdict.Refuse("expired", "The message was valid until a time that has passed.")
                : new Verdict.Refuse("no_lawful_window", "The message is not valid any more when it may first be sent.");
        }

        return earliest > now
            ? new Verdict.Wait(earliest, reason!, decision)
            : new Verdict.Go(decision, Earlier(openUntil, facts.ValidUntil));
    }

    /// <summary>The refusal of a message beyond the month's.</summary>
    public static Verdict.Refuse MonthIsFull(int? limit) => new("monthly_limit_reached", $"The business may send {limit} messages a month.");

    /// <summary>What no waiting cures.</summary>
    private static Verdict.Refuse? Forbidden(SendFacts facts)
    {
        if (facts.OptedOut || facts.Consent == ConsentStatus.OptedOut)
            return new("opted_out", "The recipient opted out of texts from this business.");
        if (facts.Unreachable)
            return new("recipient_unreachable", "The number is known to be unable to receive texts.");
        if (facts.Category != Category.Marketing)
            return null;
        if (facts.Consent == ConsentStatus.UnderReview)
            return new("consent_under_review", "A reply of the recipient may withdraw consent; settle it first.");
        if (facts.Settings.RequireConsent && facts.Consent != ConsentStatus.OptedIn)
            return new("consent_required", "Marketing needs the recipient's recorded consent.");
        return null;
    }

    private static (Instant At, Instant? Until)? NextOpening(Instant earliest, IReadOnlyList<Place> places)
    {
        var limit = earliest + QuietHoursRules.Horizon;
        for (var at = earliest; at < limit;)
        {
            if (QuietHoursRules.Decide(at, places).NextSendTime is not { } open)
                return null;
            if (QuietHoursRules.OpenUntil(open, places) is not { } close)
                return (open, null);
            if (close - open >= LeastRemaining)
                return (open, close);
            at = close;
        }

        return null;
    }

    private static Instant? Earlier(Instant? a, Instant? b) =>
        a is null ? b : b is null ? a : Instant.Min(a.Value, b.Value);
}
