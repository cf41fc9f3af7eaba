using Sms.Domain.Segments;

namespace Sms.Silo.Simulator;

/// <summary>Carries accepted messages to their end and tells of it, unless <see cref="TwilioSimulatorOptions.Callbacks"/> is off.</summary>
internal sealed class Carrier(
    TwilioSimulatorOptions options, SimulatorLedger ledger, TwilioFaults faults, CarrierOutcomes outcomes,
    Agenda agenda, Postman postman, TimeProvider time)
{
    /// <summary>
    /// Takes a message over. It returns at once, unless the message's callbacks are to be early: then the first one
    /// was answered when it returns. A scheduled message stays scheduled.
    /// </summary>
    public async Task TakeAsync(SimulatedMessage message, QueuePlace place, CancellationToken cancellationToken)
    {
        if (!options.Callbacks || message.Status is "scheduled")
            return;
        var steps = Journey.Of(place, outcomes.For(message.To), options.SentAfter, options.DeliveredAfter);
        var fault = message.StatusCallback is null ? null : faults.Take(message.To, FaultTarget.Callback);
        var reports = Journey.Reports(steps, fault).ToList();
        var isEarly = fault is { Kind: SimulatedFaultKind.Early };
        var isForged = fault is { Kind: SimulatedFaultKind.Forged };

        var moved = isEarly ? Move(message.Sid, steps[0]) : null;
        foreach (var step in isEarly ? steps.Skip(1) : steps)
            agenda.After(step.After, () => Move(message.Sid, step));
        foreach (var (step, after) in isEarly ? reports.Skip(1) : reports)
        {
            // Its answer goes into the ledger.
            agenda.After(after, () => _ = Report(
                ledger.Find(message.Sid), step, isForged && (fault!.Status ?? step.Status) == step.Status));
        }

        // After all the rest has its hour: whoever gets the early callback may move the clock.
        if (isEarly)
            await Report(moved, steps[0], isForged: false).WaitAsync(cancellationToken);
    }

    private SimulatedMessage? Move(string sid, JourneyStep step) => ledger.Change(sid, message => message with
    {
        Status = step.Status,
        ErrorCode = step.ErrorCode,
        // What fails has not left, hence no sender was chosen.
        From = message.From ?? (step.Status is "failed" ? null : options.ServiceNumber),
        SentAt = message.SentAt ?? (step.Status is "failed" ? null : time.GetUtcNow()),
        UpdatedAt = time.GetUtcNow(),
    });

    // The message as it is now, with the status as it was then: a late callback knows nothing newer.
    private Task Report(SimulatedMessage? message, JourneyStep step, bool isForged) =>
        message is not null && StatusReport.Of(options.AccountSid, message with { Status = step.Status, ErrorCode = step.ErrorCode }) is { } report
            ? postman.Post(report, isForged)
            : Task.CompletedTask;

    /// <summary>The segments that a text takes of its sender's queue.</summary>
    public static int SegmentsOf(string body) => Math.Max(SmsSegments.Measure(body).Segments, 1);
}
