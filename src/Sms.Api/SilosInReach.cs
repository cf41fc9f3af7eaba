namespace Sms.Api;

/// <summary>Says with how many silos this front-end speaks, when that changes.</summary>
internal sealed partial class SilosInReach(ILogger<SilosInReach> logger) : IClusterConnectionStatusObserver
{
    public void NotifyGatewayCountChanged(int currentNumberOfGateways, int previousNumberOfGateways, bool connectionRecovered)
    {
        if (currentNumberOfGateways < previousNumberOfGateways)
            LogFewer(logger, currentNumberOfGateways, previousNumberOfGateways);
        else
            LogMore(logger, currentNumberOfGateways, previousNumberOfGateways);
    }

    public void NotifyClusterConnectionLost() => LogNone(logger);

    [LoggerMessage(1, LogLevel.Warning, "A silo is lost, or left: {Silos} are in reach of {Before}")]
    private static partial void LogFewer(ILogger logger, int silos, int before);

    [LoggerMessage(2, LogLevel.Information, "A silo joined: {Silos} are in reach, {Before} were")]
    private static partial void LogMore(ILogger logger, int silos, int before);

    [LoggerMessage(3, LogLevel.Warning, "No silo is in reach: requests wait for one")]
    private static partial void LogNone(ILogger logger);
}
