namespace Sms.Domain.Failures;

/// <summary>What a failure of the provider means for the message, its recipient and its sender.</summary>
public enum FailureClass
{
    /// <summary>Tried again with backoff and jitter; counts as an attempt.</summary>
    Transient,

    /// <summary>The provider may have accepted it: reconciled, never sent again blindly.</summary>
    Unknown,

    /// <summary>Refused before it was processed because too much was asked at once: deferred, counts no attempt.</summary>
    Rate,

    /// <summary>A daily allowance is used up: deferred until it resets, counts no attempt.</summary>
    Day,

    /// <summary>The number cannot receive texts: failed at once, the number is suppressed.</summary>
    BadNumber,

    /// <summary>This sender cannot reach this number: failed at once, the number is not suppressed.</summary>
    Route,

    /// <summary>The recipient opted out at the provider or carrier: failed at once, the recipient is suppressed.</summary>
    OptOut,

    /// <summary>The text itself is refused: failed at once.</summary>
    Content,

    /// <summary>The account or the sender cannot send: nothing is failed, sending stops until a probe succeeds.</summary>
    Configuration,

    /// <summary>The sender lacks its United States registration (A2P 10DLC or toll-free): as <see cref="Configuration"/>.</summary>
    A2P,

    /// <summary>The request was malformed, a defect of ours or of its input: failed at once.</summary>
    Request,

    /// <summary>It stayed in the provider's queue past its validity period.</summary>
    Expired,

    /// <summary>Says nothing about the message.</summary>
    Info,

    /// <summary>The provider's own quiet hours at the recipient: not a fault; deferred, counts no attempt.</summary>
    Hours,
}
