using System.Globalization;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>Why a send may go when it goes: kept with the message, so that it can be shown years later.</summary>
/// <param name="Timezone">The zone that decided: the last to open, else the first of all.</param>
/// <param name="Timezones">All candidate zones; all had to allow it.</param>
/// <param name="TimezoneSource">customer, postal_code, state, area_code or business.</param>
/// <param name="Window">Opening and closing hour on the local day of <paramref name="At"/>; null: not held to hours, or closed.</param>
/// <param name="Rule">Which rules were applied, in words.</param>
/// <param name="Tzdb">Version of the time zone database.</param>
/// <param name="At">The instant decided for: when it goes, or is looked at next.</param>
/// <param name="LocalTime">The same on the clock of <paramref name="Timezone"/>.</param>
public sealed record DecisionRecord(
    string Timezone, IReadOnlyList<string> Timezones, string TimezoneSource, IReadOnlyList<string>? Window,
    string Rule, string Tzdb, Instant At, string LocalTime)
{
    private static readonly LocalDateTimePattern LocalPattern = LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd HH:mm:ss");

    /// <summary><see cref="LocalTime"/> in each of <see cref="Timezones"/>.</summary>
    public IReadOnlyList<string>? LocalTimes { get; init; }

    /// <summary>When it was decided.</summary>
    public Instant? DecidedAt { get; init; }

    /// <summary>Why it waits: quiet_hours, scheduled or rate_limit; null: it goes.</summary>
    public string? Reason { get; init; }

    /// <summary>Why <see cref="DecidedAt"/> is no hour for it: too_early, too_late or closed_day; null: it is one, or it is held to none.</summary>
    public string? QuietHours { get; init; }

    /// <summary>The rules and blackouts that close the day of <see cref="DecidedAt"/> or set its hours, where <see cref="QuietHours"/> is set.</summary>
    public IReadOnlyList<string>? BlockedBy { get; init; }

    /// <summary>us_states or business; null: not held to hours.</summary>
    public string? Policy { get; init; }

    /// <summary>strict or statute; null: not held to the law's hours.</summary>
    public string? Profile { get; init; }

    /// <summary>Two sources contradict each other on where the recipient is: all that they name had to allow it.</summary>
    public bool IsConflict { get; init; }

    /// <summary>What became of each source on where the recipient is; null: there was one, and it decided.</summary>
    public IReadOnlyList<PlaceEvidence>? Evidence { get; init; }

    /// <summary>The rule that asks for the most consent, by its id; null: none asks for any.</summary>
    public string? ConsentRule { get; init; }

    /// <summary>The jurisdictions whose law may hold, beside federal law.</summary>
    public IReadOnlyList<PlaceJurisdiction>? Jurisdictions { get; init; }

    /// <summary>The ids of all rules that had to allow it on the day of <see cref="At"/>.</summary>
    public IReadOnlyList<string>? Rules { get; init; }

    /// <summary>Version of the rules.</summary>
    public string? RuleSet { get; init; }

    /// <summary>Revision of the blackout calendar; null: not asked.</summary>
    public long? Blackouts { get; init; }

    /// <summary>When the window closes that it goes in; null: not held to hours, or never within the horizon.</summary>
    public Instant? OpenUntil { get; init; }

    /// <summary>What a cap on texts to one recipient has counted; null: none holds.</summary>
    public CapCount? Cap { get; init; }

    /// <summary>The entry of the consent ledger that allows it.</summary>
    public Guid? ConsentId { get; init; }

    /// <summary>The version of the business, in its history, that it was decided by; null: by none.</summary>
    public long? SettingsVersion { get; init; }

    /// <param name="category">What kind of text.</param>
    /// <param name="place">Where the recipient may be.</param>
    /// <param name="hours">What it is held to there; null: to no hours.</param>
    /// <param name="now">When it is decided.</param>
    /// <param name="at">When it goes, or is looked at next.</param>
    /// <param name="reason">Why it waits.</param>
    internal static DecisionRecord Of(Category category, RecipientPlace place, RecipientHours? hours, Instant now, Instant at, string? reason)
    {
        var deciding = place.Zones[0];
        if (hours is not null && at > now)
            deciding = hours.Places.FirstOrDefault(p => WallClock.At(at - Duration.Epsilon, p.Zone).ReasonToWait(p.Hours) is not null)?.Zone ?? deciding;
        var local = at.InZone(deciding).LocalDateTime;
        var record = new DecisionRecord(
            deciding.Id,
            [.. place.Zones.Select(static z => z.Id)],
            place.Source,
            hours?.WindowOn(local.Date) is { } window ? [Clock(window.OpenMinute), Clock(window.CloseMinute)] : null,
            hours is null ? $"{category.ToWire()}: not held to quiet hours" : InWords(hours, local.Date),
            RecipientPlace.TzdbVersion,
            at,
            LocalPattern.Format(local))
        {
            LocalTimes = [.. place.Zones.Select(z => LocalPattern.Format(at.InZone(z).LocalDateTime))],
            DecidedAt = now,
            Reason = reason,
            Jurisdictions = place.Jurisdictions,
            IsConflict = place.IsConflict,
            Evidence = place.Evidence,
        };
        if (hours is null)
            return record;

        var closed = hours.Places.FirstOrDefault(p => WallClock.At(now, p.Zone).ReasonToWait(p.Hours) is not null);
        return record with
        {
            QuietHours = closed is null ? null : WallClock.At(now, closed.Zone).ReasonToWait(closed.Hours)?.ToWire(),
            BlockedBy = closed is null ? null : hours.BindingOn(now.InZone(closed.Zone).Date),
            Policy = hours.Policy == QuietHoursPolicy.UsStates ? "us_states" : "business",
            Profile = hours.Policy != QuietHoursPolicy.UsStates ? null : hours.Profile == RuleProfile.Strict ? "strict" : "statute",
            Rules = hours.RulesOn(local.Date),
            RuleSet = RuleBook.Current.Version,
            Blackouts = hours.Policy == QuietHoursPolicy.UsStates ? hours.Blackouts.Revision : null,
        };
    }

    private static string InWords(RecipientHours hours, LocalDate date)
    {
        if (hours.Policy == QuietHoursPolicy.Business)
            return "business: the business's hours";
        var binding = hours.BindingOn(date);
        var words = hours.Jurisdictions.SelectMany(j => j.On(date, hours.Profile)).Where(r => binding.Contains(r.Id, StringComparer.Ordinal)).Select(static r => r.Citation)
            .Concat(binding.Where(static b => !b.Contains('/', StringComparison.Ordinal) || b.StartsWith("blackout/", StringComparison.Ordinal))
                .Select(static b => b is "business" ? "the business's hours" : b));
        return $"us_states: {string.Join("; ", words)}";
    }

    private static string Clock(int minute) => string.Create(CultureInfo.InvariantCulture, $"{minute / 60:00}:{minute % 60:00}");
}

