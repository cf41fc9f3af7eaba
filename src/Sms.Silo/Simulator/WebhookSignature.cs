using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Sms.Silo.Simulator;

/// <summary>X-Twilio-Signature: who holds the account's token wrote this request to this URL.</summary>
/// <remarks>Source: https://www.twilio.com/docs/usage/security#validating-requests.</remarks>
internal static class WebhookSignature
{
    /// <param name="token">The account's primary token.</param>
    /// <param name="url">As configured, query included; a fragment never leaves the sender and is not signed.</param>
    /// <param name="form">Every field sent.</param>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "Twilio signs with HMAC-SHA1.")]
    public static string Compute(string token, string url, IEnumerable<KeyValuePair<string, string>> form)
    {
        var signed = new StringBuilder(WithoutFragment(url));
        foreach (var (name, value) in form.OrderBy(field => field.Key, StringComparer.Ordinal))
            signed.Append(name).Append(value);
        return Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(signed.ToString())));
    }

    public static string WithoutFragment(string url) => url.Split('#', 2)[0];
}
