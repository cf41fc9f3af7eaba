namespace Sms.Silo.Simulator;

/// <summary>Who may use the simulator, where it listens (loopback only), and what becomes of messages.</summary>
internal sealed class TwilioSimulatorOptions
{
    /// <summary>TCP port; 0 picks a free one. Default: 0.</summary>
    public int Port { get; set; }

    /// <summary>The only account there is.</summary>
    public string AccountSid { get; set; } = "AC00000000000000000000000000000001";

    /// <summary>Its token, which also signs webhooks. Not a secret: it opens nothing but this simulator.</summary>
    public string AuthToken { get; set; } = "simulator";

    /// <summary>How long every create takes. Default: none.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>
    /// Messages go on to be sent and delivered, and each one's StatusCallback is told. Default: false, they stay as
    /// accepted and only the ledger tells.
    /// </summary>
    public bool Callbacks { get; set; }

    /// <summary>From the acceptance (or the sender's turn) to <c>sent</c>. Default: 100 ms.</summary>
    public TimeSpan SentAfter { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>From the acceptance (or the sender's turn) to <c>delivered</c>. Default: 500 ms.</summary>
    public TimeSpan DeliveredAfter { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Where texts from people are posted; null: none can be made. Default: null.</summary>
    public Uri? InboundUrl { get; set; }

    /// <summary>The number that every Messaging Service sends from.</summary>
    public string ServiceNumber { get; set; } = "+15005550006";

    /// <summary>Pace of each sender (number or Messaging Service), at least 0.001; null: unlimited. Default: null.</summary>
    public double? SegmentsPerSecond { get; set; }

    /// <summary>Segments that may wait for one sender when it has a pace. Default: 36,000, ten hours at one a second.</summary>
    /// <remarks>Source: https://www.twilio.com/docs/api/errors/21611.</remarks>
    public int QueueSegments { get; set; } = 36_000;

    /// <summary>Callbacks under way at once. Default: 16.</summary>
    public int CallbackConcurrency { get; set; } = 16;

    /// <summary>Callbacks that wait to be posted; more are dropped, which the ledger shows. Default: 100,000.</summary>
    public int CallbackQueue { get; set; } = 100_000;

    /// <summary>How long one webhook may take, connecting included. Default: 15 s, the most Twilio allows.</summary>
    /// <remarks>Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides.</remarks>
    public TimeSpan WebhookTimeout { get; set; } = TimeSpan.FromSeconds(15);
}
