using NodaTime;
using Sms.Domain.Sending;
using Sms.Silo.Postgres;

namespace Sms.Integration.Tests.Postgres;

public sealed class StoppedSenderTests : DatabaseTest
{
    private static readonly Instant Due = Now - Duration.FromMinutes(5);
    private static readonly Instant Probe = Now + Duration.FromMinutes(1);

    [Fact]
    public async Task What_is_due_is_held_out_of_the_due_index_and_says_so()
    {
        var (business, customer) = await NewTenantAsync();
        var (_, stranger) = await NewTenantAsync();
        var otherBusiness = await Db.ScalarAsync<Guid>("select business_id from customers where id = $1", stranger);
        var due = await Seed.RowAsync(business, customer, Due);
        var later = await Seed.RowAsync(business, customer, Now + Duration.FromHours(1));
        var expiring = await Seed.RowAsync(business, customer, Due, lane: 0);
        await Db.ExecuteAsync("update send_logs set valid_until = $2 where id = $1", expiring, (Now + Duration.FromMinutes(10)).ToDateTimeUtc());
        var other = await Seed.RowAsync(otherBusiness, stranger, Due);
        await using var store = Store();

        await store.HoldDueAsync(business, Now, Probe, WaitCause.SenderRefused, 20003);

        Assert.Equal([expiring, other], (await ClaimAsync()).Order(Comparer<Guid>.Create((a, b) => (b == expiring).CompareTo(a == expiring))));
        Assert.Equal(("sender", "twilio_error", Probe.ToDateTimeUtc()), await StateAsync(due));
        Assert.Null((await StateAsync(later)).Held);
        Assert.Equal("sender", await Db.ScalarAsync<string>(
            "select data ->> 'held' from sms.message_events where message_id = $1 and type = 'deferred'", due));
    }

    [Fact]
    public async Task One_row_of_each_business_is_let_go_to_try_the_sender()
    {
        var (business, customer) = await NewTenantAsync();
        var (otherBusiness, otherCustomer) = await NewTenantAsync();
        var first = await Seed.RowAsync(business, customer, Due, held: "sender", acceptedAt: Due);
        await Seed.RowAsync(business, customer, Due, held: "sender", acceptedAt: Due + Duration.FromSeconds(1));
        var other = await Seed.RowAsync(otherBusiness, otherCustomer, Due, held: "sender");
        await Seed.RowAsync(otherBusiness, otherCustomer, Due, held: "paused");

        Assert.Equal(2, await Queue.ProbeStoppedAsync(Now));

        Assert.Equal(new[] { first, other }.Order(), (await ClaimAsync()).Order());
        Assert.Equal(1, await Queue.ProbeStoppedAsync(Now));
        Assert.Equal(0, await Queue.ProbeStoppedAsync(Now));
    }

    [Fact]
    public async Task When_the_sender_is_taken_again_all_its_rows_fall_due_in_rounds()
    {
        var (business, customer) = await NewTenantAsync();
        await Seed.BurstAsync(business, customer, 5_100, Due);
        await using var store = Store();
        await store.HoldDueAsync(business, Now, Probe, WaitCause.SenderRefused, 20003);
        Assert.Equal(5_100, await HeldAsync());
        Assert.Empty(await ClaimAsync());
        var paused = await Seed.RowAsync(business, customer, Due, held: "paused");

        await store.ReleaseStoppedAsync(business, Now);

        Assert.Equal(1, await HeldAsync());
        Assert.Equal("paused", (await StateAsync(paused)).Held);
        Assert.Equal(5_100, await Db.ScalarAsync<long>("select count(*) from sms_retry_queue where scheduled_for = $1", Now.ToDateTimeUtc()));
    }

    private async Task<List<Guid>> ClaimAsync() =>
        [.. (await Queue.ClaimDueAsync(50, Duration.FromSeconds(20), Now)).Select(r => r.Row.QueueId)];

    private Task<long> HeldAsync() => Db.ScalarAsync<long>("select count(*) from sms_retry_queue where held is not null");

    private async Task<(string? Held, string? Reason, DateTime Due)> StateAsync(Guid row) => (
        await Db.ScalarAsync<string?>("select held from sms_retry_queue where id = $1", row),
        await Db.ScalarAsync<string?>("select reason from sms_retry_queue where id = $1", row),
        await Db.ScalarAsync<DateTime>("select scheduled_for from sms_retry_queue where id = $1", row));
}
