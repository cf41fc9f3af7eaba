using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Sms.Contracts;
using Sms.Ports;

namespace Sms.Dispatch;

/// <summary>Sees every call that this process makes to a grain, and notes which of them no silo answered.</summary>
internal sealed class OutageWatch(Outages outages) : IOutgoingGrainCallFilter
{
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        try
        {
            await context.Invoke();
        }
        catch (Exception e)
        {
            if (e is StoreUnavailableException && LostCalls.IsOutage(e))
                outages.Database.Failed(e.Message.Split(": ", 2)[^1]);
            else if (LostCalls.IsOutage(e))
                outages.Silos.Failed(Describe(e));
            throw;
        }

        outages.Silos.Succeeded();
    }

    /// <summary>Orleans' own words are a page long, or say how it works inside.</summary>
    private static string Describe(Exception e) => e switch
    {
        TimeoutException => "a call got no reply in time",
        SiloUnavailableException or ConnectionFailedException => "it cannot be reached",
        GatewayTooBusyException or LimitExceededException => "it has too much to do",
        _ => "it turned a call away",
    };
}
