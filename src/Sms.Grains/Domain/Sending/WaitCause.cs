namespace Sms.Domain.Sending;

/// <summary>What a message waits for, more closely than its reason, which is one of four words.</summary>
public enum WaitCause
{
    /// <summary>The recipient's lawful hours.</summary>
    QuietHours,

    /// <summary>The time that its client asked for.</summary>
    SendAt,

    /// <summary>Its business paused.</summary>
    Paused,

    /// <summary>A slot of the pace that its business or its sender keeps to.</summary>
    Pace,

    /// <summary>The next day: the business's segments of the present one are used up.</summary>
    DailyLimit,

    /// <summary>The law's cap on texts to one recipient.</summary>
    FrequencyCap,

    /// <summary>The provider took it for too much at once.</summary>
    ProviderRate,

    /// <summary>The provider failed, or lacks something for this recipient.</summary>
    ProviderError,

    /// <summary>No request leaves for the provider.</summary>
    ProviderUnreachable,

    /// <summary>The provider refuses the sender: its account or its registration.</summary>
    SenderRefused,

    /// <summary>It is due, behind others.</summary>
    Busy,

    /// <summary>An earlier text to the same recipient.</summary>
    Turn,
}

/// <summary>The words of the wire and the database.</summary>
public static class WaitWords
{
    /// <summary>All of them, in the order of <see cref="WaitCause"/>.</summary>
    public static readonly string[] All = [.. Enum.GetValues<WaitCause>().Select(ToWire)];

    public static string ToWire(this WaitCause cause) => cause switch
    {
        WaitCause.QuietHours => "quiet_hours",
        WaitCause.SendAt => "send_at",
        WaitCause.Paused => "paused",
        WaitCause.Pace => "pace",
        WaitCause.DailyLimit => "daily_limit",
        WaitCause.FrequencyCap => "frequency_cap",
        WaitCause.ProviderRate => "provider_rate",
        WaitCause.ProviderError => "provider_error",
        WaitCause.ProviderUnreachable => "provider_unreachable",
        WaitCause.SenderRefused => "sender_refused",
        WaitCause.Busy => "busy",
        WaitCause.Turn => "turn",
        _ => throw new ArgumentOutOfRangeException(nameof(cause), cause, message: null),
    };

    /// <summary>quiet_hours, twilio_error, rate_limit or scheduled.</summary>
    public static string ToReason(this WaitCause cause) => cause switch
    {
        WaitCause.QuietHours => "quiet_hours",
        WaitCause.Pace or WaitCause.DailyLimit or WaitCause.FrequencyCap or WaitCause.ProviderRate => "rate_limit",
        WaitCause.ProviderError or WaitCause.ProviderUnreachable or WaitCause.SenderRefused => "twilio_error",
        _ => "scheduled",
    };

    /// <summary>The reason of what waits for this; null: it may have any, or there is no such word.</summary>
    public static string? ReasonOf(string cause) =>
        Array.IndexOf(All, cause) is >= 0 and var n && (WaitCause)n is not (WaitCause.Paused or WaitCause.Busy or WaitCause.Turn) ? ((WaitCause)n).ToReason() : null;
}
