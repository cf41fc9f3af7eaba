using System.Globalization;
using Sms.Contracts;

namespace Sms.Api;

/// <summary>Query parameters, parsed once at the edge.</summary>
internal static class QueryReading
{
    public static string? One(this IQueryCollection query, string name) =>
        query.TryGetValue(name, out var values) && values.Count > 0
            ? values.Count == 1 ? values[0] : throw Invalid(name, "must be given once")
            : null;

    public static string? Word(this IQueryCollection query, string name, string[] words) =>
        query.One(name) is not { } word ? null
            : words.Contains(word, StringComparer.Ordinal) ? word : throw Invalid(name, $"must be one of {string.Join(", ", words)}");

    public static DateTimeOffset? Time(this IQueryCollection query, string name)
    {
        if (query.One(name) is not { } text)
            return null;
        // A plus sign that was not percent-encoded arrives as a space.
        return ApiJson.TryReadInstant(text.Replace(' ', '+'), out var at)
            ? at.ToDateTimeOffset()
            : throw Invalid(name, "must be an instant such as 2026-11-22T13:00:00Z");
    }

    /// <summary>A phone number as the caller wrote it: a plus sign that was not percent-encoded arrives as a space.</summary>
    public static string? WrittenPhone(this IQueryCollection query, string name) =>
        query.One(name) is { } text && text.StartsWith(' ') ? $"+{text.TrimStart()}" : query.One(name);

    /// <summary>E.164 of a phone number, read as the business's own.</summary>
    public static async Task<string?> PhoneAsync(this HttpContext http, string name)
    {
        if (http.Request.Query.WrittenPhone(name) is not { } written)
            return null;
        var grains = http.RequestServices.GetRequiredService<IGrainFactory>();
        var reply = await http.RepeatAsync(() => grains.Records(http.BusinessId()).ReadPhoneAsync(written));
        if (reply.Refusal is not { } refusal)
            return reply.E164;
        throw new ProblemException(Problem.Of(refusal.Code is "invalid_phone" ? new Refusal("invalid_phone", $"{name} is not a possible number.") : refusal));
    }

    public static PageRequest Page(this IQueryCollection query)
    {
        var limit = query.One("limit") is not { } text ? 50
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= PageRequest.MaxLimit ? n
            : throw Invalid("limit", $"must be a whole number from 1 to {PageRequest.MaxLimit}");
        if (query.One("cursor") is not { } cursor)
            return new PageRequest(limit, null, null);
        return PageCursor.TryParse(cursor, out var createdAt, out var id)
            ? new PageRequest(limit, createdAt, id)
            : throw Invalid("cursor", "must be the nextCursor of a page");
    }

    private static ProblemException Invalid(string member, string what) => new(Problem.Invalid(member, what));
}
