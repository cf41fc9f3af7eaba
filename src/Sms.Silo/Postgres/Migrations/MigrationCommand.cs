using Sms.Api;
using Sms.Silo.Embedded;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>
/// <c>--migrate-only</c> brings the database to this program's schema and ends; <c>--migrate-plan</c> says what that
/// would apply and changes nothing. Neither needs more settings than the database.
/// </summary>
internal static class MigrationCommand
{
    /// <summary>Brings the database where this program needs it, or prints the plan.</summary>
    /// <exception cref="SettingException">A setting is wrong.</exception>
    /// <exception cref="MigrationException">The database cannot be brought there.</exception>
    public static async Task RunAsync(bool isPlan)
    {
        var builder = ProgramBuilder.Create();
        var settings = DatabaseSettings.Read(builder.Configuration);
        using var logs = LoggerFactory.Create(logging => ProgramLogs.Configure(logging, builder.Configuration));
        await using var embedded = settings.IsEmbedded
            ? await EmbeddedPostgres.StartAsync(
                EmbeddedPostgresOptions.FromEnvironment(settings.DataDirectory), logs.CreateLogger("Sms.Silo"), CancellationToken.None)
            : null;
        if (embedded is null)
            await settings.RequireSessionsAsync(CancellationToken.None);
        var runner = new MigrationRunner(Migration.All, logs.CreateLogger<MigrationRunner>(), AdoptedPhones.ReadAsync);
        var connectionString = embedded?.ApplicationConnectionString ?? settings.ConnectionString!;
        var owner = embedded?.ConnectionString ?? settings.OwnerConnectionString;
        if (!isPlan)
        {
            var applied = await runner.RunAsync(owner ?? connectionString, CancellationToken.None);
            if (owner is not null)
                await ApplicationLogin.AdmitAsync(owner, connectionString, CancellationToken.None);
            Console.WriteLine(applied == 0 ? "Nothing to apply: the database has this program's schema." : $"Applied {applied} of {Migration.All.Count} files.");
            return;
        }

        var pending = await runner.PlanAsync(owner ?? connectionString, CancellationToken.None);
        foreach (var migration in pending)
            Console.WriteLine($"{migration.Name}{(migration.RunsOutsideTransaction ? " (in steps, may be run again)" : "")}: {migration.Title}");
        Console.WriteLine(pending.Count == 0
            ? "Nothing to apply: the database has this program's schema."
            : $"Would apply {pending.Count} of {Migration.All.Count} files. Nothing was changed.");
    }
}
