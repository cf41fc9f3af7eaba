using System.Text;
using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>Each call of the OpenAPI document that takes JSON is given its own example, spoilt in every way: none is a fault of ours.</summary>
public class EveryCallTests(SharedSilo shared)
{
    /// <summary>In place of each member of each example.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "-0", "1.5", "1e400", "1e999999", "-99999999999999999999999999999999999999", "\"\"", "\" \"", "\"x\"", "\"1e400\"", "\"\\u0000\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\uffff\\ufffe\"", "\"\u202e\u0301😀\"", $"\"{new string('x', 100_000)}\"", "\"9999-12-31T23:59:59.999999999Z\"",
        "\"0001-01-01T00:00:00Z\"", "\"00000000-0000-0000-0000-000000000000\"", "[]", "[[]]", "[null]", "[\"x\"]", "{}", $"{new string('[', 1000)}{new string(']', 1000)}", "{\"\":{}}", "{\"a\":1}", "{\"a\":\"\\ud800\"}",
    ];

    private static readonly string?[] OtherTypes = ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "nonsense", null];

    [Fact]
    public async Task Whatever_is_sent_to_any_call_is_no_fault()
    {
        var api = await shared.GetAsync();
        var calls = await CallsAsync(api);
        Assert.InRange(calls.Count, 10, 100);
        foreach (var (verb, path, example) in calls)
        {
            foreach (var (name, text) in Spoilt(example))
                await CheckAsync(api, verb, path, Encoding.UTF8.GetBytes(text), "application/json", name, mustRefuse: true);
            foreach (var (name, bytes) in NoText(example))
                await CheckAsync(api, verb, path, bytes, "application/json", name, mustRefuse: true);
            foreach (var type in OtherTypes)
            {
                var reply = await CheckAsync(api, verb, path, Encoding.UTF8.GetBytes(example.ToJsonString()), type, $"type {type}", mustRefuse: true);
                Assert.Equal((415, "unsupported_media_type"), (reply.Status, reply.Code));
            }

            foreach (var member in Members(example).ToList())
            {
                foreach (var value in Values)
                    await CheckAsync(api, verb, path, Encoding.UTF8.GetBytes(With(example, member, value)), "application/json", $"{string.Join('.', member)} = {value}", mustRefuse: false);
            }
        }
    }

    /// <summary>Each call with a JSON body: what it is, where it is for a business of this test, and its example.</summary>
    private static async Task<List<(string Verb, string Path, JsonObject Example)>> CallsAsync(RunningApi api)
    {
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber());
        var document = (await api.Client.GetAsync("/openapi/v1.json")).Json!;
        return
        [
            .. from path in document["paths"]!.AsObject()
               from operation in path.Value!.AsObject()
               let content = operation.Value!["requestBody"]?["content"]?["application/json"]
               where content is not null
               select (
                   operation.Key.ToUpperInvariant(),
                   path.Key.Replace("{businessId}", $"{business.Id}", StringComparison.Ordinal)
                       .Replace("{customerId}", $"{customer}", StringComparison.Ordinal).Replace("{phone}", "%2B15125559999", StringComparison.Ordinal)
                       .Replace("{blackoutId}", "0199f0c2-5a00-7c10-9f3a-5d2b8a6e0c11", StringComparison.Ordinal),
                   content["example"]!.AsObject()),
        ];
    }

    private static IEnumerable<(string Name, string Text)> Spoilt(JsonObject example)
    {
        var text = example.ToJsonString();
        var open = text[..^1] + (example.Count > 0 ? "," : "");
        yield return ("an array of it", $"[{text}]");
        yield return ("null", "null");
        yield return ("spaces", "  ");
        yield return ("cut", text[..^1]);
        yield return ("followed by more", $"{text} x");
        yield return ("twice", text + text);
        yield return ("each member twice", open + text[1..]);
        yield return ("half a pair in a name", $"{open}\"\\ud800\":1}}");
        yield return ("U+0000 in a name", $"{open}\"\\u0000\":1}}");
        yield return ("arrays within arrays", new string('[', 100_000));
        yield return ("objects within objects", string.Concat(Enumerable.Repeat("{\"a\":", 100_000)));
        yield return ("too long", $"{open}\"zz\":\"{new string('z', 1024 * 1024)}\"}}");
    }

    private static IEnumerable<(string Name, byte[] Bytes)> NoText(JsonObject example)
    {
        yield return ("UTF-16", Encoding.Unicode.GetBytes(example.ToJsonString()));
        yield return ("half a pair as bytes", [.. "{\"a\":\""u8, 0xED, 0xA0, 0x80, .. "\"}"u8]);
        yield return ("a bare NUL", [0]);
        yield return ("no UTF-8", [.. "{\"a\":\""u8, 0xFF, .. "\"}"u8]);
    }

    private static IEnumerable<object[]> Members(JsonNode node, params object[] before) => node switch
    {
        JsonObject members => members.SelectMany(m => Members(m.Value ?? new JsonArray(), [.. before, m.Key]).Prepend([.. before, m.Key])),
        JsonArray { Count: > 0 } items when items[0] is JsonObject first => Members(first, [.. before, 0]),
        _ => [],
    };

    private static string With(JsonObject example, object[] member, string value)
    {
        const string Place = "here";
        var changed = example.DeepClone();
        var owner = member[..^1].Aggregate(changed, (node, step) => step is int index ? node[index]! : node[(string)step]!);
        owner[(string)member[^1]] = Place;
        return changed.ToJsonString().Replace($"\"{Place}\"", value, StringComparison.Ordinal);
    }

    private static async Task<Reply> CheckAsync(RunningApi api, string verb, string path, byte[] body, string? type, string what, bool mustRefuse)
    {
        using var content = new ByteArrayContent(body);
        if (type is not null)
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        var reply = await api.Client.SendAsync(new HttpMethod(verb), path, content, SharedSilo.AdminKey);
        var asItShould = reply.Status is >= 400 and < 500 ? reply.Code is { Length: > 0 } : reply.Status is >= 200 and < 300 && !mustRefuse;
        Assert.True(asItShould, $"{verb} {path} with {(what.Length > 200 ? what[..200] : what)} was answered {reply.Status}: {reply.Text}");
        return reply;
    }
}
