using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>All that the decision about one send depends on.</summary>
/// <param name="Category">What kind of text.</param>
/// <param name="Place">The recipient's number, and what is known of where that is.</param>
/// <param name="BusinessZone">tz id of the business.</param>
/// <param name="Segments">What it costs, footer included.</param>
/// <param name="Consent">The customer's current consent.</param>
/// <param name="OptedOut">The number is on the business's suppression list.</param>
/// <param name="Unreachable">The number is known to be bad.</param>
/// <param name="Settings">The business's.</param>
/// <param name="NotBefore">The client's wish to send later; null: now.</param>
/// <param name="ValidUntil">After this it must not go; null: whenever it may.</param>
/// <param name="SegmentsToday">What the business has handed over on the present day of its calendar.</param>
/// <param name="MessagesThisMonth">What it has had accepted in the present month; null: not checked (accepted already).</param>
public sealed record SendFacts(
    Category Category,
    PlaceFacts Place,
    string BusinessZone,
    int Segments,
    ConsentStatus Consent,
    bool OptedOut,
    bool Unreachable,
    BusinessSettings Settings,
    Instant? NotBefore,
    Instant? ValidUntil,
    int SegmentsToday,
    int? MessagesThisMonth)
{
    /// <summary>Days that are closed by hand.</summary>
    public BlackoutCalendar Blackouts { get; init; } = BlackoutCalendar.Empty;

    /// <summary>When the business's latest marketing to this number was handed over, or is being.</summary>
    public IReadOnlyList<Instant> RecentMarketing { get; init; } = [];

    /// <summary>The entry of the consent ledger that the present status comes from.</summary>
    public Guid? ConsentId { get; init; }

    /// <summary>What is recorded of that consent; default: neither its form nor its date.</summary>
    public ConsentGrant Grant { get; init; }

    /// <summary>Of <see cref="Settings"/> and the business's zone.</summary>
    public long? SettingsVersion { get; init; }
}

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
    /// <param name="Cause">What it waits for.</param>
    /// <param name="Decision">Why.</param>
    public sealed record Wait(Instant Until, WaitCause Cause, DecisionRecord Decision) : Verdict;
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
        if (facts.Settings.MonthlyLimit(facts.Category) is { } monthly && facts.MessagesThisMonth >= monthly)
            return MonthIsFull(monthly);

        var place = RecipientPlace.Of(facts.Place, facts.BusinessZone);
        var (floor, unmet) = facts.Category == Category.Marketing ? ConsentFloor(facts, place, now) : default;
        if (unmet is not null)
            return unmet;
        var hours = facts.Category == Category.Marketing ? RecipientHours.Of(place, facts.Settings, facts.Blackouts, facts.BusinessZone, now) : null;
        var earliest = facts.NotBefore is { } wish && wish > now ? wish : now;
        WaitCause? cause = earliest > now ? WaitCause.SendAt : null;

        if (facts.Settings.DailyLimit(facts.Category) is { } daily && earliest == now
            && facts.SegmentsToday + facts.Segments > daily && facts.SegmentsToday > 0)
        {
            earliest = BusinessCalendar.NextDay(now, facts.BusinessZone);
            cause = WaitCause.DailyLimit;
        }

        Instant? openUntil = null;
        CapCount? cap = null;
        if (hours is not null)
        {
            cap = CapCount.Of(hours, facts.RecentMarketing, earliest);
            if (cap?.FreeAt is { } free && free > earliest)
                (earliest, cause) = (free, WaitCause.FrequencyCap);
            if (NextOpening(earliest, hours.Places) is not { } opening)
                return new Verdict.Refuse("no_lawful_window", "No hour within nine days is lawful in every place the recipient may be.");
            if (opening.At > earliest)
                (earliest, cause) = (opening.At, WaitCause.QuietHours);
            openUntil = opening.Until;
        }

        if (facts.ValidUntil is { } end && earliest >= end)
        {
            return now >= end
                ? new Verdict.Refuse("expired", "The message was valid until a time that has passed.")
                : new Verdict.Refuse("no_lawful_window", "The message is not valid any more when it may first be sent.");
        }

        var decision = DecisionRecord.Of(facts.Category, place, hours, now, earliest, cause?.ToReason()) with
        {
            OpenUntil = openUntil,
            Cap = cap,
            ConsentId = facts.ConsentId,
            ConsentRule = floor?.Id,
            SettingsVersion = facts.SettingsVersion,
        };
        return earliest > now
            ? new Verdict.Wait(earliest, cause!.Value, decision)
            : new Verdict.Go(decision, Earlier(openUntil, facts.ValidUntil));
    }

    /// <summary>The refusal of a message beyond the month's.</summary>
    public static Verdict.Refuse MonthIsFull(int? limit) => new("monthly_limit_reached", $"The business may send {limit} messages a month.");

    /// <summary>What no waiting cures.</summary>
    private static Verdict.Refuse? Forbidden(SendFacts facts)
    {
        if (facts.Place.Number is { } number && !(RecipientCountry.Of(number) is { } country && facts.Settings.Countries.Contains(country)))
            return new("country_not_allowed", $"The business may text numbers of {facts.Settings.Countries} only.");
        if (facts.OptedOut)
            return new("opted_out", "The recipient opted out of texts from this business. START from the recipient lifts it, or DELETE …/opt-outs/{phone}.");
        if (facts.Consent == ConsentStatus.OptedOut)
            return new("opted_out", "The customer's record says that texts are not wanted. POST …/consent changes it.");
        if (facts.Unreachable)
            return new("recipient_unreachable", "The number is known to be unable to receive texts.");
        if (facts.Category != Category.Marketing)
            return null;
        if (facts.Consent == ConsentStatus.UnderReview)
            return new("consent_under_review", "A reply of the recipient may withdraw consent; settle it first.");
        if (facts.Settings.QuietHoursPolicy == QuietHoursPolicy.UsStates && facts.Place.Number is { } to && !HasRule(to))
            return new("no_rule_for_country", "No rule is known on when marketing may go to numbers of this country, so that none goes.");
        if (facts.Settings.RequireConsent && facts.Consent != ConsentStatus.OptedIn)
            return new("consent_required", "Marketing needs the recipient's recorded consent.");
        return null;
    }

    /// <summary>Whether a row says when marketing may go to numbers of its country.</summary>
    public static bool HasRule(PhoneNumber number) =>
        RecipientCountry.Of(number) is { } country && (number.IsNorthAmerican && RecipientCountry.IsOfTheUs(country) || RuleBook.Current.Find(country) is not null);

    /// <summary>
    /// What the law asks for, whatever the business requires: every law that may hold there must be content. The rule that asks
    /// for the most, and the refusal when one is not content.
    /// </summary>
    private static (ConsentRule? Floor, Verdict.Refuse? Unmet) ConsentFloor(SendFacts facts, RecipientPlace place, Instant now)
    {
        ConsentRule? most = null;
        var today = now.InZone(place.Zones[0]).Date;
        var grant = facts.Consent == ConsentStatus.OptedIn ? facts.Grant : (ConsentGrant?)null;
        for (var n = -1; n < place.Jurisdictions.Count; n++)
        {
            var code = n < 0 ? RuleBook.FederalCode : place.Jurisdictions[n].Jurisdiction.Code;
            if (ConsentBook.Current.Find(code, today) is not { } rule)
                continue;
            if (!rule.IsMetBy(grant, now))
                return (rule, new("consent_required", $"Marketing there needs the recipient's {(rule.Level == ConsentLevel.Written ? "written" : "express")} consent, whatever requireConsent says ({rule.Citation})."));
            if (rule.Level > (most?.Level ?? ConsentLevel.None))
                most = rule;
        }

        return (most, null);
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
