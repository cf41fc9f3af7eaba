namespace Sms.Contracts;

/// <summary>What a status callback says; its signature was checked at the edge.</summary>
/// <param name="AttemptId">From the callback's URL; null when it is missing there.</param>
/// <param name="Sid">The provider's id of the message.</param>
/// <param name="Status">The provider's word.</param>
/// <param name="ErrorCode">On failed and undelivered.</param>
[GenerateSerializer, Immutable, Alias("sms.status-callback")]
public sealed record StatusCallback(
    [property: Id(0)] Guid? AttemptId, [property: Id(1)] string? Sid, [property: Id(2)] string Status, [property: Id(3)] int? ErrorCode);

/// <summary>An inbound text; its signature was checked at the edge.</summary>
/// <param name="Sid">The provider's id of the text.</param>
/// <param name="From">Who wrote it, E.164.</param>
/// <param name="To">Our number.</param>
/// <param name="MessagingServiceSid">The service it came through.</param>
/// <param name="Body">The text.</param>
/// <param name="OptOutType">The provider's own verdict: STOP, START, HELP or null.</param>
[GenerateSerializer, Immutable, Alias("sms.inbound-text")]
public sealed record InboundText(
    [property: Id(0)] string Sid, [property: Id(1)] string From, [property: Id(2)] string To,
    [property: Id(3)] string? MessagingServiceSid, [property: Id(4)] string Body, [property: Id(5)] string? OptOutType);

/// <summary>Takes what the provider tells. When a call returns, what it told is durable.</summary>
[GrainInterfaceType("sms.webhook")]
public interface IWebhookGrain : IGrainWithIntegerKey
{
    /// <returns>Of each in its place: applied, repeated, conflict, double, unknown, or locked: somebody else has locked its message, and it may be given again.</returns>
    Task<string[]> StatusAsync(StatusCallback[] callbacks);

    /// <returns>opt_out, opt_in, help, review or other; repeated when it came before.</returns>
    Task<string> InboundAsync(InboundText text);
}
