using Microsoft.Extensions.Logging.Console;

namespace Sms.Api;

/// <summary>How silos and front-ends log: one line an entry, as text or JSON, ours in full and the frameworks' from a warning up.</summary>
public static class ProgramLogs
{
    /// <exception cref="SettingException"><c>SMS_LOG_FORMAT</c> is neither text nor json.</exception>
    public static void Configure(ILoggingBuilder logging, IConfiguration configuration)
    {
        const string Timestamp = "yyyy-MM-ddTHH:mm:ss.fffZ";
        logging.ClearProviders();
        if (new SettingsReader(configuration).Word("SMS_LOG_FORMAT", "text", "json") is "json")
            logging.AddJsonConsole(o => (o.TimestampFormat, o.UseUtcTimestamp) = (Timestamp, true));
        else
            logging.AddSimpleConsole(o => (o.SingleLine, o.TimestampFormat, o.UseUtcTimestamp, o.ColorBehavior) =
                (true, $"{Timestamp} ", true, LoggerColorBehavior.Disabled));
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
