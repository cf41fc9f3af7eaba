using System.Diagnostics.Metrics;

namespace Sms.Api;

/// <summary>What the edge counts. The labels are words of the contract: never a number, an id or a key.</summary>
internal static class ApiMetrics
{
    /// <summary>The name of our meters in all assemblies.</summary>
    public const string MeterName = "Sms";

    private static readonly Meter Meter = new(MeterName);

    public static Counter<long> Callbacks { get; } = Meter.CreateCounter<long>("sms.callbacks", description: "Status callbacks by what became of them; double: of an attempt that was given up and sent again, so that the recipient may have two; unknown: no such attempt");

    public static Counter<long> InboundTexts { get; } = Meter.CreateCounter<long>("sms.inbound_texts", description: "Inbound texts by kind");

    public static Counter<long> TurnedAway { get; } = Meter.CreateCounter<long>("sms.requests.turned_away", description: "Requests answered 429 or 503 because too many of their room were under way");

    public static UpDownCounter<int> Connections { get; } = Meter.CreateUpDownCounter<int>("sms.connections", description: "Connections that are open");

    public static Counter<long> ConnectionsTurnedAway { get; } = Meter.CreateCounter<long>("sms.connections.turned_away", description: "Connections that were closed because all places were taken: closed, an idle one for a new one; refused, a new one while none was idle");

    /// <summary>What alerts ask for is 0 from the start: Prometheus takes a counter that appears with its first count for one that never grew.</summary>
    public static void BeginAtZero()
    {
        foreach (var outcome in (string[])["applied", "repeated", "conflict", "double", "unknown"])
            Callbacks.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        foreach (var room in (string[])["business", "admin", "webhook", "unsigned", "unknown_key"])
            TurnedAway.Add(0, new KeyValuePair<string, object?>("room", room));
    }

    public static Counter<long> Sends { get; } = Meter.CreateCounter<long>("sms.sends", description: "Sends by outcome: accepted, replayed, or the refusal's code");
}
