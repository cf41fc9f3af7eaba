namespace Sms.Silo.Simulator;

/// <summary>What the queue of its sender does to a message.</summary>
internal enum QueueEnd
{
    /// <summary>It goes after <see cref="QueuePlace.Wait"/>.</summary>
    Goes,

    /// <summary>Its validity period ends first, after <see cref="QueuePlace.Wait"/>.</summary>
    Expires,

    /// <summary>There is no room for it.</summary>
    Overflows,
}

/// <summary>A message's place in the queue of its sender.</summary>
internal sealed record QueuePlace(QueueEnd End, TimeSpan Wait)
{
    /// <summary>No queue: it goes now.</summary>
    public static QueuePlace Now { get; } = new(QueueEnd.Goes, TimeSpan.Zero);
}

/// <summary>
/// The queue of each sender, as the moment until which it is busy: with one pace and no overtaking, the place
/// of a message is known when it joins. Thread-safe.
/// </summary>
internal sealed class SenderQueues(TwilioSimulatorOptions options, TimeProvider time)
{
    /// <summary>Seconds that Twilio keeps a message queued unless the message says less.</summary>
    private const int DefaultValidity = 36_000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, DateTimeOffset> busyUntil = new(StringComparer.Ordinal);

    /// <param name="sender">A number or a Messaging Service.</param>
    /// <param name="segments">At least 1.</param>
    /// <param name="validitySeconds">As asked; null: Twilio's default.</param>
    public QueuePlace Join(string sender, int segments, int? validitySeconds)
    {
        if (options.SegmentsPerSecond is not { } pace)
            return QueuePlace.Now;
        var now = time.GetUtcNow();
        lock (gate)
        {
            var start = busyUntil.TryGetValue(sender, out var busy) && busy > now ? busy : now;
            var wait = start - now;
            if (Math.Round(wait.TotalSeconds * pace, 3) + segments > options.QueueSegments)
                return new QueuePlace(QueueEnd.Overflows, TimeSpan.Zero);
            var validity = TimeSpan.FromSeconds(validitySeconds ?? DefaultValidity);
            if (wait > validity)
                return new QueuePlace(QueueEnd.Expires, validity);
            busyUntil[sender] = start + TimeSpan.FromSeconds(segments / pace);
            return new QueuePlace(QueueEnd.Goes, wait);
        }
    }
}
