using System.Globalization;

namespace Sms.Silo.Simulator;

/// <summary>POST Messages.json: what is to go wrong, then Twilio's rules, then the ledger and the carrier.</summary>
internal sealed class CreateEndpoint(
    TwilioSimulatorOptions options, SimulatorLedger ledger, TwilioFaults faults, FaultPlayer player,
    OptOuts optOuts, SenderQueues queues, Carrier carrier, TimeProvider time)
{
    public async Task<IResult> HandleAsync(HttpContext context)
    {
        try
        {
            return await CreateAsync(context);
        }
        catch (OperationCanceledException)
        {
            // The client went or the simulator stops: there is nobody to answer.
            context.Abort();
            return Results.Empty;
        }
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        if (!context.Request.HasFormContentType)
            return new TwilioError(20001, "A form is required.").ToResult();
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var fault = faults.Take(form["To"]);
        await player.WaitAsync(options.Latency, context);

        if (fault is not null && await player.BeforeAcceptingAsync(fault, context) is { } instead)
            return instead;
        if (CreateRules.FirstBroken(form) is { } broken)
            return broken.ToResult();

        var message = Read(form);
        var sender = message.MessagingServiceSid ?? message.From!;
        if (optOuts.Blocks(message.To, sender))
            return new TwilioError(21610, "Attempt to send to unsubscribed recipient.").ToResult();
        var place = queues.Join(sender, Carrier.SegmentsOf(message.Body), message.ValidityPeriod);
        if (place.End == QueueEnd.Overflows && message.MessagingServiceSid is null)
            return new TwilioError(21611, $"The 'From' number {sender} has exceeded the maximum number of queued messages.").ToResult();

        // From here on the message exists.
        ledger.Add(message);
        await carrier.TakeAsync(message, place, context.RequestAborted);

        if (fault is not null && await player.AfterAcceptingAsync(fault, context) is { } reply)
            return reply;
        return Results.Json(
            MessageJson.Of(options.AccountSid, message), TwilioError.Snake, statusCode: StatusCodes.Status201Created);
    }

    private SimulatedMessage Read(IFormCollection form)
    {
        var service = Value("MessagingServiceSid");
        return new SimulatedMessage(
            Sid: $"SM{Guid.NewGuid():N}",
            To: form["To"].ToString(),
            From: Value("From"),
            MessagingServiceSid: service,
            Body: form["Body"].ToString(),
            StatusCallback: Value("StatusCallback"),
            ValidityPeriod: Value("ValidityPeriod") is { } seconds ? int.Parse(seconds, CultureInfo.InvariantCulture) : null,
            CreatedAt: time.GetUtcNow(),
            Status: form["ScheduleType"] == "fixed" ? "scheduled" : service is null ? "queued" : "accepted");

        string? Value(string name) => form[name].ToString() is { Length: > 0 } value ? value : null;
    }
}
