using NodaTime;

namespace Sms.Domain.Retries;

/// <summary>How long a message waits between attempts at the provider. Compared by value.</summary>
/// <param name="Backoff">
/// The wait after the first attempt, the second and so on; the last one holds for all further attempts. At least one,
/// none negative.
/// </param>
/// <exception cref="ArgumentException">The backoff is empty or has a negative wait.</exception>
public sealed record RetryPolicy(IReadOnlyList<Duration> Backoff)
{
    /// <summary>
    /// The share of a wait by which jitter can lengthen it, 0.2: what failed together does not come back together,
    /// and nothing comes back early.
    /// </summary>
    public const double JitterShare = 0.2;

    /// <summary>The wait after each attempt; the last holds for all further ones.</summary>
    public IReadOnlyList<Duration> Backoff { get; } = Checked(Backoff);

    /// <summary>1 minute, 5 minutes, 15 minutes.</summary>
    public static RetryPolicy Default { get; } =
        new([Duration.FromMinutes(1), Duration.FromMinutes(5), Duration.FromMinutes(15)]);

    /// <summary>
    /// The wait before the next attempt: the backoff of the last one, times 1 + <see cref="JitterShare"/> × jitter.
    /// </summary>
    /// <param name="attemptsMade">Attempts at the provider so far, at least 1.</param>
    /// <param name="jitter">A random number, 0 inclusive to 1 exclusive; the caller's, so that tests can steer it.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument lies outside its bounds.</exception>
    public Duration DelayAfter(int attemptsMade, double jitter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attemptsMade, 1);
        if (jitter is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(jitter), jitter, "Jitter is at least 0 and less than 1.");

        return Backoff[Math.Min(attemptsMade, Backoff.Count) - 1] * (1 + JitterShare * jitter);
    }

    /// <summary>True when the waits are the same.</summary>
    public bool Equals(RetryPolicy? other) => other is not null && Backoff.SequenceEqual(other.Backoff);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var wait in Backoff) hash.Add(wait);
        return hash.ToHashCode();
    }

    private static Duration[] Checked(IReadOnlyList<Duration> backoff)
    {
        ArgumentNullException.ThrowIfNull(backoff);
        if (backoff.Count == 0 || backoff.Any(static wait => wait < Duration.Zero))
            throw new ArgumentException("A backoff needs at least one wait, none of them negative.", nameof(backoff));

        return [.. backoff];
    }
}
