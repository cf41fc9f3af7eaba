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
        // Whoever asks for Orleans' own lines gets all of them.
        if (configuration["Logging:LogLevel:Orleans"] is null)
        {
            logging.Services.Remove(logging.Services.Single(s => s.ImplementationType == typeof(ConsoleLoggerProvider)));
            logging.Services.AddSingleton<ConsoleLoggerProvider>();
            logging.Services.AddSingleton<ILoggerProvider, FrameworkEchoes>();
        }

        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Orleans", LogLevel.Warning);
        // Once at every start it takes the time since the machine booted for a stall.
        logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        // Probes that were not answered, and what follows: MembershipWatch says which silo is lost.
        logging.AddFilter("Orleans.Runtime.MembershipService", LogLevel.Error);
        // One line for each call that a dead silo had in hand, and for each try to reach it: Outage says so once.
        logging.AddFilter("Orleans.Runtime.CallbackData", LogLevel.Error);
        logging.AddFilter("Orleans.Runtime.Messaging.ConnectionManager", LogLevel.Error);
        // ClusterWait says what a front-end waits for.
        logging.AddFilter("Orleans.Messaging.GatewayManager", LogLevel.Error);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        logging.AddFilter("Npgsql", LogLevel.Warning);
        // It tells of each try, also of those that Orleans repeats; how it ended says whoever tried.
        logging.AddFilter("Polly", LogLevel.Critical);
        logging.AddConfiguration(configuration.GetSection("Logging"));
    }
}
