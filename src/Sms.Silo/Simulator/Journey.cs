namespace Sms.Silo.Simulator;

/// <summary>A change of a message's status.</summary>
/// <param name="Status">Twilio's word.</param>
/// <param name="ErrorCode">Twilio's code, for undelivered and failed.</param>
/// <param name="After">Counted from the acceptance.</param>
internal sealed record JourneyStep(string Status, int? ErrorCode, TimeSpan After);

/// <summary>When a callback of a message is posted.</summary>
/// <param name="Step">What is reported.</param>
/// <param name="After">Counted from the acceptance, never before the step itself.</param>
internal sealed record ReportPlan(JourneyStep Step, TimeSpan After);

/// <summary>What becomes of an accepted message, and what is told of it. Pure.</summary>
internal static class Journey
{
    // Twilio's codes: queue overflow, and the validity period ran out in the queue.
    private const int Overflow = 30001, Expired = 30036;

    public static IReadOnlyList<JourneyStep> Of(QueuePlace place, CarrierOutcome outcome, TimeSpan sentAfter, TimeSpan deliveredAfter)
    {
        switch (place.End)
        {
            case QueueEnd.Overflows:
                return [new("failed", Overflow, sentAfter)];
            case QueueEnd.Expires:
                return [new("failed", Expired, place.Wait)];
        }

        var sent = new JourneyStep("sent", ErrorCode: null, place.Wait + sentAfter);
        var end = place.Wait + deliveredAfter;
        return outcome.Status switch
        {
            CarrierStatus.Failed => [new("failed", outcome.Code, place.Wait + sentAfter)],
            CarrierStatus.Undelivered => [sent, new("undelivered", outcome.Code, end)],
            CarrierStatus.Sent => [sent],
            _ => [sent, new("delivered", ErrorCode: null, end)],
        };
    }

    /// <summary>The callbacks of a journey, in the order of its steps.</summary>
    public static IEnumerable<ReportPlan> Reports(IReadOnlyList<JourneyStep> steps, SimulatedFault? fault) =>
        steps.SelectMany(step => fault?.Status is { } only && only != step.Status
            ? [new ReportPlan(step, step.After)]
            : Reports(step, steps[^1].After, fault));

    private static IEnumerable<ReportPlan> Reports(JourneyStep step, TimeSpan last, SimulatedFault? fault) => fault?.Kind switch
    {
        SimulatedFaultKind.Lost => [],
        SimulatedFaultKind.Doubled => Enumerable.Repeat(new ReportPlan(step, step.After), 2),
        SimulatedFaultKind.Tripled => Enumerable.Repeat(new ReportPlan(step, step.After), 3),
        SimulatedFaultKind.Delayed => [new ReportPlan(step, step.After + fault.Latency)],
        // Mirrored at the last step: it is told on time, what came before it afterwards.
        SimulatedFaultKind.Shuffled => [new ReportPlan(step, last + (last - step.After))],
        _ => [new ReportPlan(step, step.After)],
    };
}
