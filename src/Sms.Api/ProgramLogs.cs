using Microsoft.Extensions.Logging.Console;

namespace Sms.Api;

/// <summary>How silos and front-ends log: one line an entry, ours in full and the frameworks' from a warning up.</summary>
public static class ProgramLogs
{
    public static void Configure(ILoggingBuilder logging, IConfiguration configuration)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(o => (o.SingleLine, o.TimestampFormat, o.UseUtcTimestamp, o.ColorBehavior) =
            (true, "yyyy-MM-ddTHH:mm:ss.fffZ ", true, LoggerColorBehavior.Disabled));
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Orleans", LogLevel.Warning);
        // Once at every start it takes the time since the machine booted for a stall.
        logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        logging.AddFilter("Npgsql", LogLevel.Warning);
        logging.AddFilter("Polly", LogLevel.Warning);
        logging.AddConfiguration(configuration.GetSection("Logging"));
    }
}
