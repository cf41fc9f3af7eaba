using NodaTime;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Domain.Sending;

/// <summary>The decision on marketing to a place, without a message.</summary>
public static class HoursPreview
{
    /// <param name="place">Where the recipient may be.</param>
    /// <param name="windows">Only these hours count; null: the law of that place.</param>
    /// <param name="blackouts">Days that are closed by hand.</param>
    /// <param name="at">Within <see cref="QuietHoursRules.Range"/>.</param>
    /// <param name="profile">Which rules bind.</param>
    /// <param name="businessZone">For laws that ask for the sender's clock too; null: it is not known.</param>
    public static (QuietHoursDecision Hours, DecisionRecord Decision) Decide(
        RecipientPlace place, WeeklyWindows? windows, BlackoutCalendar blackouts, Instant at,
        RuleProfile profile = RuleProfile.Strict, string? businessZone = null)
    {
        var settings = windows is null
            ? BusinessSettings.Default with { QuietHoursProfile = profile }
            : BusinessSettings.Default with { QuietHours = windows, QuietHoursPolicy = QuietHoursPolicy.Business };
        var hours = RecipientHours.Of(place, settings, blackouts, businessZone);
        var decided = QuietHoursRules.Decide(at, hours.Places);
        var decision = DecisionRecord.Of(
            Category.Marketing, place, hours, at, decided.NextSendTime ?? at, decided.CanSend ? null : "quiet_hours");
        return (decided, decision with
        {
            OpenUntil = decided.NextSendTime is { } open ? QuietHoursRules.OpenUntil(open, hours.Places) : null,
            Cap = hours.CapAt(decided.NextSendTime ?? at) is var (cap, rule) ? new CapCount(rule, cap.Limit, cap.Hours, Counted: 0, FreeAt: null) : null,
        });
    }

    /// <summary>When it would be lawful under each rule alone, in all zones of the place.</summary>
    /// <param name="place">Where the recipient may be.</param>
    /// <param name="at">Within <see cref="QuietHoursRules.Range"/>.</param>
    /// <param name="profile">Which rules are asked.</param>
    /// <param name="businessZone">For laws that ask for the sender's clock too; null: it is not known.</param>
    public static IReadOnlyList<RulePreview> EachRule(RecipientPlace place, Instant at, RuleProfile profile = RuleProfile.Strict, string? businessZone = null)
    {
        var previews = new List<RulePreview>();
        foreach (var jurisdiction in place.Jurisdictions.Select(static j => j.Jurisdiction).Prepend(RuleBook.Current.Federal))
        {
            foreach (var rule in jurisdiction.On(at.InZone(place.Zones[0]).Date, profile))
            {
                var decided = QuietHoursRules.Decide(at, RecipientHours.Alone(rule, place, businessZone));
                previews.Add(new RulePreview(rule, decided.CanSend, decided.NextSendTime));
            }
        }

        return previews;
    }
}

/// <param name="Rule">The rule asked, as it stands on the day asked about.</param>
/// <param name="CanSend">Whether it allows it then.</param>
/// <param name="NextSendTime">The instant asked about when it does; null: none within nine days.</param>
public sealed record RulePreview(HoursRule Rule, bool CanSend, Instant? NextSendTime);
