namespace Sms.Silo.Simulator;

/// <summary>The ways in which a webhook can fail, as Twilio's retry policies divide them.</summary>
[Flags]
internal enum WebhookFailures
{
    None = 0,

    /// <summary>No connection.</summary>
    Connect = 1,

    /// <summary>No whole reply in time.</summary>
    Read = 2,

    ClientError = 4,

    ServerError = 8,

    All = Connect | Read | ClientError | ServerError,
}

/// <summary>How a webhook ended.</summary>
/// <param name="StatusCode">The HTTP status; null: there was no whole reply.</param>
/// <param name="Body">The reply's text, up to 64 KiB.</param>
/// <param name="Error">Why there was no reply.</param>
/// <param name="Failure">In which way it failed, if it did.</param>
internal sealed record WebhookReply(int? StatusCode, string Body, string? Error, WebhookFailures Failure)
{
    public static WebhookReply Of(int status, string body) => new(status, body, Error: null, status switch
    {
        >= 500 => WebhookFailures.ServerError,
        >= 400 => WebhookFailures.ClientError,
        _ => WebhookFailures.None,
    });

    public static WebhookReply None(string error, WebhookFailures failure) => new(StatusCode: null, "", error, failure);
}
