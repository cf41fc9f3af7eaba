using Sms.Api;
using Sms.Silo.Embedded;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>
/// <c>--migrate-only</c> brings the database to this program's schema and ends; <c>--migrate-plan</c> says what that
/// would apply and changes nothing. Neither needs more settings than the database.
/// </summary>
internal static class MigrationCommand
{
    private const string Only = "--migrate-only";
    private const string Plan = "--migrate-plan";

    public static bool IsAsked(string[] args) => args.Contains(Only, StringComparer.Ordinal) || args.Contains(Plan, StringComparer.Ordinal);

    /// <summary>0: the database is, or was brought, where this program needs it, or the plan was printed.</summary>
    /// <exception cref="SettingException">Both were asked for, or a setting is wrong.</exception>
    /// <exception cref="MigrationException">The database cannot be brought there.</exception>
    public static async Task<int> RunAsync(string[] args)
    {
        var isPlan = args.Contains(Plan, StringComparer.Ordinal);
        if (isPlan && args.Contains(Only, StringComparer.Ordinal))
            throw SettingsReader.Wrong(Plan, $"goes without {Only}");
        var builder = ProgramBuilder.Create([.. args.Except([Only, Plan], StringComparer.Ordinal)]);
        var settings = DatabaseSettings.Read(builder.Configuration);
        using var logs = LoggerFactory.Create(logging => ProgramLogs.Configure(logging, builder.Configuration));
        await using var embedded = settings.IsEmbedded
            ? await EmbeddedPostgres.StartAsync(
                EmbeddedPostgresOptions.FromEnvironment(settings.DataDirectory), logs.CreateLogger("Sms.Silo"), CancellationToken.None)
            : null;
        if (embedded is null)
            await settings.RequireSessionsAsync(CancellationToken.None);
        var runner = new MigrationRunner(Migration.All, logs.CreateLogger<MigrationRunner>(), AdoptedPhones.ReadAsync);
        var connectionString = embedded?.ConnectionString ?? settings.ConnectionString!;
        if (!isPlan)
        {
            var applied = await runner.RunAsync(settings.OwnerConnectionString ?? connectionString, CancellationToken.None);
            if (settings.OwnerConnectionString is { } owner)
                await ApplicationLogin.AdmitAsync(owner, connectionString, CancellationToken.None);
            Console.WriteLine(applied == 0 ? "Nothing to apply: the database has this program's schema." : $"Applied {applied} of {Migration.All.Count} files.");
            return 0;
        }

        var pending = await runner.PlanAsync(settings.OwnerConnectionString ?? connectionString, CancellationToken.None);
        foreach (var migration in pending)
            Console.WriteLine($"{migration.Name}{(migration.RunsOutsideTransaction ? " (in steps, may be run again)" : "")}: {migration.Title}");
        Console.WriteLine(pending.Count == 0
            ? "Nothing to apply: the database has this program's schema."
            : $"Would apply {pending.Count} of {Migration.All.Count} files. Nothing was changed.");
        return 0;
    }
}
