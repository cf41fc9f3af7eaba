namespace Sms.Api;

/// <summary>What the API must know of its host.</summary>
/// <param name="AdminKey">The key that may do everything, a secret.</param>
/// <param name="PublicUrl">The URL by which the provider reaches the API; its signatures cover it.</param>
/// <param name="WebhookTokens">The auth tokens whose signatures are accepted: two while one rotates. Secrets.</param>
public sealed record ApiOptions(string AdminKey, Uri PublicUrl, IReadOnlyList<string> WebhookTokens)
{
    /// <summary>The shortest admin key that is accepted, in characters.</summary>
    public const int LeastKeyLength = 16;

    /// <summary>The shared key whose signatures are accepted where the provider says that a shared key signed; null: none is. A secret.</summary>
    public string? WebhookSharedKey { get; init; }
}
