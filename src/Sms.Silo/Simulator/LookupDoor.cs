namespace Sms.Silo.Simulator;

/// <summary>What is to go wrong with a look-up (list or one), before it is answered.</summary>
internal sealed class LookupDoor(SimulatorLedger ledger, TwilioFaults faults, FaultPlayer player) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        ledger.CountLookup();
        var http = context.HttpContext;
        var to = http.Request.RouteValues["sid"] is string sid ? ledger.Find(sid)?.To : http.Request.Query["To"].ToString();
        if (faults.Take(to, FaultTarget.Lookup) is not { } fault)
            return await next(context);
        try
        {
            return await player.BeforeAcceptingAsync(fault, http) ?? await next(context);
        }
        catch (OperationCanceledException)
        {
            // The client went or the simulator stops: there is nobody to answer.
            http.Abort();
            return Results.Empty;
        }
    }
}
