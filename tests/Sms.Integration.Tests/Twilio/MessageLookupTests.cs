using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class MessageLookupTests
{
    private static readonly PhoneNumber Recipient = PhoneNumber.FromE164(TwilioRig.Recipient);

    [Fact]
    public async Task A_list_has_every_message_to_the_recipient_over_all_pages()
    {
        await using var rig = await TwilioRig.StartAsync();
        for (var n = 0; n < 230; n++)
            await rig.Provider.CreateAsync(rig.Request(body: $"Text {n}"), TestContext.Current.CancellationToken);
        await rig.SendAsync(to: "+14155550199");

        var found = Assert.IsType<LookupOutcome.Answered>(await ListAsync(rig)).Messages;

        Assert.Equal(230, found.Count);
        Assert.All(found, m => Assert.Equal((TwilioRig.Recipient, TwilioRig.WorkingSender), (m.To, m.From)));
        Assert.Contains(found, m => m.Body is "Text 0" && m.CreatedAt == Instant.FromDateTimeOffset(rig.Time.GetUtcNow()));
        Assert.Equal(3, rig.Simulator.Ledger.Lookups);
    }

    [Fact]
    public async Task Pages_older_than_asked_for_are_not_read()
    {
        await using var rig = await TwilioRig.StartAsync();
        for (var n = 0; n < 230; n++)
            await rig.SendAsync();
        rig.Time.Advance(TimeSpan.FromHours(1));
        await rig.SendAsync();

        var found = Assert.IsType<LookupOutcome.Answered>(await ListAsync(rig, Instant.FromDateTimeOffset(rig.Time.GetUtcNow()))).Messages;

        Assert.InRange(found.Count, 1, 200);
        Assert.Equal(2, rig.Simulator.Ledger.Lookups);
    }

    [Theory]
    [InlineData(SimulatedFaultKind.ErrorBeforeAccepting)]
    [InlineData(SimulatedFaultKind.BadGateway)]
    [InlineData(SimulatedFaultKind.RateLimit)]
    [InlineData(SimulatedFaultKind.ResetBeforeAccepting)]
    [InlineData(SimulatedFaultKind.BadCredentials)]
    internal async Task What_is_not_answered_is_no_absence(SimulatedFaultKind fault)
    {
        await using var rig = await TwilioRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(fault), count: 2, target: FaultTarget.Lookup);

        Assert.IsType<LookupOutcome.Failed>(await ListAsync(rig));
        Assert.IsType<LookupOutcome.Failed>(await rig.Provider.FetchAsync("SM" + new string('0', 32), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_message_is_fetched_by_its_sid_and_one_that_is_not_there_is_no_failure()
    {
        await using var rig = await TwilioRig.StartAsync();
        var sid = Assert.IsType<ProviderOutcome.Accepted>(await rig.SendAsync()).Sid;

        var found = Assert.IsType<LookupOutcome.Answered>(await rig.Provider.FetchAsync(sid, TestContext.Current.CancellationToken));
        var missing = Assert.IsType<LookupOutcome.Answered>(
            await rig.Provider.FetchAsync("SM" + new string('0', 32), TestContext.Current.CancellationToken));

        Assert.Equal((sid, TwilioRig.Text), (Assert.Single(found.Messages).Sid, found.Messages[0].Body));
        Assert.Empty(missing.Messages);
    }

    private static Task<LookupOutcome> ListAsync(TwilioRig rig, Instant? since = null) =>
        rig.Provider.ListAsync(Recipient, since ?? Instant.MinValue, TestContext.Current.CancellationToken);
}
