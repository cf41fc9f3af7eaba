using Sms.Dispatch;

namespace Sms.Cluster.Tests.Dispatch;

public sealed class PermitPoolTests
{
    [Fact]
    public void A_share_is_kept_for_the_urgent()
    {
        var pool = new PermitPool(4, reserved: 1);

        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => pool.TryTake(isUrgent: false)));
        Assert.True(pool.TryTake(isUrgent: true));
        Assert.False(pool.TryTake(isUrgent: true));
    }

    [Fact]
    public async Task The_urgent_are_served_before_those_who_waited_longer()
    {
        var pool = new PermitPool(1, reserved: 0);
        Assert.True(await pool.TakeAsync(isUrgent: false));
        var bulk = pool.TakeAsync(isUrgent: false);
        var password = pool.TakeAsync(isUrgent: true);

        pool.Return();

        Assert.True(await password);
        Assert.False(bulk.IsCompleted);
        pool.Return();
        Assert.True(await bulk);
    }

    [Fact]
    public async Task What_is_kept_is_kept_while_others_wait()
    {
        var pool = new PermitPool(2, reserved: 1);
        Assert.True(await pool.TakeAsync(isUrgent: false));
        var bulk = pool.TakeAsync(isUrgent: false);
        Assert.True(pool.TryTake(isUrgent: true));

        // The urgent one's comes back: it is the kept one, and nobody else's.
        pool.Return();
        Assert.False(bulk.IsCompleted);
        Assert.True(pool.TryTake(isUrgent: true));
        pool.Return();
        pool.Return();
        Assert.True(await bulk);
    }

    [Fact]
    public async Task Those_who_wait_are_served_in_order()
    {
        var pool = new PermitPool(1, reserved: 0);
        Assert.True(pool.TryTake(isUrgent: false));
        var waiting = Enumerable.Range(0, 5).Select(_ => pool.TakeAsync(isUrgent: false)).ToList();
        for (var n = 0; n < 5; n++)
        {
            pool.Return();
            Assert.True(await waiting[n]);
            Assert.All(waiting.Skip(n + 1), w => Assert.False(w.IsCompleted));
        }
    }

    [Fact]
    public async Task A_closed_pool_gives_nobody_a_permit()
    {
        var pool = new PermitPool(1, reserved: 0);
        Assert.True(pool.TryTake(isUrgent: false));
        var waiting = pool.TakeAsync(isUrgent: false);

        pool.Close();

        Assert.False(await waiting);
        pool.Return();
        Assert.False(pool.TryTake(isUrgent: true));
        Assert.False(await pool.TakeAsync(isUrgent: true));
    }
}
