using System.Globalization;
using Sms.Contracts;
using Sms.Domain.Segments;

namespace Sms.Api;

/// <summary>Query parameters, parsed once at the edge.</summary>
internal static class QueryReading
{
    private const int MostValues = 50;

    public static string? One(this IQueryCollection query, string name) =>
        query.TryGetValue(name, out var values) && values.Count > 0
            ? values.Count == 1 ? values[0] : throw Invalid(name, "must be given once")
            : null;

    public static string? Word(this IQueryCollection query, string name, string[] words) =>
        query.One(name) is not { } word ? null
            : words.Contains(word, StringComparer.Ordinal) ? word : throw Invalid(name, $"must be one of {string.Join(", ", words)}");

    /// <summary>Several values, by comma; null: not given.</summary>
    public static string[]? Many(this IQueryCollection query, string name) =>
        query.One(name) is not { } text ? null
            : text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 and <= MostValues } values ? values
            : throw Invalid(name, $"must have 1 to {MostValues} values, with commas between them");

    public static string[]? Words(this IQueryCollection query, string name, string[] words) =>
        query.Many(name) is not { } given ? null
            : given.All(w => words.Contains(w, StringComparer.Ordinal)) ? given : throw Invalid(name, $"must be of {string.Join(", ", words)}, with commas between several");

    public static int[]? Numbers(this IQueryCollection query, string name) =>
        query.Many(name)?.Select(v => int.TryParse(v, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
            ? n : throw Invalid(name, "must be a whole number, or several with commas between them")).ToArray();

    public static long? Number(this IQueryCollection query, string name) =>
        query.One(name) is not { } text ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : throw Invalid(name, "must be a whole number");

    /// <summary>The parameters <c>{prefix}.{member}</c>: what each member may be, the whole value or one of those between its commas.</summary>
    public static Dictionary<string, string[]>? Members(this IQueryCollection query, string prefix)
    {
        var names = query.Keys.Where(k => k.StartsWith($"{prefix}.", StringComparison.Ordinal)).ToList();
        if (names.FirstOrDefault(n => n.Length == prefix.Length + 1 || !SmsText.IsValid(n) || !SmsText.IsValid(query.One(n)!)) is { } wrong)
            throw Invalid(wrong, "must name a member, and have a value, without U+0000 or half a surrogate pair");
        return names.Count == 0 ? null : names.ToDictionary(
            n => n[(prefix.Length + 1)..], n => query.One(n) is { } value ? value.Split(',').Append(value).Distinct(StringComparer.Ordinal).ToArray() : [], StringComparer.Ordinal);
    }

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
