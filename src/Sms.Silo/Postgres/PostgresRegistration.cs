using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>The adapters to PostgreSQL.</summary>
internal static class PostgresRegistration
{
    /// <summary>
    /// A row that somebody keeps locked (a transaction forgotten in a console) holds up those who need it, for this
    /// long each time, and not what shares a statement or a connection with them.
    /// </summary>
    private const string LockTimeout = "-c lock_timeout=3s";

    /// <summary>
    /// The one data source of the process. It connects as the application's role, where there is one, and finds
    /// Orleans' tables in their schema.
    /// </summary>
    public static NpgsqlDataSource CreateDataSource(
        string connectionString, int maxConnections, DatabaseRights rights = DatabaseRights.Roles)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "sms",
            SearchPath = "public,orleans",
            MaxPoolSize = maxConnections,
            MaxAutoPrepare = 40,
            AutoPrepareMinUsages = 2,
            // What a statement sets is gone with its transaction: there is nothing to reset.
            NoResetOnClose = true,
        };
        settings.Timeout = Math.Min(settings.Timeout, 10);
        settings.Options = string.Join(' ', new[] { settings.Options, rights == DatabaseRights.Roles ? "-c role=sms_app" : "", "-c jit=off", LockTimeout }.Where(o => !string.IsNullOrEmpty(o)));
        return NpgsqlDataSource.Create(settings.ConnectionString);
    }

    public static IServiceCollection AddPostgres(
        this IServiceCollection services, NpgsqlDataSource dataSource, DatabaseRights rights = DatabaseRights.Roles) => services
        .AddSingleton(dataSource)
        .AddSingleton(new Database(dataSource, rights))
        .AddSingleton<IMessageStore, MessageStore>()
        .AddSingleton<IRetryQueue, RetryQueue>()
        .AddSingleton<IReconcileStore, ReconcileStore>()
        .AddSingleton<IWebhookStore, WebhookStore>()
        .AddSingleton<IRecordStore, RecordStore>()
        .AddSingleton<IBusinessStore, BusinessStore>()
        .AddSingleton<IRuleStore, RuleStore>()
        .AddHostedService<PhoneReading>();
}
