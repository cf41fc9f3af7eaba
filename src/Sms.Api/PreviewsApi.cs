using NodaTime;
using Sms.Domain.Phones;
using Sms.Domain.QuietHours;
using Sms.Domain.Segments;
using Sms.Domain.Sending;

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
        var size = SmsSegments.Measure(request.Footer ? body + BusinessSettings.OptOutLine : body, request.SmartEncoding);
        return TypedResults.Ok(new SegmentsPreview(size.Encoding.ToWire(), size.Segments, size.Characters, size.UnitsPerSegment, size.NonGsm));
    }

    private static async Task<IResult> QuietHoursAsync(HttpContext http)
    {
        var request = await RequestBody.ReadAsync<QuietHoursPreviewRequest>(http.Request);
        var windows = WeeklyWindows.Default;
        if (request.Windows is { } days)
        {
            if (days.FirstOrDefault(d => d.Value is null || d.Value.Any(t => t is null)).Key is { } bad)
                return Problem.Invalid($"windows.{bad}", "must have an opening and a closing time").ToResult();
            if (!WeeklyWindows.TryParse(days, out var parsed, out var error))
                return Problem.Invalid("windows", error!.TrimEnd('.')).ToResult();
            windows = parsed!;
        }

        var at = request.At ?? http.Now();
        if (!QuietHoursRules.Range.Contains(at))
            return Problem.Invalid("at", "must be from the year 1 to 9999").ToResult();
        var decision = QuietHoursRules.Decide(at, [.. Zones(request).Select(z => new Place(z, windows))]);
        return TypedResults.Ok(new QuietHoursPreview(decision.CanSend, decision.NextSendTime, decision.Reason?.ToWire()));
    }

    private static List<DateTimeZone> Zones(QuietHoursPreviewRequest request)
    {
        var given = (request.Timezone is null ? 0 : 1) + (request.Timezones is null ? 0 : 1) + (request.Phone is null ? 0 : 1);
        if (given != 1)
            throw new ProblemException(Problem.Invalid("timezone", "or timezones or phone is required, exactly one of the three"));

        IReadOnlyList<string> ids;
        if (request.Phone is not null)
        {
            if (!PhoneNumber.TryParse(request.Phone, "US", out var phone))
                throw new ProblemException(Problem.Of(StatusCodes.Status422UnprocessableEntity, "invalid_phone", "The phone number is not a possible number."));
            // Nothing is known of the number's place: the same zone as a business that named none.
            var known = phone.TimeZones();
            ids = known.Count > 0 ? known : [BusinessCalendar.DefaultZone];
        }
        else
        {
            ids = request.Timezones ?? [request.Timezone!];
        }

        if (ids.Count is 0 or > MaxZones)
            throw new ProblemException(Problem.Invalid("timezones", $"must be 1 to {MaxZones}"));
        return [.. ids.Select(id => RecipientPlace.Zones.GetZoneOrNull(id ?? "") ?? throw new ProblemException(Problem.Of(
            StatusCodes.Status422UnprocessableEntity, "invalid_timezone", "A time zone is not in the tz database.")))];
    }
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
internal sealed record QuietHoursPreview(bool CanSend, Instant? NextSendTime, string? Reason);
