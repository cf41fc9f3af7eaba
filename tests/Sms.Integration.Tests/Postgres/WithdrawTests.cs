using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using NodaTime;
using Npgsql;
using Sms.Dispatch;
using Sms.Ports;
using Sms.Silo.Postgres;
using Sms.Testing;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Postgres;

/// <summary>An attempt whose recording got no answer is taken back, whenever the server gets round to its commit.</summary>
public sealed class WithdrawTests : DatabaseTest
{
    private static readonly SystemClock Clock = SystemClock.Instance;

    [Fact]
    public async Task An_attempt_that_is_committed_after_its_connection_was_cut_is_taken_back_and_its_message_waits_again()
    {
        var (business, customer) = await NewTenantAsync();
        var row = await Seed.RowAsync(business, customer, Now);
        var claim = Assert.Single(await Queue.ClaimDueAsync(1, Duration.FromSeconds(20), Now));
        await Db.ExecuteAsync(
            """
            create function public.slow_disk() returns trigger language plpgsql as 'begin perform pg_sleep(1); return null; end';
            create constraint trigger slow_disk after insert on sms.attempts deferrable initially deferred for each row execute function public.slow_disk();
            """);
        var direct = new NpgsqlConnectionStringBuilder(Db.ConnectionString) { Pooling = true };
        await using var proxy = new StatementProxy(new IPEndPoint(IPAddress.Loopback, direct.Port));
        await using var source = PostgresRegistration.CreateDataSource(
            new NpgsqlConnectionStringBuilder(direct.ConnectionString) { Host = "127.0.0.1", Port = proxy.Port }.ConnectionString, maxConnections: 4);
        await using var store = new MessageStore(new Database(source));
        var courier = NewCourier(store);
        var attempt = courier.NewAttempt(Clock.GetCurrentInstant(), new Sender("+15005550006", MessagingServiceSid: null), openUntil: null);

        var cut = proxy.NextAsync("sms.begin_attempts", TrapKind.CutAtCommit);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.BeginAttemptAsync(Samples.Begin(claim, Now) with { Attempt = attempt.Recorded }));
        Assert.True(cut.IsCompleted);
        courier.Withdraw(attempt, new InFlight(business, row, Number: 1, Now, ValidUntil: null));

        await Eventually.TrueAsync(async () => await Db.ScalarAsync<string>("select state from sms.attempts where id = $1", attempt.Recorded.Id) == "void");
        Assert.Equal("pending pending 0", await Db.ScalarAsync<string>(
            "select concat_ws(' ', l.status, q.status, q.attempt_count) from send_logs l join sms_retry_queue q on q.send_log_id = l.id where l.id = $1", row));
    }

    private static Courier NewCourier(MessageStore store) => new(
        new FakeProvider(Clock), store, new ProviderBreaker(Clock, new MonotonicClock(TimeProvider.System)), new Outages(TimeProvider.System, NullLogger<Outage>.Instance), Clock, TimeProvider.System, new ProcessIdentity("silo-1"), Options.Create(new DispatchOptions()),
        Options.Create(new RetryOptions()), Options.Create(new ReconcileOptions()), NullLogger<Courier>.Instance);
}
