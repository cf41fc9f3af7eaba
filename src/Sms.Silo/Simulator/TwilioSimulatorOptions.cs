namespace Sms.Silo.Simulator;

/// <summary>Who may use the simulator and where it listens (loopback only).</summary>
internal sealed class TwilioSimulatorOptions
{
    /// <summary>TCP port; 0 picks a free one. Default: 0.</summary>
    public int Port { get; set; }

    /// <summary>The only account there is.</summary>
    public string AccountSid { get; set; } = "AC00000000000000000000000000000001";

    /// <summary>Its token. Not a secret: it opens nothing but this simulator.</summary>
    public string AuthToken { get; set; } = "simulator";

    /// <summary>How long every create takes. Default: none.</summary>
    public TimeSpan Latency { get; set; }
}
