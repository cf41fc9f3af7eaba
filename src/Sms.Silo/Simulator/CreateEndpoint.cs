using System.Globalization;

namespace Sms.Silo.Simulator;

/// <summary>POST Messages.json: what is to go wrong, then Twilio's rules, then the ledger.</summary>
internal sealed class CreateEndpoint(
    TwilioSimulatorOptions options, SimulatorLedger ledger, TwilioFaults faults, FaultPlayer player, TimeProvider time)
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

        var message = Accept(form);

        if (fault is not null && await player.AfterAcceptingAsync(fault, context) is { } reply)
            return reply;
        return Results.Json(
            MessageJson.Of(options.AccountSid, message), TwilioError.Snake, statusCode: StatusCodes.Status201Created);
    }

    /// <summary>The one place where a message comes into being: what a carrier does with it starts here.</summary>
    private SimulatedMessage Accept(IFormCollection form)
    {
        var service = Value("MessagingServiceSid");
        var message = new SimulatedMessage(
            Sid: $"SM{Guid.NewGuid():N}",
            To: form["To"].ToString(),
            From: Value("From"),
            MessagingServiceSid: service,
            Body: form["Body"].ToString(),
            StatusCallback: Value("StatusCallback"),
            ValidityPeriod: Value("ValidityPeriod") is { } seconds ? int.Parse(seconds, CultureInfo.InvariantCulture) : null,
            CreatedAt: time.GetUtcNow(),
            Status: form["ScheduleType"] == "fixed" ? "scheduled" : service is null ? "queued" : "accepted");
        ledger.Add(message);
        return message;

        string? Value(string name) => form[name].ToString() is { Length: > 0 } value ? value : null;
    }
}
