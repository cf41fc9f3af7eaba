using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>The whole life of a message with the simulator's own callbacks and texts: what a developer sees without an account.</summary>
public sealed class LifeTests
{
    [Fact]
    public async Task Message_is_delivered_answered_with_stop_and_no_other_goes()
    {
        await using var api = await RunningApi.StartAsync(("SMS_PUBLIC_URL", ""));
        var business = await api.NewBusinessAsync(new { requireConsent = true });
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Noon);

        var message = (await business.SendAsync(new { customerId = customer, body = "Spring offer" })).Id;
        var delivered = await business.WhenAsync(message, m => m.MessageStatus == "delivered");
        Assert.NotNull(delivered.Json!["sentAt"]);
        Assert.NotNull(delivered.Json["deliveredAt"]);
        // A report that comes while the reply is being recorded goes again a moment later.
        await Postgres.Eventually.TrueAsync(async () => (await business.EventsAsync(message)).Count == 5);
        Assert.Equal(
            ["accepted", "attempt_started", "sent", "status", "status"],
            (await business.EventsAsync(message)).Select(e => e!["type"]!.GetValue<string>()));
        Assert.EndsWith("Reply STOP to opt out", (await api.LedgerAsync(to))[0]!["body"]!.GetValue<string>(), StringComparison.Ordinal);

        var answered = await api.Client.PostAsync(new Uri(api.Silo.SimulatorUrl, "/simulator/inbound").AbsoluteUri, new { from = to, to = "+15005550006", body = "STOP" });
        Assert.Equal(200, answered.Json!["status"]!.GetValue<int>());
        Assert.Equal("opted_out", (await business.SendAsync(new { customerId = customer, body = "Another" })).Code);
    }

    [Fact]
    public async Task Message_that_the_carrier_refuses_fails_with_its_code()
    {
        await using var api = await RunningApi.StartAsync(("SMS_PUBLIC_URL", ""));
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.Client.PostAsync(
            new Uri(api.Silo.SimulatorUrl, "/simulator/outcomes").AbsoluteUri, new JsonArray(new JsonObject { ["to"] = to, ["status"] = "undelivered", ["errorCode"] = 30003 }));
        var message = await business.SendTransactionalAsync(to);
        var failed = await business.WhenAsync(message, m => m.MessageStatus == "failed");
        Assert.Equal(30003, failed.Json!["error"]!["code"]!.GetValue<int>());
        Assert.Single(await api.LedgerAsync(to));
    }
}
