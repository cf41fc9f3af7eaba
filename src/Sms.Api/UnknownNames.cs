using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using F23.StringSimilarity;

namespace Sms.Api;

/// <summary>Names that nothing here has: what they were meant to be is said, so that nothing asked for is ignored.</summary>
public static class UnknownNames
{
    private static readonly JaroWinkler Similarity = new();

    /// <summary>What other systems, and our own replies, call some of our members.</summary>
    private static readonly Dictionary<string, string[]> OtherWords = new(StringComparer.OrdinalIgnoreCase)
    {
        ["scheduledFor"] = ["sendAt"],
        ["scheduledAt"] = ["sendAt"],
        ["scheduleAt"] = ["sendAt"],
        ["deliverAt"] = ["sendAt"],
        ["expiresAt"] = ["validUntil"],
        ["phone"] = ["to"],
        ["phoneNumber"] = ["to", "phone"],
        ["recipient"] = ["to"],
        ["mobile"] = ["phone", "to"],
        ["message"] = ["body"],
        ["text"] = ["body"],
        ["content"] = ["body"],
        ["zip"] = ["postalCode"],
        ["zipCode"] = ["postalCode"],
        ["tz"] = ["timezone"],
        ["consent"] = ["smsConsent"],
        ["pageSize"] = ["limit"],
        ["after"] = ["cursor"],
        ["from"] = ["since"],
    };

    /// <summary>The known name that is most like this one.</summary>
    /// <returns>Null: there is none at all.</returns>
    public static string? Nearest(string name, IEnumerable<string> known)
    {
        var names = known.ToList();
        return OtherWords.GetValueOrDefault(name)?.FirstOrDefault(w => names.Contains(w, StringComparer.Ordinal))
            ?? names.MaxBy(n => Similarity.Similarity(n.ToUpperInvariant(), name.ToUpperInvariant()));
    }

    /// <summary>The end of a sentence that begins with the name: "is not a setting: did you mean `SMS_URLS`?".</summary>
    public static string Fault(string name, string what, IEnumerable<string> known) =>
        Nearest(name, known) is { } nearest ? $"is not {what}: did you mean `{nearest}`?" : $"is not {what}";

    /// <summary>The first member of a request that its shape does not have.</summary>
    /// <param name="json">A JSON value.</param>
    /// <param name="shape">The type it is read as.</param>
    /// <param name="options">How it is read.</param>
    /// <returns>Null: it has none.</returns>
    internal static Problem? FindMember(ReadOnlySpan<byte> json, Type shape, JsonSerializerOptions options)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = options.MaxDepth });
        return reader.Read() && reader.TokenType == JsonTokenType.StartObject ? FindMember(ref reader, options.GetTypeInfo(shape), path: "") : null;
    }

    private static Problem? FindMember(ref Utf8JsonReader reader, JsonTypeInfo shape, string path)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (shape.Properties.FirstOrDefault(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } property)
                return Problem.Invalid(path + name, Fault(name, "a member of this request", shape.Properties.Select(p => p.Name)));
            var inner = shape.Options.GetTypeInfo(property.PropertyType);
            if (reader.TokenType == JsonTokenType.StartObject && inner.Kind == JsonTypeInfoKind.Object)
            {
                if (FindMember(ref reader, inner, $"{path}{property.Name}.") is { } problem)
                    return problem;
            }
            else
            {
                reader.Skip();
            }
        }

        return null;
    }

    /// <summary>Refuses query parameters that a call does not have: to ignore one may show, or end, more than was meant.</summary>
    internal static RouteGroupBuilder RequireKnownQuery(this RouteGroupBuilder group)
    {
        group.AddEndpointFilter((context, next) =>
        {
            var http = context.HttpContext;
            if (http.Request.Query.Count > 0)
            {
                var known = OpenApiOperations.QueryNames(http.GetEndpoint()?.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName);
                foreach (var (name, _) in http.Request.Query)
                {
                    if (!known.Any(k => IsNamed(name, k)))
                        return ValueTask.FromResult<object?>(Problem.Invalid(name, Fault(name, "a query parameter of this call", known)).ToResult());
                }
            }

            return next(context);
        });
        return group;
    }

    /// <summary>KEY stands for whatever the caller calls it.</summary>
    private static bool IsNamed(string name, string known) => known.EndsWith(".KEY", StringComparison.Ordinal)
        ? name.StartsWith(known[..^3], StringComparison.Ordinal) && name.Length >= known.Length - 2
        : string.Equals(name, known, StringComparison.OrdinalIgnoreCase);
}
