namespace Sms.Silo.Simulator;

/// <summary>Makes a fault happen to one create, on either side of the moment at which the message is accepted, or to one look-up.</summary>
internal sealed class FaultPlayer(SimulatorLedger ledger, TwilioFaults faults, TimeProvider time, CancellationToken stopping)
{
    /// <summary>The reply in place of accepting; null: it goes on.</summary>
    public async Task<IResult?> BeforeAcceptingAsync(SimulatedFault fault, HttpContext context)
    {
        switch (fault.Kind)
        {
            case SimulatedFaultKind.Latency:
                await WaitAsync(fault.Latency, context);
                return null;
            case SimulatedFaultKind.RateLimit:
                if (fault.RetryAfter is { } header)
                    context.Response.Headers.RetryAfter = header;
                return TwilioError.TooManyRequests.ToResult();
            case SimulatedFaultKind.ErrorBeforeAccepting:
                return TwilioError.Internal.ToResult();
            case SimulatedFaultKind.ResetBeforeAccepting:
                return Reset(context);
            case SimulatedFaultKind.HangBeforeAccepting:
                await HangAsync(context);
                return null;
            case SimulatedFaultKind.BadGateway:
                return Results.Text(
                    "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html", statusCode: StatusCodes.Status502BadGateway);
            case SimulatedFaultKind.Redirect:
                return Results.Redirect(context.Request.Path, preserveMethod: true);
            case SimulatedFaultKind.BadCredentials:
                return TwilioError.Unauthenticated.ToResult();
            case SimulatedFaultKind.Refuse:
                return new TwilioError(fault.Code ?? 20001, "Refused as scripted.").ToResult();
            default:
                return null;
        }
    }

    /// <summary>The reply in place of the message; null: it goes on.</summary>
    public async Task<IResult?> AfterAcceptingAsync(SimulatedFault fault, HttpContext context)
    {
        switch (fault.Kind)
        {
            case SimulatedFaultKind.ErrorAfterAccepting:
                return TwilioError.Internal.ToResult();
            case SimulatedFaultKind.ResetAfterAccepting:
                return Reset(context);
            case SimulatedFaultKind.HangAfterAccepting:
                await HangAsync(context);
                return null;
            case SimulatedFaultKind.UnreadableAfterAccepting:
                return Results.Text("{\"sid\": \"SM", "application/json", statusCode: StatusCodes.Status201Created);
            default:
                return null;
        }
    }

    /// <summary>Waits, unless the client goes or the simulator stops.</summary>
    public async Task WaitAsync(TimeSpan duration, HttpContext context)
    {
        if (duration <= TimeSpan.Zero)
            return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await Task.Delay(duration, time, either.Token);
    }

    private async Task HangAsync(HttpContext context)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        var released = faults.HangAsync(either.Token);
        ledger.CountHanging(+1);
        try
        {
            await released;
        }
        finally
        {
            ledger.CountHanging(-1);
        }
    }

    private static IResult Reset(HttpContext context)
    {
        context.Abort();
        return Results.Empty;
    }
}
