namespace Sms.Silo.Simulator;

/// <summary>What a fault befalls.</summary>
internal enum FaultTarget
{
    /// <summary>POST Messages.json.</summary>
    Create,

    /// <summary>GET Messages.json and GET Messages/{sid}.json.</summary>
    Lookup,

    /// <summary>The status callbacks of one message, settled when it is accepted.</summary>
    Callback,
}

/// <summary>What goes wrong: with a create, and whether the message exists afterwards; with a look-up; with callbacks.</summary>
internal enum SimulatedFaultKind
{
    /// <summary>Takes <see cref="SimulatedFault.Latency"/> longer, then goes well.</summary>
    Latency,

    /// <summary>429 with code 20429; with Retry-After when <see cref="SimulatedFault.RetryAfter"/> is set. Not accepted.</summary>
    RateLimit,

    /// <summary>500 with code 20500. Not accepted.</summary>
    ErrorBeforeAccepting,

    /// <summary>500 with code 20500. Accepted.</summary>
    ErrorAfterAccepting,

    /// <summary>The connection breaks. Not accepted.</summary>
    ResetBeforeAccepting,

    /// <summary>The connection breaks. Accepted.</summary>
    ResetAfterAccepting,

    /// <summary>No answer until the client goes, and then not accepted; released before that, it goes well.</summary>
    HangBeforeAccepting,

    /// <summary>Accepted; no answer until released.</summary>
    HangAfterAccepting,

    /// <summary>502 with a page of HTML, as from a proxy. Not accepted.</summary>
    BadGateway,

    /// <summary>201 with a cut reply. Accepted.</summary>
    UnreadableAfterAccepting,

    /// <summary>307 to the same URL: who follows it asks twice. Not accepted.</summary>
    Redirect,

    /// <summary>401 with code 20003, as after a rotated token. Not accepted.</summary>
    BadCredentials,

    /// <summary>400 with <see cref="SimulatedFault.Code"/>, any of Twilio's codes. Not accepted.</summary>
    Refuse,

    /// <summary>Callbacks come <see cref="SimulatedFault.Latency"/> later.</summary>
    Delayed,

    /// <summary>Callbacks come in reverse order.</summary>
    Shuffled,

    /// <summary>Every callback comes twice, at once.</summary>
    Doubled,

    /// <summary>Every callback comes three times, at once.</summary>
    Tripled,

    /// <summary>No callback comes.</summary>
    Lost,

    /// <summary>The first callback comes, and is answered, before the create is.</summary>
    Early,

    /// <summary>Callbacks are signed with a token that is not the account's.</summary>
    Forged,
}

/// <summary>One thing to go wrong.</summary>
/// <param name="Kind">What.</param>
/// <param name="Code">For <see cref="SimulatedFaultKind.Refuse"/>.</param>
/// <param name="RetryAfter">For <see cref="SimulatedFaultKind.RateLimit"/>: the header's text, seconds or an HTTP date.</param>
/// <param name="Latency">For <see cref="SimulatedFaultKind.Latency"/> and <see cref="SimulatedFaultKind.Delayed"/>.</param>
/// <param name="Status">For callbacks other than <see cref="SimulatedFaultKind.Early"/>: only the one with this status; null: all.</param>
internal sealed record SimulatedFault(
    SimulatedFaultKind Kind, int? Code = null, string? RetryAfter = null, TimeSpan Latency = default, string? Status = null)
{
    /// <summary>Whether this can happen to the target; a look-up accepts nothing, so it fails before or not at all.</summary>
    public static bool Fits(SimulatedFaultKind kind, FaultTarget target) => kind switch
    {
        >= SimulatedFaultKind.Delayed => target == FaultTarget.Callback,
        SimulatedFaultKind.Refuse
            or SimulatedFaultKind.ErrorAfterAccepting
            or SimulatedFaultKind.ResetAfterAccepting
            or SimulatedFaultKind.HangAfterAccepting
            or SimulatedFaultKind.UnreadableAfterAccepting => target == FaultTarget.Create,
        _ => target != FaultTarget.Callback,
    };
}

/// <summary>A fault and the share of its targets that meet it, 0 to 1.</summary>
internal readonly record struct FaultShare(SimulatedFault Fault, double Share);
