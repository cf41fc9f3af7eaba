using NodaTime;
using Sms.Domain.Sending;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>Whether a text that the rules let go may begin its attempt now: sender, opt-outs and pace.</summary>
internal sealed class AttemptGate(IMessageProvider provider, ProviderBreaker breaker, Func<bool> canOptOut, PaceBook pace)
{
    /// <summary>When marketing is looked at again that waits because no opt-out can be written.</summary>
    private static readonly Duration OptOutWait = Duration.FromSeconds(5);

    /// <summary>A slot dealt longer ago than this passed during an outage: slots are dealt anew, or all would go at once.</summary>
    private static readonly Duration SlotTolerance = Duration.FromSeconds(5);

    /// <param name="sender">Who it comes from; null: nobody is configured.</param>
    /// <param name="category">What kind of text.</param>
    /// <param name="segments">What it costs.</param>
    /// <param name="segmentsPerSecond">The business's pace; null: none.</param>
    /// <param name="slot">The slot that it was dealt before; null: none.</param>
    /// <param name="now">The present.</param>
    public async Task<GateAnswer> AskAsync(
        Sender? sender, Category category, int segments, double? segmentsPerSecond, Instant? slot, Instant now)
    {
        if (!provider.IsEnabled || sender is null)
            return new GateAnswer.Wait(now + ProviderBreaker.ProbeEvery, WaitCause.ProviderUnreachable);
        var isProbe = breaker.IsOpen(sender.Key);
        if (breaker.Stops(sender.Key) is { } stop)
            return new GateAnswer.Wait(stop.Until, stop.Cause) { Code = stop.Code, IsForSender = true };
        // While nobody can opt out, no marketing goes.
        if (category == Category.Marketing && !canOptOut())
            return new GateAnswer.Wait(now + OptOutWait, WaitCause.Busy) { IsBrief = true };
        if (slot is { } dealt && dealt <= now && now - dealt < SlotTolerance)
            return new GateAnswer.Begin(sender, dealt, isProbe);
        if (!pace.IsPaced(segmentsPerSecond))
            return new GateAnswer.Begin(sender, Slot: null, isProbe);
        var next = await pace.ReserveAsync(sender, now, segments, category, segmentsPerSecond);
        return next > now
            ? new GateAnswer.Wait(next, WaitCause.Pace) { Slot = next }
            : new GateAnswer.Begin(sender, next, isProbe);
    }
}

/// <summary>The gate's answer. A closed set.</summary>
internal abstract record GateAnswer
{
    private GateAnswer() { }

    /// <summary>It may begin.</summary>
    /// <param name="Sender">Who it comes from.</param>
    /// <param name="Slot">The slot of the pace that it uses, and keeps for a moment should it not begin; null: no pace is to be kept to.</param>
    /// <param name="IsProbe">The provider refuses the sender, and this text finds out whether it still does.</param>
    public sealed record Begin(Sender Sender, Instant? Slot, bool IsProbe = false) : GateAnswer;

    /// <summary>It waits.</summary>
    /// <param name="Until">When it is looked at again.</param>
    /// <param name="Cause">What it waits for.</param>
    public sealed record Wait(Instant Until, WaitCause Cause) : GateAnswer
    {
        /// <summary>The provider's code, where it refuses the sender.</summary>
        public int? Code { get; init; }

        /// <summary>The slot that it was dealt; null: it waits for something else.</summary>
        public Instant? Slot { get; init; }

        /// <summary>For so short that nothing is noted of it.</summary>
        public bool IsBrief { get; init; }

        /// <summary>The provider refuses its sender: all that the business would send waits with it.</summary>
        public bool IsForSender { get; init; }
    }
}
