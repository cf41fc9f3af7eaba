using System.Globalization;
using NodaTime;
using NodaTime.Text;
using Sms.Domain.QuietHours;
using Sms.Domain.Statutes;

namespace Sms.Api;

/// <summary>The rules themselves: what binds on a day, what is coming, and where it is written.</summary>
internal static class RulesApi
{
    public static void MapRules(this RouteGroupBuilder v1) =>
        v1.MapGet("/rules", (Delegate)List)
            .WithTags("Previews").WithName("listRules").WithSummary("Every rule on hours and consent in force on a day, and those that are pending").Produces<RuleList>();

    private static IResult List(HttpContext http)
    {
        var on = http.Now().InUtc().Date;
        if (http.Request.Query.One("on") is { } text)
        {
            if (LocalDatePattern.Iso.Parse(text) is not { Success: true, Value: { Year: >= 2 and <= 9_998 } day })
                return Problem.Invalid("on", "must be a day such as 2026-11-22").ToResult();
            on = day;
        }

        var today = http.Now().InUtc().Date;
        var book = RuleBook.Current;
        return TypedResults.Ok(new RuleList(
            on.ToDateOnly(), book.Version,
            [.. book.All.SelectMany(j => j.On(on, RuleProfile.Strict).Concat(j.Pending)).Select(r => Of(r, today))],
            [.. ConsentBook.Current.All.Where(r => r.IsPending || r.IsInForce(on)).Select(Of)],
            [.. book.HolidaysOn(on).Select(static h => new HolidayView(h.Calendar, h.Name, Clock(h.ClosesAt), h.Scope, h.Citation))]));
    }

    private static HoursRuleView Of(HoursRule rule, LocalDate today) => new(
        rule.Id, rule.Jurisdiction, rule.From?.ToDateOnly(), rule.Until?.ToDateOnly(), Window(rule.Weekdays), Window(rule.Saturday), Window(rule.Sunday),
        rule.HolidayCalendars, rule.Cap?.Limit, rule.Cap?.Hours,
        rule.Applies switch { RuleReach.Text => "text", RuleReach.Call => "call", _ => "device" },
        rule.Profile == RuleProfile.Strict ? "strict" : "statute", rule.Clock, rule.IsPending, rule.IsStale(today),
        rule.VerifiedOn.ToDateOnly(), rule.Confidence, rule.Citation);

    private static ConsentRuleView Of(ConsentRule rule) => new(
        rule.Id, rule.Jurisdiction, rule.From?.ToDateOnly(), rule.Until?.ToDateOnly(),
        rule.Level switch { ConsentLevel.None => "none", ConsentLevel.Express => "express", _ => "written" },
        rule.ImpliedMonths, rule.IsPending, rule.VerifiedOn.ToDateOnly(), rule.Confidence, rule.Citation);

    private static string[]? Window(DailyWindow? window) => window is null ? null : [Clock(window.OpenMinute), Clock(window.CloseMinute)];

    private static string Clock(int minute) => string.Create(CultureInfo.InvariantCulture, $"{minute / 60:00}:{minute % 60:00}");
}

/// <param name="On">The day.</param>
/// <param name="RuleSet">Version of the rules on hours: decisions name it.</param>
/// <param name="Hours">When marketing may go.</param>
/// <param name="Consent">What consent it needs.</param>
/// <param name="Holidays">The holidays of that day.</param>
internal sealed record RuleList(
    DateOnly On, string RuleSet, IReadOnlyList<HoursRuleView> Hours, IReadOnlyList<ConsentRuleView> Consent, IReadOnlyList<HolidayView> Holidays);

/// <param name="Id">Decisions name it.</param>
/// <param name="Jurisdiction">The state or country whose law it is.</param>
/// <param name="From">The first day; null: always.</param>
/// <param name="Until">The day after the last; null: for good.</param>
/// <param name="Weekdays">Opening and closing hour from Monday to Friday; null when nothing may be sent.</param>
/// <param name="Saturday">Opening and closing hour; null on a day when nothing may be sent.</param>
/// <param name="Sunday">Opening and closing hour; null on a day when nothing may be sent.</param>
/// <param name="Holidays">The calendars on whose days it is closed.</param>
/// <param name="CapLimit">At most so many texts to one recipient; null: no cap.</param>
/// <param name="CapHours">In so many hours, rolling.</param>
/// <param name="Applies">text, call or device.</param>
/// <param name="Profile">The mildest profile in which it binds.</param>
/// <param name="Clock">A clock besides the recipient's; null: none.</param>
/// <param name="Pending">It is not law yet.</param>
/// <param name="Stale">It was verified too long ago.</param>
/// <param name="VerifiedOn">When it was last compared with the law.</param>
/// <param name="Confidence">H, M or L.</param>
/// <param name="Citation">The law.</param>
internal sealed record HoursRuleView(
    string Id, string Jurisdiction, DateOnly? From, DateOnly? Until, string[]? Weekdays, string[]? Saturday, string[]? Sunday,
    IReadOnlyList<string> Holidays, int? CapLimit, int? CapHours, string Applies, string Profile, string? Clock, bool Pending, bool Stale,
    DateOnly VerifiedOn, string Confidence, string Citation);

/// <param name="Id">Decisions name it.</param>
/// <param name="Jurisdiction">The state or country whose law it is.</param>
/// <param name="From">The first day; null: always.</param>
/// <param name="Until">The day after the last; null: for good.</param>
/// <param name="Consent">none, express or written.</param>
/// <param name="ImpliedMonths">For how long a purchase stands in for express consent; null: it does not.</param>
/// <param name="Pending">It is not law yet.</param>
/// <param name="VerifiedOn">When it was last compared with the law.</param>
/// <param name="Confidence">H, M or L.</param>
/// <param name="Citation">The law.</param>
internal sealed record ConsentRuleView(
    string Id, string Jurisdiction, DateOnly? From, DateOnly? Until, string Consent, int? ImpliedMonths, bool Pending,
    DateOnly VerifiedOn, string Confidence, string Citation);

/// <param name="Calendar">federal, a state or a country.</param>
/// <param name="Name">In words.</param>
/// <param name="ClosesAt">From then the rest of the day is closed.</param>
/// <param name="PostalCodes">Where it is kept; empty: everywhere.</param>
/// <param name="Citation">The law.</param>
internal sealed record HolidayView(string Calendar, string Name, string ClosesAt, IReadOnlyList<string> PostalCodes, string Citation);
