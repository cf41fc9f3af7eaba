using Sms.Domain.Attempts;
using Sms.Ports;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class ProviderCallbackTests
{
    [Fact]
    public async Task The_callbacks_of_an_attempt_come_to_its_own_url_and_are_repeated_as_the_provider_asked()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var rig = await TwilioRig.StartAsync(options => options.PublicUrl = receiver.Url, callbacks: true);
        receiver.AnswerNext(503, 503, 503, 503, 503, 204);
        var request = rig.Request();

        var accepted = Assert.IsType<ProviderOutcome.Accepted>(await rig.Provider.CreateAsync(request, CancellationToken.None));
        rig.Time.Advance(TimeSpan.FromMilliseconds(100));
        var received = await receiver.WaitForAsync(6);

        Assert.All(received, webhook =>
        {
            Assert.Equal($"{receiver.Url}webhooks/twilio/status?attempt={request.AttemptId}", webhook.Url);
            Assert.Equal((accepted.Sid, "sent"), (webhook.Form["MessageSid"], webhook.Status));
            Assert.True(webhook.IsSignedWith(rig.Options.AuthToken!));
        });
    }

    [Fact]
    public async Task An_attempt_of_unknown_outcome_is_told_by_its_callback()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var rig = await TwilioRig.StartAsync(options => options.PublicUrl = receiver.Url, callbacks: true);

        Assert.IsType<ProviderOutcome.Unknown>(await rig.SendAfterAsync(new SimulatedFault(SimulatedFaultKind.ResetAfterAccepting)));
        rig.Time.Advance(TimeSpan.FromMilliseconds(100));

        var webhook = Assert.Single(await receiver.WaitForAsync(1));
        Assert.Equal(Assert.Single(rig.Simulator.Ledger.Messages).Sid, webhook.Form["MessageSid"]);
    }
}