/// <summary>A cap on texts to one recipient, and what it has counted.</summary>
/// <param name="Rule">The id of the rule that sets it.</param>
/// <param name="Limit">How many.</param>
/// <param name="Hours">In how many hours, rolling.</param>
/// <param name="Counted">Marketing handed over to the recipient, or under way, in the hours before the instant decided for.</param>
/// <param name="FreeAt">When the next may go; null: at once.</param>
public sealed record CapCount(string Rule, int Limit, int Hours, int Counted, Instant? FreeAt)
{
    /// <summary>Marketing handed over longer ago than this counts for no cap: the longest that the tables may have is a week, and another is for outcomes that were long unknown.</summary>
    public static readonly Duration Memory = Duration.FromDays(14);

    /// <summary>Null: no cap holds there.</summary>
    internal static CapCount? Of(RecipientHours hours, IReadOnlyList<Instant> recent, Instant at)
    {
        if (hours.CapAt(at) is not var (cap, rule))
            return null;
        var length = Duration.FromHours(cap.Hours);
        var counted = recent.Where(r => r + length > at).OrderDescending().ToList();
        return new CapCount(rule, cap.Limit, cap.Hours, counted.Count, counted.Count < cap.Limit ? null : counted[cap.Limit - 1] + length);
    }
}
