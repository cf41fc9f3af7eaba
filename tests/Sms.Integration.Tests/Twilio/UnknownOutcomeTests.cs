using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Ports;
using Sms.Silo.Simulator;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class UnknownOutcomeTests
{
    [Theory]
    [InlineData(nameof(SimulatedFaultKind.ErrorBeforeAccepting), 0)]
    [InlineData(nameof(SimulatedFaultKind.ErrorAfterAccepting), 1)]
    [InlineData(nameof(SimulatedFaultKind.ResetBeforeAccepting), 0)]
    [InlineData(nameof(SimulatedFaultKind.ResetAfterAccepting), 1)]
    [InlineData(nameof(SimulatedFaultKind.BadGateway), 0)]
    [InlineData(nameof(SimulatedFaultKind.UnreadableAfterAccepting), 1)]
    public async Task What_may_have_been_accepted_is_unknown_and_asked_for_once(string kind, int accepted)
    {
        await using var rig = await TwilioRig.StartAsync();

        var outcome = await rig.SendAfterAsync(new SimulatedFault(Enum.Parse<SimulatedFaultKind>(kind)));

        Assert.IsType<ProviderOutcome.Unknown>(outcome);
        Assert.Equal((1, accepted), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Messages.Count));
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var rig = await TwilioRig.StartAsync();

        var outcome = await rig.SendAfterAsync(new SimulatedFault(SimulatedFaultKind.Redirect));

        Assert.Equal(new ProviderOutcome.Unknown("HTTP 307"), outcome);
        Assert.Equal(1, rig.Simulator.Ledger.Requests);
    }

    [Theory]
    [InlineData(nameof(SimulatedFaultKind.ResetBeforeAccepting))]
    [InlineData(nameof(SimulatedFaultKind.ResetAfterAccepting))]
    public async Task A_reset_of_a_used_connection_is_not_repeated_either(string kind)
    {
        await using var rig = await TwilioRig.StartAsync();
        await rig.SendAsync();

        var outcome = await rig.SendAfterAsync(new SimulatedFault(Enum.Parse<SimulatedFaultKind>(kind)));

        Assert.IsType<ProviderOutcome.Unknown>(outcome);
        Assert.Equal(2, rig.Simulator.Ledger.Requests);
    }

    [Fact]
    public async Task A_reply_that_does_not_come_is_unknown_after_the_timeout_and_not_before()
    {
        await using var rig = await TwilioRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangAfterAccepting));
        var sending = rig.SendAsync();
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);

        rig.Time.Advance(rig.Options.Timeout - TimeSpan.FromMilliseconds(1));
        Assert.False(sending.IsCompleted);
        rig.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(new ProviderOutcome.Unknown("no reply within 35 s"), await sending);
        Assert.Equal((1, 1), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Messages.Count));
    }

    [Fact]
    public async Task A_request_that_hung_before_it_was_accepted_is_unknown_too()
    {
        await using var rig = await TwilioRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangBeforeAccepting));
        var sending = rig.SendAsync();
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);

        rig.Time.Advance(rig.Options.Timeout);

        Assert.IsType<ProviderOutcome.Unknown>(await sending);
        Assert.Equal((1, 0), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Messages.Count));
    }

    [Fact]
    public async Task The_system_clock_ends_a_hang_as_well()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.Timeout = TimeSpan.FromSeconds(2));
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangAfterAccepting));
        using var http = new HttpClient(TwilioRegistration.CreateHandler(rig.Options.MaxConcurrency));
        var provider = new TwilioProvider(
            http, http, Options.Create(rig.Options), TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<TwilioProvider>.Instance);

        var outcome = await provider.CreateAsync(rig.Request() with { LeaveBy = new Deadline(long.MaxValue, Instant.MaxValue) }, CancellationToken.None);

        Assert.IsType<ProviderOutcome.Unknown>(outcome);
        Assert.Single(rig.Simulator.Ledger.Messages);
    }

    [Fact]
    public async Task Look_ups_that_hang_take_no_connection_from_a_message()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.MaxConcurrency = 1);
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangBeforeAccepting), count: 2, target: FaultTarget.Lookup);
        var list = rig.Provider.ListAsync(PhoneNumber.FromE164(TwilioRig.Recipient), Instant.MinValue, CancellationToken.None);
        var fetch = rig.Provider.FetchAsync("SM00000000000000000000000000000000", CancellationToken.None);
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 2, TestContext.Current.CancellationToken);

        Assert.IsType<ProviderOutcome.Accepted>(await rig.SendAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));

        rig.Simulator.Faults.ReleaseHangs();
        await Task.WhenAll(list, fetch);
    }

    [Fact]
    public async Task Once_it_left_the_callers_cancellation_changes_nothing()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var caller = new CancellationTokenSource();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangAfterAccepting));
        var sending = rig.Provider.CreateAsync(rig.Request(), caller.Token);
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);

        await caller.CancelAsync();
        rig.Simulator.Faults.ReleaseHangs();

        Assert.IsType<ProviderOutcome.Accepted>(await sending);
    }

    [Fact]
    public async Task A_handler_that_repeats_requests_cannot_send_a_second_one()
    {
        await using var rig = await TwilioRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.ErrorBeforeAccepting));
        using var handler = new RepeatingHandler { InnerHandler = TwilioRegistration.CreateHandler(rig.Options.MaxConcurrency) };

        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);

        Assert.IsType<ProviderOutcome.Unknown>(outcome);
        Assert.Equal((1, 0), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Messages.Count));
    }

    [Fact]
    public async Task Handlers_that_the_host_adds_to_all_clients_stay_out()
    {
        await using var rig = await TwilioRig.StartAsync(add: services => services
            .AddTransient<RepeatingHandler>()
            .ConfigureHttpClientDefaults(client => client.AddHttpMessageHandler<RepeatingHandler>()));

        Assert.IsType<ProviderOutcome.Accepted>(await rig.SendAsync());
        Assert.Equal(1, rig.Simulator.Ledger.Requests);
    }

    /// <summary>Sends everything twice, whatever came of the first.</summary>
    private sealed class RepeatingHandler : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            (await base.SendAsync(request, cancellationToken)).Dispose();
            return await base.SendAsync(request, cancellationToken);
        }
    }
}
