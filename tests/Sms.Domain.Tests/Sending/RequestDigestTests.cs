using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Sms.Domain.Sending;
using Xunit;

namespace Sms.Domain.Tests.Sending;

public sealed class RequestDigestTests
{
    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal) { ["category"] = "marketing" };

    [Theory]
    [InlineData("""{"metadata":{"order":"42","site":"a"}}""", """{"metadata":{"site":"a","order":"42"}}""")]
    [InlineData("""{"a":1,"b":{"c":[{"d":1,"e":2}],"f":3}}""", """ { "b" : { "f":3, "c":[ {"e":2,"d":1} ] }, "a":1 } """)]
    [InlineData("""{"m":{"n":1}}""", """{"m":{"n":1.0}}""")]
    [InlineData("""{"m":{"n":1}}""", """{"m":{"n":1e0}}""")]
    [InlineData("""{"m":{"n":10}}""", """{"m":{"n":1E+1}}""")]
    [InlineData("""{"m":{"n":0.001}}""", """{"m":{"n":10.0e-4}}""")]
    [InlineData("""{"m":{"n":0}}""", """{"m":{"n":-0.0e7}}""")]
    [InlineData("""{"m":{"n":1e99999999999999999999}}""", """{"m":{"n":10e99999999999999999998}}""")]
    [InlineData("""{"body":"é/\n"}""", """{"body":"\u00e9\/\u000a"}""")]
    [InlineData("""{"m":{"é":1}}""", """{"m":{"\u00E9":1}}""")]
    [InlineData("""{"body":"Hi"}""", """{"body":"Hi","category":"marketing","metadata":{},"variables":{},"sendAt":null,"thoughtOfLater":null}""")]
    public void The_same_request_has_the_same_digest(string one, string other) => Assert.Equal(Of(one), Of(other));

    [Theory]
    [InlineData("""{"m":[1,2]}""", """{"m":[2,1]}""")]
    [InlineData("""{"m":{"a":1}}""", """{"m":{"a":2}}""")]
    [InlineData("""{"m":{"a":1}}""", """{"m":{"a":"1"}}""")]
    [InlineData("""{"m":{"a":1}}""", """{"m":{"a":-1}}""")]
    [InlineData("""{"m":{"a":1}}""", """{"m":{"a":10}}""")]
    [InlineData("""{"m":{"a":9007199254740993}}""", """{"m":{"a":9007199254740992}}""")]
    [InlineData("""{"m":{"a":0.1}}""", """{"m":{"a":0.10000000000000000001}}""")]
    [InlineData("""{"m":{"a":null}}""", """{"m":{"b":null}}""")]
    [InlineData("""{"m":{"a":null}}""", """{"m":{}}""")]
    [InlineData("""{"m":{"a":true}}""", """{"m":{"a":false}}""")]
    [InlineData("""{"m":{"a":{}}}""", """{"m":{"a":[]}}""")]
    [InlineData("""{"m":{"a":["b","c"]}}""", """{"m":{"a":["bc"]}}""")]
    [InlineData("""{"m":{"a":"b","c":"d"}}""", """{"m":{"a":{"b":"c"},"d":"d"}}""")]
    [InlineData("""{"body":"Hi"}""", """{"body":"hi"}""")]
    [InlineData("""{"body":"Hi"}""", """{"body":"Hi "}""")]
    [InlineData("""{"body":"Hi"}""", """{"to":"Hi"}""")]
    [InlineData("""{"body":"Hi"}""", """{"body":"Hi","category":"otp"}""")]
    [InlineData("""{"m":{"category":"marketing"}}""", """{"m":{"x":1}}""")]
    public void Another_request_has_another(string one, string other) => Assert.NotEqual(Of(one), Of(other));

    [Fact]
    public void Members_may_be_permuted_at_every_depth() =>
        Json(4).Select(Gen.Int, (json, seed) => (json, seed)).Sample((json, seed) =>
        {
            var text = new JsonObject { ["m"] = json }.ToJsonString();
            Assert.Equal(Of(text), Of(Shuffled(JsonNode.Parse(text)!, new Random(seed)).ToJsonString()));
        });

    private static string Of(string json)
    {
        using var document = JsonDocument.Parse(json);
        return RequestDigest.Of(document.RootElement, Defaults);
    }

    private static Gen<JsonNode?> Json(int depth)
    {
        var leaf = Gen.OneOf(
            Gen.Int[-3, 3].Select(n => (JsonNode?)JsonValue.Create(n)), Gen.Char['a', 'c'].Select(c => (JsonNode?)JsonValue.Create(c.ToString())),
            Gen.Bool.Select(b => (JsonNode?)JsonValue.Create(b)));
        if (depth == 0)
            return leaf;
        var name = Gen.Char['a', 'f'].Select(c => c.ToString());
        return Gen.OneOf(
            leaf,
            Gen.Select(name, Json(depth - 1)).Array[0, 4].Select(members => (JsonNode?)new JsonObject(members.DistinctBy(m => m.Item1).Select(m => KeyValuePair.Create(m.Item1, m.Item2?.DeepClone())))),
            Json(depth - 1).Array[0, 3].Select(items => (JsonNode?)new JsonArray([.. items.Select(i => i?.DeepClone())])));
    }

    private static JsonNode Shuffled(JsonNode node, Random random) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(_ => random.Next()).Select(m => KeyValuePair.Create(m.Key, m.Value is null ? null : Shuffled(m.Value, random)))),
        JsonArray items => new JsonArray([.. items.Select(i => i is null ? null : Shuffled(i, random))]),
        _ => node.DeepClone(),
    };
}
