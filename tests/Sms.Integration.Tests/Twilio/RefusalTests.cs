using System.Net;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class RefusalTests
{
    [Theory]
    [InlineData("+15005550001", 21211, FailureClass.BadNumber)]
    [InlineData("+15005550002", 21612, FailureClass.Route)]
    [InlineData("+15005550003", 21408, FailureClass.Configuration)]
    [InlineData("+15005550004", 21610, FailureClass.OptOut)]
    [InlineData("+15005550009", 21614, FailureClass.BadNumber)]
    public async Task Magic_recipients_are_refused_with_their_class(string to, int code, FailureClass expected)
    {
        await using var rig = await TwilioRig.StartAsync();

        var refused = Assert.IsType<ProviderOutcome.Refused>(await rig.SendAsync(to));

        Assert.Equal((expected, code, null), (refused.Class, refused.Code, refused.RetryAfter));
        Assert.DoesNotContain(to, refused.Message, StringComparison.Ordinal);
        Assert.Contains("+1******" + to[^4..], refused.Message, StringComparison.Ordinal);
        Assert.Equal((1, 0), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Messages.Count));
    }

    [Theory]
    [InlineData("+15005550001", 21212, FailureClass.Configuration)]
    [InlineData("+15005550007", 21606, FailureClass.Configuration)]
    [InlineData("+15005550008", 21611, FailureClass.Rate)]
    public async Task Magic_senders_are_refused_with_their_class(string from, int code, FailureClass expected)
    {
        await using var rig = await TwilioRig.StartAsync();

        var refused = Assert.IsType<ProviderOutcome.Refused>(await rig.SendAsync(sender: new Sender(from, null)));

        Assert.Equal((expected, code), (refused.Class, refused.Code));
        Assert.Equal(1, rig.Simulator.Ledger.Requests);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("7", 7)]
    [InlineData("Mon, 23 Nov 2026 10:00:42 GMT", 42)]
    [InlineData("Mon, 23 Nov 2026 09:00:00 GMT", 0)]
    [InlineData("soon", null)]
    public async Task Too_many_requests_are_a_matter_of_rate_and_say_when_to_come_back(string? header, int? seconds)
    {
        await using var rig = await TwilioRig.StartAsync();

        var outcome = await rig.SendAfterAsync(new SimulatedFault(SimulatedFaultKind.RateLimit, RetryAfter: header));

        var refused = Assert.IsType<ProviderOutcome.Refused>(outcome);
        Assert.Equal((FailureClass.Rate, 20429), (refused.Class, refused.Code));
        Assert.Equal(seconds is { } some ? Duration.FromSeconds(some) : null, refused.RetryAfter);
        Assert.Equal((1, 0), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Messages.Count));
    }

    [Fact]
    public async Task Wrong_credentials_are_a_matter_of_configuration_and_asked_once()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.AuthToken = "rotated");

        var refused = Assert.IsType<ProviderOutcome.Refused>(await rig.SendAsync());

        Assert.Equal((FailureClass.Configuration, 20003), (refused.Class, refused.Code));
        Assert.Equal(1, rig.Simulator.Ledger.Requests);
    }

    [Theory]
    [InlineData(nameof(SimulatedFaultKind.BadCredentials), null, FailureClass.Configuration)]
    [InlineData(nameof(SimulatedFaultKind.Refuse), 21618, FailureClass.Content)]
    [InlineData(nameof(SimulatedFaultKind.Refuse), 21617, FailureClass.Request)]
    [InlineData(nameof(SimulatedFaultKind.Refuse), 21611, FailureClass.Rate)]
    public async Task Codes_decide_the_class(string kind, int? code, FailureClass expected)
    {
        await using var rig = await TwilioRig.StartAsync();

        var outcome = await rig.SendAfterAsync(new SimulatedFault(Enum.Parse<SimulatedFaultKind>(kind), code));

        Assert.Equal(expected, Assert.IsType<ProviderOutcome.Refused>(outcome).Class);
        Assert.Equal(1, rig.Simulator.Ledger.Requests);
    }

    [Theory]
    [InlineData("<html><body>Forbidden</body></html>")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("\"no\"")]
    [InlineData("null")]
    [InlineData("{\"code\": \"many\", \"message\": 3}")]
    [InlineData("{\"message\": \"\\ud800\"}")]
    public async Task Without_a_readable_code_the_status_decides(string body)
    {
        var outcome = await ReadAsync(HttpStatusCode.Unauthorized, body);

        Assert.Equal(
            new ProviderOutcome.Refused(FailureClass.Configuration, 401, "HTTP 401", RetryAfter: null), outcome);
    }

    [Theory]
    [InlineData("<html></html>")]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"sid\": 7}")]
    [InlineData("{\"sid\": \"SM123\"}")]
    [InlineData("{\"sid\": \"AC00000000000000000000000000000000\"}")]
    public async Task A_success_without_a_message_sid_is_unknown(string body) =>
        Assert.IsType<ProviderOutcome.Unknown>(await ReadAsync(HttpStatusCode.Created, body));

    [Theory]
    [InlineData(HttpStatusCode.TooManyRequests, 63038, FailureClass.Day)]
    [InlineData(HttpStatusCode.TooManyRequests, 21617, FailureClass.Rate)]
    public async Task Too_many_requests_wait_whatever_the_code(HttpStatusCode status, int code, FailureClass expected)
    {
        var outcome = await ReadAsync(status, $"{{\"code\": {code}}}");

        Assert.Equal(expected, Assert.IsType<ProviderOutcome.Refused>(outcome).Class);
    }

    [Fact]
    public async Task A_refusal_that_does_not_say_what_became_of_the_message_is_unknown() =>
        Assert.IsType<ProviderOutcome.Unknown>(await ReadAsync(HttpStatusCode.RequestTimeout, "<html></html>"));

    private static async Task<ProviderOutcome> ReadAsync(HttpStatusCode status, string body)
    {
        await using var rig = await TwilioRig.StartAsync();
        using var replies = CannedReplies.Of(status, body);
        return await rig.ProviderOver(replies).CreateAsync(rig.Request(), CancellationToken.None);
    }
}
