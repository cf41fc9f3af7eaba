using System.Security.Cryptography;
using System.Text;

namespace Sms.Api;

/// <summary>Tells whether a webhook comes from the owner of an auth token or of a shared key.</summary>
/// <remarks>
/// Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security and
/// https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys.
/// </remarks>
public static class TwilioSignature
{
    /// <summary>
    /// The header that comes with the signature of a shared key: <c>key=ID,algorithm=NAME</c>. Without it the auth token
    /// signs, with HMAC-SHA1.
    /// </summary>
    public const string SettingsHeader = "X-Twilio-Webhooks-Signature-Settings";

    /// <summary>The algorithm that a <see cref="SettingsHeader"/> names: SHA-1 when it names none, null when nobody here knows it.</summary>
    public static HashAlgorithmName? AlgorithmOf(string settings)
    {
        foreach (var setting in settings.Split(','))
        {
            if (setting.Split('=', 2, StringSplitOptions.TrimEntries) is not ["algorithm", { Length: > 0 } algorithm])
                continue;
            if (algorithm.Equals("HMAC_SHA256", StringComparison.OrdinalIgnoreCase))
                return HashAlgorithmName.SHA256;
            return algorithm.Equals("HMAC_SHA1", StringComparison.OrdinalIgnoreCase) ? HashAlgorithmName.SHA1 : null;
        }

        return HashAlgorithmName.SHA1;
    }

    /// <summary>Whether this auth token made the signature, with HMAC-SHA1.</summary>
    /// <inheritdoc cref="IsValid(string, HashAlgorithmName, string, IEnumerable{KeyValuePair{string, string}}, string)"/>
    public static bool IsValid(string authToken, string url, IEnumerable<KeyValuePair<string, string>> form, string signature) =>
        IsValid(authToken, HashAlgorithmName.SHA1, url, form, signature);

    /// <summary>Whether this secret made the signature.</summary>
    /// <param name="secret">An auth token of the account, or a shared key.</param>
    /// <param name="algorithm">Of the HMAC.</param>
    /// <param name="url">The URL as the provider knows it, with the exact query string received and no fragment.</param>
    /// <param name="form">The parameters; a name may come several times.</param>
    /// <param name="signature">The header X-Twilio-Signature.</param>
    public static bool IsValid(
        string secret, HashAlgorithmName algorithm, string url, IEnumerable<KeyValuePair<string, string>> form, string signature)
    {
        // Compared as text: a decoder would forgive spaces that the provider never writes.
        var claimed = Encoding.UTF8.GetBytes(signature);
        var parameters = Concatenate(form);
        // Providers and proxies disagree on whether a URL shows its port: the same place either way.
        foreach (var spelling in Spellings(url))
        {
            // SHA-1 is the provider's choice; in an HMAC it is not known to be weak.
            var computed = CryptographicOperations.HmacData(algorithm, Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(spelling + parameters));
            if (CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Convert.ToBase64String(computed)), claimed))
                return true;
        }

        return false;
    }

    /// <summary>Sorted by name; of a name that comes several times, each distinct value once, sorted.</summary>
    private static string Concatenate(IEnumerable<KeyValuePair<string, string>> form)
    {
        var sorted = form.ToArray();
        Array.Sort(sorted, Compare);
        var text = new StringBuilder();
        for (var n = 0; n < sorted.Length; n++)
        {
            if (n == 0 || Compare(sorted[n - 1], sorted[n]) != 0)
                text.Append(sorted[n].Key).Append(sorted[n].Value);
        }

        return text.ToString();

        static int Compare(KeyValuePair<string, string> a, KeyValuePair<string, string> b)
        {
            var byName = string.CompareOrdinal(a.Key, b.Key);
            return byName != 0 ? byName : string.CompareOrdinal(a.Value, b.Value);
        }
    }

    private static IEnumerable<string> Spellings(string url)
    {
        yield return url;
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
            yield break;
        var start = scheme + 3;
        var end = url.AsSpan(start).IndexOfAny('/', '?', '#');
        var authority = end < 0 ? url[start..] : url.Substring(start, end);
        var rest = url[(start + authority.Length)..];
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        var colon = host.LastIndexOf(':');
        if (colon >= 0 && !host.EndsWith(']'))
            yield return url[..start] + authority[..^(host.Length - colon)] + rest;
        else
            yield return url[..start] + authority + (url.StartsWith("https", StringComparison.OrdinalIgnoreCase) ? ":443" : ":80") + rest;
    }
}
