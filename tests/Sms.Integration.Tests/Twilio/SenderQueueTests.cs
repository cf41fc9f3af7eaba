using System.Text.Json;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class SenderQueueTests
{
    private static readonly string TwoSegments = new('x', 161);

    [Fact]
    public async Task Each_sender_goes_at_its_own_pace_in_segments()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.SegmentsPerSecond = 1);
        var first = await rig.CreateAsync(body: TwoSegments);
        var second = await rig.CreateAsync();
        var service = await rig.CreateAsync(byService: true);

        rig.Advance(100);
        Assert.Equal(("sent", "queued", "sent"), (Status(first), Status(second), Status(service)));
        rig.Advance(1_999);
        Assert.Equal("queued", Status(second));
        rig.Advance(1);
        Assert.Equal("sent", Status(second));

        string Status(string sid) => rig.Simulator.Ledger.Find(sid)!.Status;
    }

    [Fact]
    public async Task A_numbers_full_queue_refuses()
    {
        await using var rig = await SimulatorRig.StartAsync(options => (options.SegmentsPerSecond, options.QueueSegments) = (1, 3));
        await rig.CreateAsync(body: TwoSegments);

        Assert.Equal(21611, await rig.TryCreateAsync(body: TwoSegments));
        Assert.Null(await rig.TryCreateAsync());
        Assert.Equal(21611, await rig.TryCreateAsync());
        Assert.Equal(2, rig.Simulator.Ledger.Messages.Count);
        rig.Advance(1_000);
        Assert.Null(await rig.TryCreateAsync());
    }

    [Fact]
    public async Task A_messaging_services_full_queue_accepts_and_fails_later()
    {
        await using var rig = await SimulatorRig.StartAsync(options => (options.SegmentsPerSecond, options.QueueSegments) = (1, 1));
        await rig.CreateAsync(byService: true, callback: "");
        var overflown = await rig.CreateAsync(byService: true);
        Assert.Equal("accepted", rig.Simulator.Ledger.Find(overflown)!.Status);

        rig.Advance(100);

        var callback = Assert.Single(await rig.Receiver.WaitForAsync(1));
        Assert.Equal((overflown, "failed", "30001"), (callback.Form["MessageSid"], callback.Status, callback.Form["ErrorCode"]));
        Assert.Equal("", callback.Form["From"]);
        Assert.Equal(30001, (await rig.FetchAsync(overflown)).GetProperty("error_code").GetInt32());
    }

    [Fact]
    public async Task A_message_past_its_validity_period_fails_and_holds_up_nobody()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.SegmentsPerSecond = 0.1);
        await rig.CreateAsync(callback: "");
        var expires = await rig.CreateAsync(validity: 5);
        var waits = await rig.CreateAsync(callback: "");

        rig.Advance(4_999);
        Assert.Equal("queued", rig.Simulator.Ledger.Find(expires)!.Status);
        rig.Advance(1);
        var callback = Assert.Single(await rig.Receiver.WaitForAsync(1));
        rig.Advance(5_100);

        Assert.Equal((expires, "failed", "30036"), (callback.Form["MessageSid"], callback.Status, callback.Form["ErrorCode"]));
        Assert.Equal(JsonValueKind.Null, (await rig.FetchAsync(expires)).GetProperty("date_sent").ValueKind);
        Assert.Equal("sent", rig.Simulator.Ledger.Find(waits)!.Status);
    }

    [Fact]
    public async Task Without_a_pace_there_is_no_queue()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.QueueSegments = 1);

        for (var i = 0; i < 10; i++)
            Assert.Null(await rig.TryCreateAsync(body: TwoSegments));
    }
}
