using NodaTime;
using Sms.Contracts;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.QuietHours;
using Sms.Domain.Segments;
using Sms.Domain.Sending;
using Sms.Domain.Statutes;

namespace Sms.Api;

/// <summary>What would happen, without anything happening.</summary>
internal static class PreviewsApi
{
    private const int MaxZones = 100;

    public static void MapPreviews(this RouteGroupBuilder v1)
    {
        v1.MapPost("/preview/segments", (Delegate)SegmentsAsync)
            .WithTags("Previews").WithName("previewSegments").WithSummary("What a text costs in segments")
            .Accepts<SegmentsPreviewRequest>("application/json").Produces<SegmentsPreview>();
        v1.MapPost("/preview/quiet-hours", (Delegate)QuietHoursAsync)
            .WithTags("Previews").WithName("previewQuietHours").WithSummary("Whether marketing may be sent somewhere at some time, and else when")
            .Accepts<QuietHoursPreviewRequest>("application/json").Produces<QuietHoursPreview>();
    }

    private static async Task<IResult> SegmentsAsync(HttpContext http)
    {
        var request = await RequestBody.ReadAsync<SegmentsPreviewRequest>(http.Request);
        if (request.Body is not { } body)
            return Problem.Invalid("body", "is required").ToResult();
        var line = request.Footer ? OptOutLine.Text : null;
        if (line is not null && OptOutLine.TooLong(body, line, int.MaxValue) is { } tooLong)
            return Problem.Of(StatusCodes.Status422UnprocessableEntity, "body_too_long", tooLong).ToResult();
        var size = SmsSegments.Measure(body + line, request.SmartEncoding);
        return TypedResults.Ok(new SegmentsPreview(size.Encoding.ToWire(), size.Segments, size.Characters, size.UnitsPerSegment, size.NonGsm));
    }

    private static async Task<IResult> QuietHoursAsync(HttpContext http, IGrainFactory grains)
    {
        var request = await RequestBody.ReadAsync<QuietHoursPreviewRequest>(http.Request);
        var windows = Windows(request);
        var at = request.At ?? http.Now();
        if (!QuietHoursRules.Range.Contains(at))
            return Problem.Invalid("at", "must be from the year 1 to 9999").ToResult();

        var (place, profile) = (PlaceOf(request), Profile(request));
        if (request.SenderTimezone is { } sender)
            _ = Zone(sender);
        var blackouts = windows is null ? await http.BlackoutsAsync(grains) : BlackoutCalendar.Empty;
        var (hours, decision) = HoursPreview.Decide(place, windows, blackouts, at, profile, request.SenderTimezone);
        var rules = windows is not null ? null
            : HoursPreview.EachRule(place, at, profile, request.SenderTimezone).Select(static r => new RuleAnswer(r.Rule.Id, r.Rule.Citation, r.CanSend, r.NextSendTime)).ToList();
        return TypedResults.Ok(new QuietHoursPreview(hours.CanSend, hours.NextSendTime, hours.Reason?.ToWire(), MessageViews.Of(decision), rules));
    }

    private static RuleProfile Profile(QuietHoursPreviewRequest request) => request.Profile switch
    {
        null or "strict" => RuleProfile.Strict,
        "statute" => RuleProfile.Statute,
        _ => throw new ProblemException(Problem.Invalid("profile", "must be strict or statute")),
    };

    private static WeeklyWindows? Windows(QuietHoursPreviewRequest request)
    {
        if (request.Windows is not { } days)
            return null;
        if (days.FirstOrDefault(d => d.Value is null || d.Value.Any(t => t is null)).Key is { } bad)
            throw new ProblemException(Problem.Invalid($"windows.{bad}", "must have an opening and a closing time"));
        return WeeklyWindows.TryParse(days, out var parsed, out var error)
            ? parsed
            : throw new ProblemException(Problem.Invalid("windows", error.TrimEnd('.')));
    }

