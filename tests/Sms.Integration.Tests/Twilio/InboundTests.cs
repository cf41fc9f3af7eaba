using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class InboundTests
{
    [Fact]
    public async Task A_text_reaches_the_webhook_signed_and_its_reply_is_shown()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Receiver.ReplyBody = "<Response/>";

        using var response = await ReceiveAsync(rig, "Où êtes-vous & quand? 😀");
        var result = await response.Content.ReadFromJsonAsync<JsonElement>();

        var webhook = Assert.Single(rig.Receiver.Received);
        var sid = result.GetProperty("messageSid").GetString();
        Assert.Equal((200, "<Response/>"), (result.GetProperty("status").GetInt32(), result.GetProperty("body").GetString()));
        Assert.Equal($"{rig.Receiver.Url}inbound?x=1", webhook.Url);
        Assert.True(webhook.IsSignedWith(rig.Options.AuthToken));
        Assert.Matches("^SM[0-9a-f]{32}$", sid);
        Assert.Equal((sid, sid, sid), (webhook.Form["MessageSid"], webhook.Form["SmsSid"], webhook.Form["SmsMessageSid"]));
        Assert.Equal((SimulatorRig.Person, SimulatorRig.Number), (webhook.Form["From"], webhook.Form["To"]));
        Assert.Equal((rig.Options.AccountSid, "received"), (webhook.Form["AccountSid"], webhook.Form["SmsStatus"]));
        Assert.Equal(("Où êtes-vous & quand? 😀", "0", "1"), (webhook.Form["Body"], webhook.Form["NumMedia"], webhook.Form["NumSegments"]));
        Assert.False(webhook.Form.ContainsKey("OptOutType"));
        Assert.False(webhook.Form.ContainsKey("MessagingServiceSid"));
    }

    [Theory]
    [InlineData("STOP")]
    [InlineData("stopall")]
    [InlineData("Unsubscribe")]
    [InlineData("CANCEL")]
    [InlineData("end")]
    [InlineData("QUIT")]
    [InlineData("revoke")]
    [InlineData(" OptOut\n")]
    public async Task A_keyword_blocks_this_sender_for_this_person_until_START(string keyword)
    {
        await using var rig = await SimulatorRig.StartAsync();

        (await ReceiveAsync(rig, keyword)).Dispose();

        Assert.Equal(21610, await rig.TryCreateAsync());
        Assert.Null(await rig.TryCreateAsync(to: "+14155550199"));
        Assert.Null(await rig.TryCreateAsync(from: "+15125550199"));
        Assert.Null(await rig.TryCreateAsync(byService: true));
        (await ReceiveAsync(rig, "start")).Dispose();
        Assert.Null(await rig.TryCreateAsync());
        Assert.Equal(keyword, rig.Receiver.Received[0].Form["Body"]);
    }

    [Theory]
    [InlineData("STOP PLEASE")]
    [InlineData("Please stop")]
    [InlineData("STOP.")]
    [InlineData("HELP")]
    [InlineData("")]
    public async Task Anything_but_a_single_keyword_changes_nothing(string body)
    {
        await using var rig = await SimulatorRig.StartAsync();

        (await ReceiveAsync(rig, body)).Dispose();

        Assert.Null(await rig.TryCreateAsync());
    }

    [Theory]
    [InlineData("START")]
    [InlineData("yes")]
    [InlineData("Unstop")]
    public async Task Three_words_lift_a_block(string word)
    {
        await using var rig = await SimulatorRig.StartAsync();
        (await ReceiveAsync(rig, "STOP")).Dispose();

        (await ReceiveAsync(rig, word)).Dispose();

        Assert.Null(await rig.TryCreateAsync());
    }

    [Fact]
    public async Task Advanced_opt_out_decides_whatever_the_text()
    {
        await using var rig = await SimulatorRig.StartAsync();

        (await ReceiveAsync(rig, "laat me met rust", optOutType: "STOP")).Dispose();
        Assert.Equal(21610, await rig.TryCreateAsync());
        (await ReceiveAsync(rig, "STOP", optOutType: "HELP")).Dispose();
        (await ReceiveAsync(rig, "STOP", optOutType: "START")).Dispose();

        Assert.Null(await rig.TryCreateAsync());
        Assert.Equal(["STOP", "HELP", "START"], rig.Receiver.Received.Select(webhook => webhook.Form["OptOutType"]));
    }

    [Fact]
    public async Task A_reply_to_a_messaging_service_blocks_the_whole_service()
    {
        await using var rig = await SimulatorRig.StartAsync();
        await rig.CreateAsync(byService: true);
        rig.Advance(100);
        await rig.Receiver.WaitForAsync(1);

        (await ReceiveAsync(rig, "STOP", to: rig.Options.ServiceNumber)).Dispose();

        Assert.Equal(21610, await rig.TryCreateAsync(byService: true));
        Assert.Null(await rig.TryCreateAsync());
        Assert.Equal(SimulatorRig.Service, rig.Receiver.Received[^1].Form.GetValueOrDefault("MessagingServiceSid"));
    }

    [Fact]
    public async Task The_messaging_service_may_be_named()
    {
        await using var rig = await SimulatorRig.StartAsync();

        (await ReceiveAsync(rig, "STOP", service: SimulatorRig.Service)).Dispose();

        Assert.Equal(21610, await rig.TryCreateAsync(byService: true));
        Assert.Equal(SimulatorRig.Service, Assert.Single(rig.Receiver.Received).Form["MessagingServiceSid"]);
    }

    [Fact]
    public async Task A_refusal_of_the_webhook_is_shown_and_the_block_holds_all_the_same()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Receiver.AnswerNext(503);

        using var response = await ReceiveAsync(rig, "STOP");

        Assert.Equal(503, (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetInt32());
        Assert.Equal(21610, await rig.TryCreateAsync());
    }

    [Fact]
    public async Task A_webhook_that_is_not_there_is_told()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.InboundUrl = new Uri("http://127.0.0.1:1/"));

        using var response = await ReceiveAsync(rig, "Hi");

        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
        Assert.NotEmpty((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").GetString()!);
    }

    [Fact]
    public async Task Without_a_webhook_there_are_no_texts()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.InboundUrl = null);

        using var response = await ReceiveAsync(rig, "Hi");

        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
    }

    [Theory]
    [InlineData("/simulator/inbound", """{"to": "+15125550100", "body": "Hi"}""")]
    [InlineData("/simulator/inbound", """{"from": "nobody", "to": "+15125550100", "body": "Hi"}""")]
    [InlineData("/simulator/inbound", """{"from": "+14155550123", "to": "+15125550100"}""")]
    [InlineData("/simulator/inbound", """{"from": "+14155550123", "to": "+15125550100", "body": "Hi", "optOutType": "MAYBE"}""")]
    [InlineData("/simulator/inbound", "[]")]
    [InlineData("/simulator/inbound", "null")]
    [InlineData("/simulator/outcomes", """[{"to": "+14155550123"}]""")]
    [InlineData("/simulator/outcomes", """[{"to": null, "status": "failed"}]""")]
    [InlineData("/simulator/outcomes", """[{"to": "+14155550123", "status": "vanished"}]""")]
    [InlineData("/simulator/outcomes", """[{"to": "+14155550123", "status": "failed", "errorCode": 7}]""")]
    [InlineData("/simulator/outcomes", "[null]")]
    [InlineData("/simulator/faults", """[{"kind": "lost"}]""")]
    [InlineData("/simulator/faults", """[{"kind": "rate_limit", "target": "callback"}]""")]
    [InlineData("/simulator/faults", """[{"kind": "refuse", "target": "lookup"}]""")]
    public async Task What_makes_no_sense_is_refused(string path, string json)
    {
        await using var rig = await SimulatorRig.StartAsync();
        using var content = new StringContent(json, Encoding.UTF8, "application/json");

        using var response = await rig.Http.PostAsync(path, content);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Empty(rig.Receiver.Received);
        Assert.Equal(0, rig.Simulator.Faults.Pending);
    }

    [Fact]
    public async Task What_is_no_json_is_refused()
    {
        await using var rig = await SimulatorRig.StartAsync();
        using var content = new StringContent("from=x", Encoding.UTF8, "application/x-www-form-urlencoded");

        using var response = await rig.Http.PostAsync("/simulator/inbound", content);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private static Task<HttpResponseMessage> ReceiveAsync(
        SimulatorRig rig, string body, string? to = null, string? optOutType = null, string? service = null) =>
        rig.Http.PostAsJsonAsync("/simulator/inbound", new
        {
            from = SimulatorRig.Person,
            to = to ?? SimulatorRig.Number,
            body,
            optOutType,
            messagingServiceSid = service,
        });
}
