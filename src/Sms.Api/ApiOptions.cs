namespace Sms.Api;

/// <summary>What the API must know of its host.</summary>
/// <param name="AdminKey">The key that may do everything, a secret.</param>
public sealed record ApiOptions(string AdminKey)
{
    /// <summary>The shortest admin key that is accepted, in characters.</summary>
    public const int LeastKeyLength = 16;
}