    /// <summary>Where it is: as for a customer with these members; several zones are alternatives.</summary>
    private static RecipientPlace PlaceOf(QuietHoursPreviewRequest request)
    {
        var given = (request.Timezone is null ? 0 : 1) + (request.Timezones is null ? 0 : 1) + (request.Phone is null ? 0 : 1);
        if (given > 1 || given == 0 && request.PostalCode is null && request.State is null)
            throw new ProblemException(Problem.Invalid("timezone", "or timezones or phone is required, one of the three, or postalCode or state"));
        if (request.State is not null && RuleBook.Current.State(request.State) is null)
            throw new ProblemException(Problem.Invalid("state", "must be the two letters of a state or territory of the US"));
        PhoneNumber? phone = null;
        if (request.Phone is not null)
        {
            phone = PhoneNumber.TryParse(request.Phone, "US", out var parsed)
                ? parsed
                : throw new ProblemException(Problem.Of(StatusCodes.Status422UnprocessableEntity, "invalid_phone", "The phone number is not a possible number."));
        }

        if (request.PostalCode is not null && PostalCode.Fault(request.PostalCode, phone) is { } fault)
            throw new ProblemException(Problem.Invalid("postalCode", fault));
        if (phone is { } abroad && request.Windows is null && !SendPolicy.HasRule(abroad))
            throw new ProblemException(Problem.Of(StatusCodes.Status422UnprocessableEntity, "no_rule_for_country", "No rule is known on when marketing may go to numbers of this country."));
        var zones = Zones(request);
        var place = RecipientPlace.Of(new PlaceFacts(phone, zones.FirstOrDefault()?.Id, request.PostalCode, request.State), BusinessCalendar.DefaultZone);
        // A zone alone is the question itself, whatever it says of places; several are alternatives.
        return zones.Count == 0 || zones.Count == 1 && (request.PostalCode ?? request.State) is not null
            ? place
            : place with { Zones = zones, Source = "customer", IsConflict = false, Evidence = null };
    }

    private static List<DateTimeZone> Zones(QuietHoursPreviewRequest request)
    {
        var ids = request.Timezones ?? (request.Timezone is { } one ? [one] : []);
        if (request.Timezones is not null && ids.Length is 0 or > MaxZones)
            throw new ProblemException(Problem.Invalid("timezones", $"must be 1 to {MaxZones}"));
        return [.. ids.Select(Zone)];
    }

    private static DateTimeZone Zone(string? id) => RecipientPlace.AllZones.GetZoneOrNull(id ?? "") ?? throw new ProblemException(Problem.Of(
        StatusCodes.Status422UnprocessableEntity, "invalid_timezone", "A time zone is not in the tz database."));
}

/// <param name="Encoding">gsm7 or ucs2.</param>
/// <param name="Segments">What is paid for.</param>
/// <param name="Characters">Septets in GSM-7, what a reader sees as characters in UCS-2.</param>
/// <param name="UnitsPerSegment">Septets or UTF-16 units in each segment.</param>
/// <param name="NonGsm">The characters that force UCS-2.</param>
internal sealed record SegmentsPreview(string Encoding, int Segments, int Characters, IReadOnlyList<int> UnitsPerSegment, IReadOnlyList<string> NonGsm);

/// <param name="CanSend">Whether all places allow it.</param>
/// <param name="NextSendTime">The instant asked about when it may; null: none within nine days.</param>
/// <param name="Reason">too_early, too_late or closed_day; null when it may.</param>
/// <param name="Decision">What a message would keep of it.</param>
/// <param name="Rules">When it would be lawful under each rule alone; null where only windows were asked.</param>
internal sealed record QuietHoursPreview(bool CanSend, Instant? NextSendTime, string? Reason, DecisionView Decision, IReadOnlyList<RuleAnswer>? Rules);

/// <param name="Rule">The id of the rule.</param>
/// <param name="Citation">The law.</param>
/// <param name="CanSend">Whether it allows it then.</param>
/// <param name="NextSendTime">The instant asked about when it does; null: none within nine days.</param>
internal sealed record RuleAnswer(string Rule, string Citation, bool CanSend, Instant? NextSendTime);
