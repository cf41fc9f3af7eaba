using NodaTime;
using Sms.Domain.Attempts;
using Sms.Ports;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class AcceptedTests
{
    private static readonly string Service = "MG" + new string('a', 32);

    [Fact]
    public async Task A_created_message_is_accepted_with_its_sid()
    {
        await using var rig = await TwilioRig.StartAsync();

        var outcome = await rig.SendAsync();

        var message = Assert.Single(rig.Simulator.Ledger.Messages);
        Assert.Equal(new ProviderOutcome.Accepted(message.Sid), outcome);
        Assert.Equal(
            (TwilioRig.Recipient, TwilioRig.WorkingSender, null, TwilioRig.Text, "queued"),
            (message.To, message.From, message.MessagingServiceSid, message.Body, message.Status));
    }

    [Fact]
    public async Task A_messaging_service_goes_instead_of_a_number()
    {
        await using var rig = await TwilioRig.StartAsync();

        Assert.IsType<ProviderOutcome.Accepted>(await rig.SendAsync(sender: new Sender(null, Service)));

        var message = Assert.Single(rig.Simulator.Ledger.Messages);
        Assert.Equal((null, Service, "accepted"), (message.From, message.MessagingServiceSid, message.Status));
    }

    [Fact]
    public async Task The_status_callback_names_the_attempt_and_asks_for_repeats()
    {
        await using var rig = await TwilioRig.StartAsync();
        var request = rig.Request();

        await rig.Provider.CreateAsync(request, CancellationToken.None);

        Assert.Equal(
            $"https://sms.example.com/base/webhooks/twilio/status?attempt={request.AttemptId}#rc=5&rp=all",
            Assert.Single(rig.Simulator.Ledger.Messages).StatusCallback);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData(0.2, 1)]
    [InlineData(90.9, 90)]
    [InlineData(36_000.0, 36_000)]
    [InlineData(100_000.0, 36_000)]
    public async Task The_validity_period_goes_in_whole_seconds_within_bounds(double? seconds, int? sent)
    {
        await using var rig = await TwilioRig.StartAsync();
        var request = rig.Request(validity: seconds is { } some ? Duration.FromSeconds(some) : null);

        await rig.Provider.CreateAsync(request, CancellationToken.None);

        Assert.Equal(sent, Assert.Single(rig.Simulator.Ledger.Messages).ValidityPeriod);
    }

    [Fact]
    public async Task Any_text_arrives_as_it_was()
    {
        await using var rig = await TwilioRig.StartAsync();
        const string body = "50% & more = «ça» +1\r\n😀 ";

        await rig.Provider.CreateAsync(rig.Request(body: body), CancellationToken.None);

        Assert.Equal(body, Assert.Single(rig.Simulator.Ledger.Messages).Body);
    }

    [Fact]
    public async Task The_default_sender_is_the_messaging_service_before_the_number()
    {
        await using var number = await TwilioRig.StartAsync();
        await using var both = await TwilioRig.StartAsync(options => options.MessagingServiceSid = Service);
        await using var none = await TwilioRig.StartAsync(options => options.PhoneNumber = null);

        Assert.Equal(new Sender(TwilioRig.WorkingSender, null), number.Provider.DefaultSender);
        Assert.Equal(new Sender(null, Service), both.Provider.DefaultSender);
        Assert.Null(none.Provider.DefaultSender);
    }

    [Fact]
    public async Task Without_credentials_nothing_leaves()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.AuthToken = "");

        Assert.False(rig.Provider.IsEnabled);
        Assert.IsType<ProviderOutcome.NeverLeft>(await rig.SendAsync());
        Assert.Equal(0, rig.Simulator.Ledger.Requests);
    }

    [Fact]
    public async Task The_disabled_provider_lets_nothing_leave()
    {
        await using var rig = await TwilioRig.StartAsync();
        var disabled = new DisabledProvider();

        Assert.False(disabled.IsEnabled);
        Assert.Null(disabled.DefaultSender);
        Assert.IsType<ProviderOutcome.NeverLeft>(await disabled.CreateAsync(rig.Request(), CancellationToken.None));
    }
}
