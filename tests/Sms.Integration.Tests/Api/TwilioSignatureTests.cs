using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Sms.Api;
using Twilio.Security;

namespace Sms.Integration.Tests.Api;

/// <summary>Against the verdicts of the provider's own helper libraries: Node's in the vectors, the package's asked beside them.</summary>
public sealed class TwilioSignatureTests
{
    /// <summary>
    /// The package errs here, so nobody asks it: a URL that shows its default port is not tried without it, and a name
    /// that comes twice is joined by commas.
    /// </summary>
    private static readonly HashSet<string> WrongInThePackage = new(StringComparer.Ordinal)
    {
        "sig-054", "sig-056", "sig-060", "sig-085", "sig-086", "sig-087",
    };

    public static TheoryData<string> Ids() => [.. Vectors().Select(v => v["id"]!.GetValue<string>())];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Signature_is_judged_as_the_provider_judges_it(string id)
    {
        var vector = Vectors().Single(v => v["id"]!.GetValue<string>() == id);
        var (key, url, signature) = (vector["authToken"]!.GetValue<string>(), vector["url"]!.GetValue<string>(), vector["signature"]!.GetValue<string>());
        var form = Form(vector);

        var valid = TwilioSignature.IsValid(key, url, form, signature);

        // What is accepted only after normalising the URL may be refused.
        if (vector["match"]!.GetValue<string>() != "normalised")
            Assert.Equal(vector["valid"]!.GetValue<bool>(), valid);
        if (signature.Length > 0 && Uri.IsWellFormedUriString(url, UriKind.Absolute) && !WrongInThePackage.Contains(id))
            Assert.Equal(new RequestValidator(key).Validate(url, Dictionary(form), signature), valid);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_shared_keys_signature_is_judged_as_the_package_judges_it(string id)
    {
        var vector = Vectors().Single(v => v["id"]!.GetValue<string>() == id);
        var (key, url) = (vector["authToken"]!.GetValue<string>(), vector["url"]!.GetValue<string>());
        var form = Form(vector);
        if (form.DistinctBy(p => p.Key).Count() < form.Count || !Uri.IsWellFormedUriString(url, UriKind.Absolute))
            return;
        var signed = url + string.Concat(form.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Key + p.Value));
        foreach (var algorithm in new[] { HashAlgorithmName.SHA1, HashAlgorithmName.SHA256 })
        {
            var signature = Convert.ToBase64String(CryptographicOperations.HmacData(algorithm, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(signed)));
            foreach (var settings in new[] { "key=K1,algorithm=HMAC_SHA256", "key=K1,algorithm=HMAC_SHA1", "key=K1", "algorithm=hmac_sha256", "algorithm=HMAC_SHA512", "" })
            {
                var named = RequestValidator.GetSignatureAlgorithm(settings);
                foreach (var (claimed, secret) in new[] { (signature, key), (signature[1..] + signature[0], key), (signature, key + "x") })
                {
                    Assert.Equal(
                        new RequestValidator(secret).Validate(url, Dictionary(form), claimed, named),
                        TwilioSignature.AlgorithmOf(settings) is { } known && TwilioSignature.IsValid(secret, known, url, form, claimed));
                }
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64")]
    [InlineData("AAAA")]
    public void Text_that_is_no_signature_is_refused(string signature) =>
        Assert.False(TwilioSignature.IsValid("12345", "https://api.example.com/cb", [], signature));

    private static List<KeyValuePair<string, string>> Form(JsonObject vector) =>
    [
        .. vector["params"]!.AsObject().SelectMany(
            p => p.Value is JsonArray many ? many.Select(v => v!.GetValue<string>()) : [p.Value!.GetValue<string>()],
            (p, value) => KeyValuePair.Create(p.Key, value)),
    ];

    private static Dictionary<string, string> Dictionary(IEnumerable<KeyValuePair<string, string>> form) => form
        .GroupBy(p => p.Key, p => p.Value, StringComparer.Ordinal).ToDictionary(g => g.Key, g => string.Join(',', g), StringComparer.Ordinal);

    /// <summary>Those with forms: a digest of the body in the query is for JSON webhooks, of which we serve none.</summary>
    private static IEnumerable<JsonObject> Vectors() =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Api", "vectors", "twilio-signatures.json")))!["vectors"]!.AsArray()
            .Select(v => v!.AsObject()).Where(v => !v["group"]!.GetValue<string>().StartsWith("body-sha256", StringComparison.Ordinal));
}
