using System.Text;
using NodaTime;
using Sms.Domain.Segments;

namespace Sms.Domain.Attempts;

/// <summary>
/// Finds which of the provider's messages an attempt of unknown outcome may have made. A message counts unless it is
/// surely another one: what passes for absent is sent again.
/// </summary>
internal static class SentMatch
{
    /// <summary>How far the provider's clock and ours may be apart.</summary>
    public static readonly Duration ClockTolerance = Duration.FromSeconds(60);

    /// <summary>What Twilio puts before the texts of a trial account.</summary>
    private const string TrialPrefix = "Sent from your Twilio trial account - ";

    /// <summary>The provider created no message of the attempt before this; its instants are whole seconds, rounded down.</summary>
    public static Instant Since(UnknownAttempt attempt) =>
        Instant.FromUnixTimeSeconds(attempt.StartedAt.ToUnixTimeSeconds()) - ClockTolerance;

    /// <returns>Their SIDs, the one created nearest to the attempt first.</returns>
    public static IReadOnlyList<string> Of(UnknownAttempt attempt, IEnumerable<ProviderMessage> messages)
    {
        var since = Since(attempt);
        var until = attempt.UnknownAt + ClockTolerance;
        var body = Plain(attempt.Body);
        return [.. messages
            .Where(m => string.Equals(m.To, attempt.To, StringComparison.Ordinal)
                && IsFrom(m, attempt.Sender)
                && (m.CreatedAt is not { } created || (created >= since && created <= until))
                && Plain(m.Body) is var sent
                && (string.Equals(sent, body, StringComparison.Ordinal) || string.Equals(sent, TrialPrefix + body, StringComparison.Ordinal)))
            .OrderBy(m => m.CreatedAt is { } created ? Duration.FromTicks(Math.Abs((created - attempt.StartedAt).TotalTicks)) : Duration.MaxValue)
            .Select(m => m.Sid)];
    }

    private static bool IsFrom(ProviderMessage message, string sender)
    {
        if (sender.StartsWith("MG", StringComparison.Ordinal))
            return string.Equals(message.MessagingServiceSid, sender, StringComparison.Ordinal);
        return message.MessagingServiceSid is null
            && (message.From is null || string.Equals(message.From, sender, StringComparison.Ordinal));
    }

    /// <summary>
    /// The text without what the provider may have changed: composition, line ends, white space at the ends, and the
    /// characters that a messaging service with Smart Encoding replaces.
    /// </summary>
    private static string Plain(string body) =>
        SmartEncoding.Apply(body.Normalize(NormalizationForm.FormC)).ReplaceLineEndings("\n").Trim();
}
