using System.Text.Json.Nodes;
using Sms.Api;

namespace Sms.Integration.Tests.Api;

/// <summary>Against the verdicts of the provider's own helper library.</summary>
public sealed class TwilioSignatureTests
{
    public static TheoryData<string> Ids() => [.. Vectors().Select(v => v["id"]!.GetValue<string>())];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Signature_is_judged_as_the_provider_judges_it(string id)
    {
        var vector = Vectors().Single(v => v["id"]!.GetValue<string>() == id);
        var form = vector["params"]!.AsObject().SelectMany(
            p => p.Value is JsonArray many ? many.Select(v => v!.GetValue<string>()) : [p.Value!.GetValue<string>()],
            (p, value) => KeyValuePair.Create(p.Key, value));

        var valid = TwilioSignature.IsValid(
            vector["authToken"]!.GetValue<string>(), vector["url"]!.GetValue<string>(), form, vector["signature"]!.GetValue<string>());

        // What is accepted only after normalising the URL may be refused.
        if (vector["match"]!.GetValue<string>() != "normalised")
            Assert.Equal(vector["valid"]!.GetValue<bool>(), valid);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64")]
    [InlineData("AAAA")]
    public void Text_that_is_no_signature_is_refused(string signature) =>
        Assert.False(TwilioSignature.IsValid("12345", "https://api.example.com/cb", [], signature));

    /// <summary>Those with forms: a digest of the body in the query is for JSON webhooks, of which we serve none.</summary>
    private static IEnumerable<JsonObject> Vectors() =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Api", "vectors", "twilio-signatures.json")))!["vectors"]!.AsArray()
            .Select(v => v!.AsObject()).Where(v => !v["group"]!.GetValue<string>().StartsWith("body-sha256", StringComparison.Ordinal));
}
