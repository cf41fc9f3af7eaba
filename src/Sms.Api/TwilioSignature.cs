using System.Security.Cryptography;
using System.Text;

namespace Sms.Api;

/// <summary>Tells whether a webhook comes from the owner of an auth token.</summary>
/// <remarks>Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security.</remarks>
public static class TwilioSignature
{
    /// <param name="authToken">The account's token.</param>
    /// <param name="url">The URL as the provider knows it, with the exact query string received and no fragment.</param>
    /// <param name="form">The parameters; a name may come several times.</param>
    /// <param name="signature">The header X-Twilio-Signature.</param>
    public static bool IsValid(string authToken, string url, IEnumerable<KeyValuePair<string, string>> form, string signature)
    {
        // Compared as text: a decoder would forgive spaces that the provider never writes.
        var claimed = Encoding.UTF8.GetBytes(signature);
        var parameters = Concatenate(form);
        // Providers and proxies disagree on whether a URL shows its port: the same place either way.
        foreach (var spelling in Spellings(url))
        {
#pragma warning disable CA5350 // SHA-1 is the provider's choice; in an HMAC it is not known to be weak.
            var computed = HMACSHA1.HashData(Encoding.UTF8.GetBytes(authToken), Encoding.UTF8.GetBytes(spelling + parameters));
#pragma warning restore CA5350
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
