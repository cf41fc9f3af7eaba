using System.Net;
using System.Net.Http.Json;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class CallbackFaultTests
{
    [Fact]
    public async Task Delayed_callbacks_come_later_than_the_status()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Delayed, Latency: TimeSpan.FromSeconds(10)));
        var (late, onTime) = (await rig.CreateAsync(), await rig.CreateAsync());
        rig.Advance(500);
        await rig.CallbacksAsync(onTime, 2);
        Assert.Equal(("delivered", 0), (rig.Simulator.Ledger.Find(late)!.Status, rig.Simulator.Ledger.Find(late)!.Callbacks.Count));
        rig.Advance(9_600);
        Assert.Equal(["sent"], (await rig.CallbacksAsync(late, 1)).Select(callback => callback.MessageStatus));
        rig.Advance(400);

        Assert.Equal(["sent", "delivered"], (await rig.CallbacksAsync(late, 2)).Select(callback => callback.MessageStatus));
    }

    [Fact]
    public async Task Shuffled_callbacks_come_in_reverse_and_the_status_does_not()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Shuffled));
        var sid = await rig.CreateAsync();
        rig.Advance(100);
        Assert.Equal("sent", rig.Simulator.Ledger.Find(sid)!.Status);
        rig.Advance(400);
        Assert.Equal(["delivered"], (await rig.CallbacksAsync(sid, 1)).Select(callback => callback.MessageStatus));
        rig.Advance(400);

        Assert.Equal(["delivered", "sent"], (await rig.CallbacksAsync(sid, 2)).Select(callback => callback.MessageStatus));
        Assert.Equal("delivered", rig.Simulator.Ledger.Find(sid)!.Status);
    }

    [Theory]
    [InlineData(SimulatedFaultKind.Doubled, 2)]
    [InlineData(SimulatedFaultKind.Tripled, 3)]
    internal async Task Callbacks_come_more_than_once(SimulatedFaultKind kind, int times)
    {
        await using var rig = await StartAsync(new SimulatedFault(kind));
        var sid = await rig.CreateAsync();
        rig.Advance(100);
        await rig.CallbacksAsync(sid, times);
        rig.Advance(400);
        await rig.CallbacksAsync(sid, times * 2);

        Assert.Equal(
            [.. Enumerable.Repeat("sent", times), .. Enumerable.Repeat("delivered", times)],
            rig.Receiver.Received.Select(webhook => webhook.Status));
        Assert.All(rig.Receiver.Received, webhook => Assert.True(webhook.IsSignedWith(rig.Options.AuthToken)));
    }

    [Fact]
    public async Task Lost_callbacks_never_come()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Lost));
        var (lost, told) = (await rig.CreateAsync(), await rig.CreateAsync());
        rig.Advance(500);
        await rig.CallbacksAsync(told, 2);

        Assert.All(rig.Receiver.Received, webhook => Assert.Equal(told, webhook.Form["MessageSid"]));
        Assert.Equal("delivered", rig.Simulator.Ledger.Find(lost)!.Status);
    }

    [Fact]
    public async Task Only_the_callback_of_one_status_can_be_lost()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Lost, Status: "sent"));
        var sid = await rig.CreateAsync();
        rig.Advance(500);

        Assert.Equal(["delivered"], (await rig.CallbacksAsync(sid, 1)).Select(callback => callback.MessageStatus));
    }

    [Fact]
    public async Task An_early_callback_is_answered_before_the_create_is()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Early));
        rig.Receiver.Hangs = true;
        var creating = rig.CreateAsync();
        var early = Assert.Single(await rig.Receiver.WaitForAsync(1));
        // The receiver has not answered, so the create cannot have been.
        Assert.False(creating.IsCompleted);
        await rig.Receiver.ReleaseAsync();

        Assert.Equal((await creating, "sent"), (early.Form["MessageSid"], early.Status));
    }

    [Fact]
    public async Task An_early_callback_comes_once_and_the_rest_in_time()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Early));
        var sid = await rig.CreateAsync();
        Assert.Equal(["sent"], rig.Simulator.Ledger.Find(sid)!.Callbacks.Select(callback => callback.MessageStatus));
        rig.Advance(500);

        Assert.Equal(["sent", "delivered"], (await rig.CallbacksAsync(sid, 2)).Select(callback => callback.MessageStatus));
    }

    [Fact]
    public async Task A_client_that_goes_during_an_early_callback_leaves_the_message()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Early));
        rig.Receiver.Hangs = true;
        var creating = rig.CreateAsync();
        await rig.Receiver.WaitForAsync(1);
        rig.Http.CancelPendingRequests();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating);

        rig.Advance(500);

        Assert.Equal("delivered", Assert.Single(rig.Simulator.Ledger.Messages).Status);
    }

    [Fact]
    public async Task Forged_callbacks_are_signed_by_somebody_else()
    {
        await using var rig = await StartAsync(new SimulatedFault(SimulatedFaultKind.Forged, Status: "delivered"));
        await rig.CreateAsync();
        rig.Advance(100);
        await rig.Receiver.WaitForAsync(1);
        rig.Advance(400);
        var received = await rig.Receiver.WaitForAsync(2);

        Assert.Equal([("sent", true), ("delivered", false)], received.Select(webhook => (webhook.Status, webhook.IsSignedWith(rig.Options.AuthToken))));
        Assert.NotEmpty(received[1].Signature!);
    }

    [Fact]
    public async Task Faults_of_callbacks_are_scripted_by_recipient_over_http_and_mixed_by_seed()
    {
        await using var rig = await SimulatorRig.StartAsync();
        using var scripted = await rig.Http.PostAsJsonAsync("/simulator/faults", new[]
        {
            new { kind = "lost", target = "callback", to = SimulatorRig.Person, status = "delivered" },
        });
        var (other, own) = (await rig.CreateAsync(to: "+14155550199"), await rig.CreateAsync());
        rig.Simulator.Faults.Mix(FaultTarget.Callback, seed: 1, new FaultShare(new SimulatedFault(SimulatedFaultKind.Doubled), 1));
        var doubled = await rig.CreateAsync();
        rig.Advance(100);
        await rig.CallbacksAsync(own, 1);
        rig.Advance(400);
        await rig.CallbacksAsync(other, 2);
        await rig.CallbacksAsync(doubled, 4);

        Assert.Equal(HttpStatusCode.OK, scripted.StatusCode);
        Assert.Equal(["sent"], rig.Simulator.Ledger.Find(own)!.Callbacks.Select(callback => callback.MessageStatus));
    }

    [Theory]
    [InlineData(SimulatedFaultKind.Lost, FaultTarget.Create)]
    [InlineData(SimulatedFaultKind.Lost, FaultTarget.Lookup)]
    [InlineData(SimulatedFaultKind.RateLimit, FaultTarget.Callback)]
    [InlineData(SimulatedFaultKind.HangAfterAccepting, FaultTarget.Lookup)]
    internal void A_fault_that_cannot_happen_to_its_target_is_refused(SimulatedFaultKind kind, FaultTarget target)
    {
        var faults = new TwilioFaults();

        Assert.Throws<ArgumentException>(() => faults.Enqueue(new SimulatedFault(kind), target: target));
        Assert.Throws<ArgumentException>(() => faults.Mix(target, seed: 1, new FaultShare(new SimulatedFault(kind), 1)));
        Assert.Equal(0, faults.Pending);
    }

    private static async Task<SimulatorRig> StartAsync(SimulatedFault fault)
    {
        var rig = await SimulatorRig.StartAsync();
        rig.Simulator.Faults.Enqueue(fault, target: FaultTarget.Callback);
        return rig;
    }
}
