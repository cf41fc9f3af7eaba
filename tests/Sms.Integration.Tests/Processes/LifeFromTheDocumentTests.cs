using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Sms.Integration.Tests.Operations;

namespace Sms.Integration.Tests.Processes;

/// <summary>A developer who has nothing but docs/openapi.json, and a cluster of four processes.</summary>
[Collection(nameof(Alone))]
public sealed class LifeFromTheDocumentTests
{
    [Fact]
    public async Task From_a_business_to_a_delivered_message_with_every_call_of_the_document()
    {
        await using var all = await FourProcesses.StartAsync();
        var called = new HashSet<string>(StringComparer.Ordinal);
        var turn = 0;

        // Each call goes to the other front-end than the one before.
        async Task<JsonNode?> CallAsync(string key, int expected, string call, JsonNode? body = null, string query = "", params (string, string)[] path)
        {
            called.Add(call);
            var (status, reply) = await new DescribedClient(all.FrontEnds[turn++ % 2].Http, key).CallAsync(call, body, query, path);
            Assert.True(status == expected, $"{call}: {status} {reply?.ToJsonString()}");
            return reply;
        }

        async Task<JsonNode> UntilAsync(Func<Task<JsonNode?>> ask, Func<JsonNode, bool> condition)
        {
            for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(50))
            {
                var reply = (await ask())!;
                if (condition(reply))
                    return reply;
                Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(60), reply.ToJsonString());
            }
        }

        const string Admin = FourProcesses.AdminKey;
        var made = (await CallAsync(Admin, 201, "createBusiness", DescribedClient.Example("createBusiness")))!;
        var (business, key) = (("businessId", Text(made, "id")), Text(made, "apiKey"));
        await CallAsync(key, 200, "getBusiness", path: business);
        await CallAsync(key, 200, "changeBusiness", JsonNode.Parse("""{"name":"Acme & Sons"}"""), path: business);
        // Whatever the hour is when this test runs, the business's own hours are the rule.
        await CallAsync(Admin, 200, "changeBusiness", JsonNode.Parse(
            """
            {"settings":{"quietHoursPolicy":"business","quietHours":{"mon":["00:00","24:00"],"tue":["00:00","24:00"],"wed":["00:00","24:00"],
            "thu":["00:00","24:00"],"fri":["00:00","24:00"],"sat":["00:00","24:00"],"sun":["00:00","24:00"]}}}
            """), path: business);

        var customer = ("customerId", Text((await CallAsync(key, 201, "createCustomer", JsonNode.Parse("""{"name":"Ana","phone":"+15125550142"}"""), path: business))!, "id"));
        await CallAsync(key, 200, "getCustomer", path: [business, customer]);
        await CallAsync(key, 200, "changeCustomer", JsonNode.Parse("""{"timezone":"America/Chicago"}"""), path: [business, customer]);
        await CallAsync(key, 200, "listCustomers", query: "?phone=%2B15125550142", path: business);
        await CallAsync(key, 201, "recordConsent", DescribedClient.Example("recordConsent"), path: [business, customer]);
        await CallAsync(key, 200, "listConsent", path: [business, customer]);

        var previewed = (await CallAsync(key, 200, "previewSegments", JsonNode.Parse("""{"body":"Your boiler is fixed."}""")))!;
        Assert.Equal(1, previewed["segments"]!.GetValue<int>());
        await CallAsync(key, 200, "previewQuietHours", DescribedClient.Example("previewQuietHours"));
        await CallAsync(key, 200, "listRules", query: "?on=2026-11-22");

        var text = JsonNode.Parse($$"""{"customerId":"{{customer.Item2}}","body":"Your boiler is fixed."}""")!;
        var message = ("messageId", Text((await CallAsync(key, 202, "sendMessage", text, path: business))!, "id"));
        var delivered = await UntilAsync(() => CallAsync(key, 200, "getMessage", path: [business, message]), m => Text(m, "status") is "delivered");
        Assert.StartsWith("SM", delivered["providerMessageId"]!["twilio_sid"]!.GetValue<string>(), StringComparison.Ordinal);
        var events = (await CallAsync(key, 200, "listMessageEvents", path: [business, message]))!;
        var history = events["data"]!.AsArray().Select(e => Text(e!, "type")).ToList();
        Assert.Equal("accepted", history[0]);
        Assert.Superset(new HashSet<string>(["attempt_started", "sent", "status"], StringComparer.Ordinal), history.ToHashSet(StringComparer.Ordinal));

        var tomorrow = DateTimeOffset.Parse(Text(delivered, "createdAt"), CultureInfo.InvariantCulture).AddDays(1);
        var later = JsonNode.Parse($$"""{"customerId":"{{customer.Item2}}","body":"Until tomorrow","sendAt":"{{tomorrow.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}}"}""")!;
        var waiting = ("messageId", Text((await CallAsync(key, 202, "sendMessage", later, path: business))!, "id"));
        await CallAsync(key, 200, "cancelMessage", path: [business, waiting]);
        await CallAsync(key, 409, "retryMessage", path: [business, message]);
        var batch = (await CallAsync(key, 200, "sendMessages", new JsonObject { ["messages"] = new JsonArray(text.DeepClone(), new JsonObject { ["body"] = "nobody" }) }, path: business))!;
        Assert.Equal([202, 422], batch["results"]!.AsArray().Select(r => r!["status"]!.GetValue<int>()));

        await CallAsync(key, 200, "listMessages", query: "?status=delivered,sent&limit=1", path: business);
        await CallAsync(key, 200, "getStats", path: business);
        await CallAsync(Admin, 200, "findMessage", path: ("messageId", delivered["providerMessageId"]!["twilio_sid"]!.GetValue<string>()));
        await CallAsync(Admin, 200, "findMessages", query: $"?to={Uri.EscapeDataString(Text(delivered, "to"))}");
        await CallAsync(Admin, 200, "listBusinesses", query: "?query=plumb");
        await CallAsync(Admin, 200, "getQueueStats");
        await CallAsync(key, 403, "getQueueStats");
        var blackout = ("blackoutId", $"{Guid.CreateVersion7()}");
        await CallAsync(Admin, 200, "putBlackout", DescribedClient.Example("putBlackout"), path: blackout);
        await CallAsync(Admin, 200, "listBlackouts");
        await CallAsync(Admin, 200, "listBlackoutHistory", query: "?limit=5");
        await CallAsync(key, 200, "listSettingsHistory", path: business);
        await CallAsync(Admin, 204, "deleteBlackout", path: blackout);
        await CallAsync(key, 204, "addOptOut", JsonNode.Parse("""{"reason":"asked by phone"}"""), path: [business, ("phone", "+15125550142")]);
        await CallAsync(key, 422, "sendMessage", text.DeepClone(), path: business);
        await CallAsync(key, 200, "listOptOuts", path: business);
        await CallAsync(key, 204, "removeOptOut", path: [business, ("phone", "+15125550142")]);
        await CallAsync(key, 200, "listSuppressions", query: "?kind=opt_out", path: business);
        await CallAsync(key, 404, "removeSuppression", query: "?kind=opt_out", path: [business, ("phone", "+15125550142")]);
        await CallAsync(key, 200, "exportCustomer", path: [business, customer]);
        await CallAsync(key, 204, "eraseCustomer", path: [business, customer]);

        var second = (await CallAsync(key, 201, "createApiKey", path: business))!;
        await CallAsync(Text(second, "apiKey"), 200, "listApiKeys", path: business);
        await CallAsync(key, 204, "deleteApiKey", path: [business, ("keyId", Text(second, "id"))]);
        await CallAsync(key, 200, "live");
        await CallAsync(key, 200, "ready");
        await CallAsync(key, 200, "getMetrics");

        // Twilio's, which are signed; the delivery above came through one of them.
        Assert.Equal(["receiveText", "reportStatus"], DescribedClient.Calls.Except(called, StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    private static string Text(JsonNode node, string name) => node[name]!.GetValue<string>();
}
