using NodaTime;
using Sms.Contracts;
using Sms.Dispatch;
using Sms.Domain.Sending;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>The pace of a sender that businesses share outlives its silo.</summary>
public sealed class SenderPaceTests
{
    private const string Sender = "+15005550006";

    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task The_next_slots_follow_those_that_were_dealt_though_the_silo_of_the_sender_died()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, silos: 2, sender: new SenderOptions { SegmentsPerSecond = 0.1 });
        var grain = cluster.Grains.GetGrain<ISenderGrain>(Sender);
        var last = DateTimeOffset.MinValue;
        for (var n = 0; n < 20; n++)
            last = await grain.ReserveAsync(Noon.ToDateTimeOffset(), 1);
        Assert.Equal(Noon.ToDateTimeOffset().AddSeconds(190), last);

        await cluster.KillSiloOfAsync(grain);

        DateTimeOffset? next = null;
        await SmsCluster.UntilAsync(async () =>
        {
            try
            {
                next = await grain.ReserveAsync(Noon.ToDateTimeOffset(), 1);
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                // Its death is not known yet.
            }

            return next is not null;
        });
        // Slots that were dealt to a call whose answer was lost are lost.
        Assert.InRange(next!.Value, last.AddSeconds(10), last.AddSeconds(10) + (3 * SharedPace.Ahead).ToTimeSpan());
    }

    [Fact]
    public async Task Where_it_goes_away_in_peace_nothing_of_the_pace_is_lost()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, sender: new SenderOptions { SegmentsPerSecond = 10 });
        var grain = cluster.Grains.GetGrain<ISenderGrain>(Sender);
        await grain.ReserveAsync(Noon.ToDateTimeOffset(), 5);

        await cluster.Silos.DeactivateAsync(grain);

        Assert.Equal(Noon.ToDateTimeOffset().AddSeconds(0.5), await grain.ReserveAsync(Noon.ToDateTimeOffset(), 1));
    }

    [Fact]
    public async Task A_slot_that_was_given_back_is_dealt_to_the_next()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, sender: new SenderOptions { SegmentsPerSecond = 3 });
        var grain = cluster.Grains.GetGrain<ISenderGrain>(Sender);
        var from = Noon.ToDateTimeOffset();
        var first = await grain.ReserveAsync(from, 1);
        var second = await grain.ReserveAsync(from, 2);
        await grain.ReleaseAsync(first, 1);
        Assert.Equal(first, await grain.ReserveAsync(from, 1), TimeSpan.FromMilliseconds(1));
        Assert.Equal(from.AddSeconds(1), await grain.ReserveAsync(from, 1), TimeSpan.FromMilliseconds(1));
        await grain.ReleaseAsync(from.AddSeconds(1), 1);
        await grain.ReleaseAsync(second, 2);
        Assert.Equal(second, await grain.ReserveAsync(from, 1), TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task Few_slots_cost_a_write()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, sender: new SenderOptions { SegmentsPerSecond = 100 });
        var grain = cluster.Grains.GetGrain<ISenderGrain>(Sender);
        for (var n = 0; n < 1000; n++)
            await grain.ReserveAsync(Noon.ToDateTimeOffset(), 1);
        Assert.InRange(await cluster.Database.ScalarAsync<int>("select version from orleans.grain_state"), 1, 3);
    }
}
