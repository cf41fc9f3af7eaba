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
    public static (QuietHoursDecision Hours, DecisionRecord Decision) Decide(
        RecipientPlace place, WeeklyWindows? windows, BlackoutCalendar blackouts, Instant at)
    {
        var settings = windows is null
            ? BusinessSettings.Default
            : BusinessSettings.Default with { QuietHours = windows, QuietHoursPolicy = QuietHoursPolicy.Business };
        var hours = RecipientHours.Of(place, settings, blackouts);
        var decided = QuietHoursRules.Decide(at, hours.Places);
        var decision = DecisionRecord.Of(
            Category.Marketing, place, hours, at, decided.NextSendTime ?? at, decided.CanSend ? null : "quiet_hours");
        return (decided, decision with
        {
            OpenUntil = decided.NextSendTime is { } open ? QuietHoursRules.OpenUntil(open, hours.Places) : null,
            Cap = hours.CapAt(decided.NextSendTime ?? at) is var (cap, rule) ? new CapCount(rule, cap.Limit, cap.Hours, Counted: 0, FreeAt: null) : null,
        });
    }
}
