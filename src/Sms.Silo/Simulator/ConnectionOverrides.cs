using System.Globalization;

namespace Sms.Silo.Simulator;

/// <summary>What the fragment of a webhook's URL asks of repeats; its time-outs (ct, rt, tt) are not simulated.</summary>
/// <param name="Repeats">rc: how often a failed webhook is repeated, 0 to 5.</param>
/// <param name="Policy">rp: after which failures.</param>
/// <remarks>Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.</remarks>
internal sealed record ConnectionOverrides(int Repeats, WebhookFailures Policy)
{
    private const int DefaultRepeats = 1, MaxRepeats = 5;

    /// <summary>Reads a URL; what is missing or makes no sense is Twilio's default: once, when connecting failed.</summary>
    public static ConnectionOverrides Of(string url)
    {
        var overrides = new ConnectionOverrides(DefaultRepeats, WebhookFailures.Connect);
        var fragment = url.Split('#', 2) is [_, var some] ? some : "";
        foreach (var part in fragment.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            overrides = part.Split('=', 2) switch
            {
                ["rc", var count] when int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var repeats) && repeats <= MaxRepeats =>
                    overrides with { Repeats = repeats },
                ["rp", var policy] => overrides with { Policy = Policies(policy) },
                _ => overrides,
            };
        }

        return overrides;
    }

    private static WebhookFailures Policies(string policy) => policy.Split(',').Aggregate(
        WebhookFailures.None,
        (sum, word) => sum | word switch
        {
            "ct" => WebhookFailures.Connect,
            "rt" => WebhookFailures.Read,
            "4xx" => WebhookFailures.ClientError,
            "5xx" => WebhookFailures.ServerError,
            "all" => WebhookFailures.All,
            _ => WebhookFailures.None,
        });
}
