using System.Diagnostics.Metrics;

namespace Sms.Api;

/// <summary>What the edge counts.</summary>
internal static class ApiMetrics
{
    public const string MeterName = "Sms.Api";

    private static readonly Meter Meter = new(MeterName);

    public static Counter<long> Callbacks { get; } = Meter.CreateCounter<long>("sms_callbacks", description: "Status callbacks by what became of them; unknown: no such attempt");

    public static Counter<long> InboundTexts { get; } = Meter.CreateCounter<long>("sms_inbound_texts", description: "Inbound texts by kind");

    public static Counter<long> Sends { get; } = Meter.CreateCounter<long>("sms_sends", description: "Sends by outcome: accepted, replayed, or the refusal's code");
}
