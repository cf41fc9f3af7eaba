using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Sms.Dispatch;
using Sms.Ports;

namespace Sms.Silo.Postgres;

/// <summary>The adapters to PostgreSQL.</summary>
internal static class PostgresRegistration
{
    /// <summary>
    /// What each session is told once, when its connection is made: poolers refuse most of it among the parameters of
    /// the start. A row that somebody keeps locked (a transaction forgotten in a console) holds up those who need it for
    /// lock_timeout each time, and not what shares a statement or a connection with them.
    /// </summary>
    private const string Session =
        "select set_config('search_path', 'public, orleans', false), set_config('jit', 'off', false), set_config('lock_timeout', '3s', false)";

    private const string SessionOfRole = Session + ", set_config('role', 'sms_app', false)";

    /// <summary>
    /// The one data source of the process. It works as the application's role, where there is one, and finds
    /// Orleans' tables in their schema.
    /// </summary>
    public static NpgsqlDataSource CreateDataSource(
        string connectionString, int maxConnections, DatabaseRights rights = DatabaseRights.Roles)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "sms",
            SearchPath = null,
            MaxPoolSize = maxConnections,
            MaxAutoPrepare = 40,
            AutoPrepareMinUsages = 2,
            // What a statement sets is gone with its transaction: there is nothing to reset.
            NoResetOnClose = true,
        };
        settings.Timeout = Math.Min(settings.Timeout, 10);
        var session = rights == DatabaseRights.Roles ? SessionOfRole : Session;
        return new NpgsqlDataSourceBuilder(settings.ConnectionString).UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(session, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(session, connection);
                await command.ExecuteNonQueryAsync();
            }).Build();
    }

    public static IServiceCollection AddPostgres(
        this IServiceCollection services, NpgsqlDataSource dataSource, DatabaseRights rights = DatabaseRights.Roles) => services
        .AddSingleton(dataSource)
        .AddSingleton(s => new Database(dataSource, rights, s.GetService<Outages>()?.Database))
        .AddSingleton<IMessageStore, MessageStore>()
        .AddSingleton<IRetryQueue, RetryQueue>()
        .AddSingleton<IReconcileStore, ReconcileStore>()
        .AddSingleton<IWebhookStore, WebhookStore>()
        .AddSingleton<IRecordStore, RecordStore>()
        .AddSingleton<IOperatorStore, OperatorStore>()
        .AddSingleton<IBusinessStore, BusinessStore>()
        .AddSingleton<IRuleStore, RuleStore>()
        .AddSingleton<IStoreClock, StoreClock>()
        .AddSingleton<PhoneReading>()
        .AddSingleton(s => new UpkeepJob("read_phones", TimeSpan.FromSeconds(5), s.GetRequiredService<PhoneReading>().RunAsync));
}
