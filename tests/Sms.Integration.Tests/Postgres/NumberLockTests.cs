using System.Diagnostics;
using NodaTime;
using Npgsql;
using Sms.Ports;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

/// <summary>The locks on numbers, by which opt-outs and sends take turns, are nobody else's to take.</summary>
public sealed class NumberLockTests : DatabaseTest
{
    private const string Denied = PostgresErrorCodes.InsufficientPrivilege;

    [Fact]
    public async Task No_other_login_stops_sends_or_opt_outs_by_a_lock_on_numbers()
    {
        var (business, customer) = await NewTenantAsync();
        var phone = (await Db.ScalarAsync<string>("select phone_e164 from customers where id = $1", customer))!;
        await using var connection = await ConnectAsync();
        await using var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(connection, "set local role authenticated");
        // What any login may take: every advisory lock of the class that they were once of, and more.
        await Statement.RunAsync(connection, "select pg_advisory_xact_lock(7267, n) from generate_series(0, 63) n");

        await using var store = Store();
        var started = Stopwatch.GetTimestamp();
        var begun = await store.StoreAndBeginAsync(Samples.Message(business, customer, Now) with { To = Sms.Domain.Phones.PhoneNumber.FromE164(phone) });
        Assert.Equal(BeginOutcome.Begun, begun.Outcome);
        await new RecordStore(new Database(Db.App)).AddOptOutAsync(business, phone, "asked", "test", Now);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(1.9));
    }

    [Theory]
    [InlineData("anon")]
    [InlineData("authenticated")]
    [InlineData("service_role")]
    [InlineData("sms_drain")]
    public async Task A_role_has_no_right_by_which_to_lock_them(string role)
    {
        await Db.ExecuteAsync($"grant usage on schema sms to {role}");
        await using var connection = await ConnectAsync();
        foreach (var statement in new[]
        {
            "lock table sms.number_lock_0 in access share mode", "lock table sms.number_lock_63 in exclusive mode", "select from sms.number_lock_0",
            "select sms.lock_recipient('+15125550100')", "select sms.lock_numbers('{1}', 'exclusive')",
        })
        {
            await using var open = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await Statement.RunAsync(connection, $"set local role {role}");
            Assert.Equal((statement, Denied), (statement, await Statement.FailureAsync(connection, statement)));
        }
    }

    [Fact]
    public async Task Who_sends_shares_a_numbers_lock_and_who_withdraws_has_it_alone()
    {
        await using var sender = await ConnectAsync();
        await using var another = await ConnectAsync();
        await using var open = await sender.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(sender, Share("+15125550100,+15125550101,null"));

        await Statement.RunAsync(another, $"set lock_timeout = '1s'; {Share("+15125550101")}");
        var waiting = Statement.RunAsync(another, "select sms.lock_recipient('+15125550101')");
        await SomebodyWaitsForALockAsync();
        await open.CommitAsync(TestContext.Current.CancellationToken);
        await waiting;
        // Of those who count what went to a number one has the turn; others that begin do not wait for it.
        await using var turn = await sender.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(sender, $"{Share("+15125550101")}; {Turn}");
        await Statement.RunAsync(another, Share("+15125550101"));
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, await Statement.FailureAsync(another, Turn));
        await turn.RollbackAsync(TestContext.Current.CancellationToken);
        // Reports and backups read tables; that keeps nobody from anything.
        await using var withdrawal = await sender.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await Statement.RunAsync(sender, "select sms.lock_recipient('+15125550101')");
        await Statement.RunAsync(another, "begin; lock table sms.number_lock_0, sms.number_lock_63 in access share mode; commit");
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, await Statement.FailureAsync(another, Share("+15125550101")));
    }

    /// <summary>As whoever begins an attempt.</summary>
    private static string Share(string phones) => $"select sms.lock_numbers(array(select hashtext(p) & 63 from unnest('{{{phones}}}'::text[]) p), 'row share')";

    /// <summary>As whoever counts what went to a number.</summary>
    private const string Turn = "select sms.lock_numbers(array[hashtext('+15125550101') & 63], 'share row exclusive')";
}
