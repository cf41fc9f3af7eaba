using NodaTime;

namespace Sms.Domain.Attempts;

/// <summary>What it means that the provider does not have an attempt's message at the moment of asking.</summary>
/// <param name="IsFinal">The last delay had passed: it never got there.</param>
/// <param name="Next">When to ask again otherwise.</param>
internal readonly record struct LookupPlan(bool IsFinal, Instant Next)
{
    /// <param name="unknownAt">From when the delays count.</param>
    /// <param name="askedAt">When the provider was asked.</param>
    /// <param name="delays">Rising, at least one.</param>
    public static LookupPlan After(Instant unknownAt, Instant askedAt, IReadOnlyList<TimeSpan> delays)
    {
        foreach (var delay in delays)
        {
            if (unknownAt + Duration.FromTimeSpan(delay) is var next && next > askedAt)
                return new LookupPlan(IsFinal: false, next);
        }

        return new LookupPlan(IsFinal: true, askedAt);
    }
}
