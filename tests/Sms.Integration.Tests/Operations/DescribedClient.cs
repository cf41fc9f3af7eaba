using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Operations;

/// <summary>
/// A client that knows nothing but the checked-in OpenAPI document: calls go by their name, and what comes back must be
/// one of the replies that the document promises, in its shape.
/// </summary>
internal sealed class DescribedClient(HttpClient http, string key)
{
    private static readonly JsonObject Document =
        JsonNode.Parse(File.ReadAllText(Path.Combine(ApiDescription.Root(), "docs", "openapi.json")))!.AsObject();

    private static readonly Dictionary<string, (string Verb, string Path, JsonObject Operation)> Operations = Document["paths"]!.AsObject()
        .SelectMany(p => p.Value!.AsObject().Select(o => (Verb: o.Key, Path: p.Key, Operation: o.Value!.AsObject())))
        .ToDictionary(o => o.Operation["operationId"]!.GetValue<string>(), StringComparer.Ordinal);

    /// <summary>Every call that the document has.</summary>
    public static IReadOnlyCollection<string> Calls => Operations.Keys;

    /// <summary>The body that the document gives as an example of a call.</summary>
    public static JsonObject Example(string call) =>
        Operations[call].Operation["requestBody"]!["content"]!["application/json"]!["example"]!.DeepClone().AsObject();

    /// <summary>Makes a call with the values of its path, a body where it takes one, and its query.</summary>
    public async Task<(int Status, JsonNode? Body)> CallAsync(
        string call, JsonNode? body = null, string query = "", params (string Name, string Value)[] path)
    {
        var (verb, template, operation) = Operations[call];
        var address = path.Aggregate(template, (a, p) => a.Replace($"{{{p.Name}}}", Uri.EscapeDataString(p.Value), StringComparison.Ordinal));
        Assert.DoesNotContain('{', address);
        using var request = new HttpRequestMessage(new HttpMethod(verb.ToUpperInvariant()), new Uri(address + query, UriKind.Relative));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (body is not null)
        {
            Check(operation["requestBody"]!["content"]!["application/json"]!["schema"]!, body, $"{call} request");
            request.Content = JsonContent.Create(body);
        }

        using var reply = await http.SendAsync(request);
        var status = (int)reply.StatusCode;
        var text = await reply.Content.ReadAsStringAsync();
        var promised = operation["responses"]![status.ToString(CultureInfo.InvariantCulture)];
        Assert.True(promised is not null, $"{call} answered {status}, which the document does not promise: {text}");
        if (promised["content"]?[reply.Content.Headers.ContentType?.MediaType ?? ""] is not { } content)
        {
            Assert.True(text.Length == 0 || promised["content"] is null, $"{call}: {reply.Content.Headers.ContentType} is not promised");
            return (status, null);
        }

        if (reply.Content.Headers.ContentType!.MediaType!.EndsWith("json", StringComparison.Ordinal) is false)
            return (status, JsonValue.Create(text));
        var read = JsonNode.Parse(text);
        Check(content["schema"]!, read, $"{call} {status}");
        return (status, read);
    }

    private static void Check(JsonNode schema, JsonNode? value, string where)
    {
        if (Complaint(schema, value, where) is { } complaint)
            Assert.Fail($"{complaint}\nin {value?.ToJsonString()}");
    }

    /// <summary>Null: the value has the shape.</summary>
    private static string? Complaint(JsonNode schema, JsonNode? value, string where)
    {
        if (schema["$ref"]?.GetValue<string>() is { } reference)
            return Complaint(Document["components"]!["schemas"]![reference.Split('/')[^1]]!, value, where);
        if (schema["allOf"] is JsonArray parts)
            return Complaint(Merged(parts, schema), value, where);
        if ((schema["oneOf"] ?? schema["anyOf"]) is JsonArray choices)
        {
            var complaints = choices.Select(c => Complaint(c!, value, where)).ToList();
            return complaints.Contains(null) ? null : string.Join("; ", complaints);
        }

        if (schema["type"] is { } types && !Kinds(value).Intersect(Words(types), StringComparer.Ordinal).Any())
            return $"{where}: {Kinds(value)[0]} is not {types.ToJsonString()}";
        if (schema["enum"] is JsonArray words && !words.Any(w => JsonNode.DeepEquals(w, value)))
            return $"{where}: {value?.ToJsonString()} is none of {words.ToJsonString()}";
        switch (value)
        {
            case JsonObject members:
                var known = schema["properties"]?.AsObject();
                foreach (var required in schema["required"]?.AsArray() ?? [])
                {
                    if (!members.ContainsKey(required!.GetValue<string>()))
                        return $"{where}: {required} is missing";
                }

                foreach (var (name, member) in members)
                {
                    if (known?[name] is { } shape)
                    {
                        if (Complaint(shape, member, $"{where}.{name}") is { } complaint)
                            return complaint;
                    }
                    else if (known is not null && schema["additionalProperties"] is null)
                    {
                        return $"{where}.{name} is not in the document";
                    }
                }

                return null;
            case JsonArray items when schema["items"] is { } item:
                return items.Select((v, n) => Complaint(item, v, $"{where}[{n}]")).FirstOrDefault(c => c is not null);
            case JsonValue text when text.GetValueKind() is JsonValueKind.String && schema["format"]?.GetValue<string>() is { } format:
                var isOne = format switch
                {
                    "uuid" => Guid.TryParseExact(text.GetValue<string>(), "D", out _),
                    "date-time" => DateTimeOffset.TryParse(text.GetValue<string>(), CultureInfo.InvariantCulture, out _) && text.GetValue<string>().EndsWith('Z'),
                    _ => true,
                };
                return isOne ? null : $"{where}: {text} is no {format}";
            default:
                return null;
        }
    }

    /// <summary>One schema with the members of all, since none of them knows those of the others.</summary>
    private static JsonObject Merged(JsonArray parts, JsonNode own)
    {
        var merged = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(), ["required"] = new JsonArray() };
        foreach (var part in parts.Append(own))
        {
            var named = part!["$ref"]?.GetValue<string>() is { } reference ? Document["components"]!["schemas"]![reference.Split('/')[^1]]! : part;
            foreach (var (name, shape) in named["properties"]?.AsObject() ?? [])
                merged["properties"]![name] = shape!.DeepClone();
            foreach (var required in named["required"]?.AsArray() ?? [])
                merged["required"]!.AsArray().Add(required!.DeepClone());
        }

        return merged;
    }

    private static IEnumerable<string> Words(JsonNode types) => types is JsonArray some ? some.Select(t => t!.GetValue<string>()) : [types.GetValue<string>()];

    private static string[] Kinds(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => ["null"],
        JsonValueKind.Object => ["object"],
        JsonValueKind.Array => ["array"],
        JsonValueKind.String => ["string"],
        JsonValueKind.True or JsonValueKind.False => ["boolean"],
        _ => value.AsValue().TryGetValue<long>(out _) ? ["integer", "number"] : ["number"],
    };
}
