using Microsoft.Extensions.Logging;
using Npgsql;
using Sms.Silo.Postgres.Migrations;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>Any login can take the lock on migrations. A start that waits for it says for whom, and ends.</summary>
public sealed class MigrationLockTests
{
    private static readonly Migration First = new("001_first.sql", "create table public.first (id int);");

    [Fact]
    public async Task A_start_that_waits_for_a_strangers_lock_says_for_whose_and_ends()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateEmptyDatabaseAsync();
        await using var stranger = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.AdminConnectionString) { ApplicationName = "stranger" }.ConnectionString);
        await stranger.OpenAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(stranger, $"select pg_advisory_lock({MigrationLock.Key})");
        var log = new Lines();
        var runner = new MigrationRunner([First], log, turns: new MigrationLock(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)));

        var refusal = await Assert.ThrowsAsync<MigrationException>(() => runner.RunAsync(database.ConnectionString, TestContext.Current.CancellationToken));

        var holder = $"process {stranger.ProcessID} of login ";
        Assert.Contains(holder, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("application 'stranger'", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        // Once, though it asks ten times a second.
        Assert.Contains(holder, Assert.Single(log.Written), StringComparison.Ordinal);
        await stranger.CloseAsync();
        Assert.Equal(1, await runner.RunAsync(database.ConnectionString, TestContext.Current.CancellationToken));
    }

    private sealed class Lines : ILogger<MigrationRunner>
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Written.Add(formatter(state, exception));
        }
    }
}
