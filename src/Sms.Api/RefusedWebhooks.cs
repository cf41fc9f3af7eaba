using System.Collections.Concurrent;

namespace Sms.Api;

/// <summary>
/// Tells of webhooks that nobody of ours signed: for each reason at once, and once a minute with how many there were. A
/// stranger, or a token that was rotated on one side only, would fill the log.
/// </summary>
internal sealed partial class RefusedWebhooks(TimeProvider time, ILogger<RefusedWebhooks> logger)
{
    private static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    /// <summary>By reason, of which there are a few.</summary>
    private readonly ConcurrentDictionary<string, Said> _reasons = new(StringComparer.Ordinal);

    public void Note(string path, string why)
    {
        var said = _reasons.GetOrAdd(why, _ => new Said());
        int count;
        lock (said)
        {
            said.Count++;
            if (said.At is { } at && time.GetElapsedTime(at) < SayAgain)
                return;
            (count, said.At, said.Count) = (said.Count, time.GetTimestamp(), 0);
        }

        LogRefused(logger, path, why, count);
    }

    [LoggerMessage(1, LogLevel.Warning, "Refused a webhook at {Path}: {Why} ({Count} since this was last said)")]
    private static partial void LogRefused(ILogger logger, string path, string why, int count);

    private sealed class Said
    {
        public long? At { get; set; }

        public int Count { get; set; }
    }
}
