using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class LookupFaultTests
{
    private const string ListToPerson = ".json?To=%2B14155550123";

    [Theory]
    [InlineData(SimulatedFaultKind.ErrorBeforeAccepting, HttpStatusCode.InternalServerError)]
    [InlineData(SimulatedFaultKind.BadGateway, HttpStatusCode.BadGateway)]
    [InlineData(SimulatedFaultKind.RateLimit, HttpStatusCode.TooManyRequests)]
    [InlineData(SimulatedFaultKind.BadCredentials, HttpStatusCode.Unauthorized)]
    internal async Task Lists_and_single_messages_fail_as_scripted(SimulatedFaultKind kind, HttpStatusCode expected)
    {
        await using var rig = await SimulatorRig.StartAsync();
        var sid = await rig.CreateAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(kind), count: 2, target: FaultTarget.Lookup);

        using var list = await rig.Http.GetAsync($"{rig.Messages}{ListToPerson}");
        using var one = await rig.Http.GetAsync($"{rig.Messages}/{sid}.json");
        using var fine = await rig.Http.GetAsync($"{rig.Messages}/{sid}.json");

        Assert.Equal((expected, expected, HttpStatusCode.OK), (list.StatusCode, one.StatusCode, fine.StatusCode));
        Assert.Equal((1, 3), (rig.Simulator.Ledger.Requests, rig.Simulator.Ledger.Lookups));
    }

    [Fact]
    public async Task A_look_up_can_be_reset()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.ResetBeforeAccepting), target: FaultTarget.Lookup);

        await Assert.ThrowsAsync<HttpRequestException>(() => rig.Http.GetAsync($"{rig.Messages}{ListToPerson}"));
    }

    [Fact]
    public async Task A_look_up_can_hang_until_it_is_released_or_its_client_goes()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangBeforeAccepting), count: 2, target: FaultTarget.Lookup);
        var hanging = rig.Http.GetAsync($"{rig.Messages}{ListToPerson}");
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);
        rig.Simulator.Faults.ReleaseHangs();
        using var released = await hanging;

        var gone = rig.Http.GetAsync($"{rig.Messages}{ListToPerson}");
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);
        rig.Http.CancelPendingRequests();

        Assert.Equal(HttpStatusCode.OK, released.StatusCode);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        await rig.Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 0, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Faults_of_look_ups_leave_creates_alone_and_know_the_recipient()
    {
        await using var rig = await SimulatorRig.StartAsync();
        using var scripted = await rig.Http.PostAsJsonAsync("/simulator/faults", new[]
        {
            new { kind = "error_before_accepting", target = "lookup", to = SimulatorRig.Person, count = 2 },
        });
        var (own, other) = (await rig.CreateAsync(), await rig.CreateAsync(to: "+14155550199"));

        using var otherOne = await rig.Http.GetAsync($"{rig.Messages}/{other}.json");
        using var all = await rig.Http.GetAsync($"{rig.Messages}.json");
        using var ownOne = await rig.Http.GetAsync($"{rig.Messages}/{own}.json");
        using var ownList = await rig.Http.GetAsync($"{rig.Messages}{ListToPerson}");

        Assert.Equal(
            [HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.InternalServerError, HttpStatusCode.InternalServerError],
            new[] { otherOne, all, ownOne, ownList }.Select(response => response.StatusCode));
    }

    [Fact]
    public async Task A_list_to_one_person_is_newest_first_with_what_tells_messages_apart()
    {
        await using var rig = await SimulatorRig.StartAsync();
        var first = await rig.CreateAsync(body: "one");
        rig.Advance(1_999);
        var second = await rig.CreateAsync(body: "two", byService: true);
        await rig.CreateAsync(to: "+14155550199");

        var list = (await rig.Http.GetFromJsonAsync<JsonElement>($"{rig.Messages}{ListToPerson}")).GetProperty("messages").EnumerateArray();

        Assert.Equal(
            [
                (second, "two", (string?)null, SimulatorRig.Service, "accepted", "Mon, 23 Nov 2026 10:00:01 +0000"),
                (first, "one", SimulatorRig.Number, null, "delivered", "Mon, 23 Nov 2026 10:00:00 +0000"),
            ],
            list.Select(message =>
            (
                Text(message, "sid")!, Text(message, "body")!, Text(message, "from"), Text(message, "messaging_service_sid"),
                Text(message, "status")!, Text(message, "date_created")!)));

        static string? Text(JsonElement message, string name) => message.GetProperty(name).GetString();
    }

    [Fact]
    public async Task Strangers_meet_no_fault_and_are_not_counted()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.BadGateway), target: FaultTarget.Lookup);
        rig.Http.DefaultRequestHeaders.Authorization = null;

        using var response = await rig.Http.GetAsync($"{rig.Messages}.json");

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal((1, 0), (rig.Simulator.Faults.Pending, rig.Simulator.Ledger.Lookups));
    }
}
