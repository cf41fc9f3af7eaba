using System.Net.Http.Json;
using System.Text.Json;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class StatusCallbackTests
{
    [Fact]
    public async Task A_message_is_sent_then_delivered_and_each_is_told_with_a_signature()
    {
        await using var rig = await SimulatorRig.StartAsync();
        var sid = await rig.CreateAsync();

        rig.Advance(99);
        Assert.Equal("queued", rig.Simulator.Ledger.Find(sid)!.Status);
        rig.Advance(1);
        Assert.Equal("sent", rig.Simulator.Ledger.Find(sid)!.Status);
        var sent = Assert.Single(await rig.Receiver.WaitForAsync(1));
        rig.Advance(400);
        Assert.Equal("delivered", rig.Simulator.Ledger.Find(sid)!.Status);
        var delivered = (await rig.Receiver.WaitForAsync(2))[1];

        Assert.Equal(rig.CallbackUrl.Split('#')[0], sent.Url);
        Assert.True(sent.IsSignedWith(rig.Options.AuthToken));
        Assert.True(delivered.IsSignedWith(rig.Options.AuthToken));
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["AccountSid"] = rig.Options.AccountSid,
                ["ApiVersion"] = "2010-04-01",
                ["From"] = SimulatorRig.Number,
                ["MessageSid"] = sid,
                ["MessageStatus"] = "sent",
                ["SmsSid"] = sid,
                ["SmsStatus"] = "sent",
                ["To"] = SimulatorRig.Person,
            },
            sent.Form);
        Assert.Equal(("delivered", "delivered", "2611231000"), (delivered.Status, delivered.Form["SmsStatus"], delivered.Form["RawDlrDoneDate"]));
        Assert.NotNull(sent.IdempotencyToken);
        Assert.NotEqual(sent.IdempotencyToken, delivered.IdempotencyToken);
    }

    [Fact]
    public async Task The_status_is_seen_by_look_ups_and_in_the_ledger_with_the_callbacks()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Receiver.AnswerNext(200, 403, 403, 403);
        var sid = await rig.CreateAsync();
        rig.Advance(100);
        await rig.CallbacksAsync(sid, 1);
        rig.Advance(900);
        await rig.CallbacksAsync(sid, 4);

        var fetched = await rig.FetchAsync(sid);
        var listed = (await rig.Http.GetFromJsonAsync<JsonElement>($"{rig.Messages}.json?To=%2B14155550123")).GetProperty("messages")[0];
        var ledger = (await rig.Http.GetFromJsonAsync<JsonElement>("/simulator/messages")).GetProperty("messages")[0];

        Assert.Equal("delivered", fetched.GetProperty("status").GetString());
        Assert.Equal("Mon, 23 Nov 2026 10:00:00 +0000", fetched.GetProperty("date_sent").GetString());
        Assert.Equal("Mon, 23 Nov 2026 10:00:01 +0000", fetched.GetProperty("date_updated").GetString());
        Assert.Equal(fetched.ToString(), listed.ToString());
        Assert.Equal("delivered", ledger.GetProperty("status").GetString());
        Assert.Equal(
            [("sent", 200), ("delivered", 403), ("delivered", 403), ("delivered", 403)],
            ledger.GetProperty("callbacks").EnumerateArray().Select(callback =>
                (callback.GetProperty("messageStatus").GetString()!, callback.GetProperty("statusCode").GetInt32())));
        Assert.All(ledger.GetProperty("callbacks").EnumerateArray(), callback =>
        {
            Assert.Equal(rig.CallbackUrl.Split('#')[0], callback.GetProperty("url").GetString());
            Assert.InRange(callback.GetProperty("at").GetDateTimeOffset(), SimulatorRig.Start, SimulatorRig.Start.AddSeconds(1));
        });
    }

    [Fact]
    public async Task Without_a_callback_url_the_message_still_goes_its_way()
    {
        await using var rig = await SimulatorRig.StartAsync();
        var quiet = await rig.CreateAsync(callback: "");
        var told = await rig.CreateAsync();
        rig.Advance(500);
        await rig.CallbacksAsync(told, 2);

        Assert.Equal("delivered", rig.Simulator.Ledger.Find(quiet)!.Status);
        Assert.All(rig.Receiver.Received, webhook => Assert.Equal(told, webhook.Form["MessageSid"]));
    }

    [Fact]
    public async Task Switched_off_nothing_moves_and_nothing_is_posted()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.Callbacks = false);
        var sid = await rig.CreateAsync();

        rig.Advance(60_000);

        Assert.Equal(("queued", 0), (rig.Simulator.Ledger.Find(sid)!.Status, rig.Simulator.Ledger.Find(sid)!.Callbacks.Count));
        Assert.Empty(rig.Receiver.Received);
    }

    [Fact]
    public async Task A_messaging_service_shows_its_number_once_it_has_sent()
    {
        await using var rig = await SimulatorRig.StartAsync();
        var sid = await rig.CreateAsync(byService: true);
        var accepted = await rig.FetchAsync(sid);
        rig.Advance(100);
        var callback = Assert.Single(await rig.Receiver.WaitForAsync(1));

        Assert.Equal(("accepted", JsonValueKind.Null), (accepted.GetProperty("status").GetString(), accepted.GetProperty("from").ValueKind));
        Assert.Equal(SimulatorRig.Service, callback.Form["MessagingServiceSid"]);
        Assert.Equal(rig.Options.ServiceNumber, callback.Form["From"]);
        Assert.Equal(rig.Options.ServiceNumber, (await rig.FetchAsync(sid)).GetProperty("from").GetString());
    }

    [Theory]
    [InlineData("undelivered", 30003, new[] { "sent", "undelivered" }, "30003")]
    [InlineData("undelivered", null, new[] { "sent", "undelivered" }, "30008")]
    [InlineData("failed", 30007, new[] { "failed" }, "30007")]
    [InlineData("sent", null, new[] { "sent" }, null)]
    [InlineData("delivered", null, new[] { "sent", "delivered" }, null)]
    public async Task Outcomes_are_scripted_by_recipient(string status, int? errorCode, string[] told, string? code)
    {
        await using var rig = await SimulatorRig.StartAsync();
        using var scripted = await rig.Http.PostAsJsonAsync("/simulator/outcomes", new[] { new { to = SimulatorRig.Person, status, errorCode } });
        var (sid, other) = (await rig.CreateAsync(), await rig.CreateAsync(to: "+14155550199"));
        rig.Advance(100);
        await rig.Receiver.WaitForAsync(2);
        rig.Advance(400);
        await rig.CallbacksAsync(sid, told.Length);
        await rig.CallbacksAsync(other, 2);

        var own = rig.Receiver.Received.Where(webhook => webhook.Form["MessageSid"] == sid).ToList();
        Assert.True(scripted.IsSuccessStatusCode);
        Assert.Equal(told, own.Select(webhook => webhook.Status));
        Assert.Equal(code, own[^1].Form.GetValueOrDefault("ErrorCode"));
        Assert.Equal(status is "delivered" or "undelivered", own[^1].Form.ContainsKey("RawDlrDoneDate"));
        var fetched = await rig.FetchAsync(sid);
        Assert.Equal((status, code), (fetched.GetProperty("status").GetString(), fetched.GetProperty("error_code") is { ValueKind: JsonValueKind.Number } number ? number.ToString() : null));
        Assert.Equal(status == "failed", fetched.GetProperty("date_sent").ValueKind == JsonValueKind.Null);
        Assert.Equal("delivered", rig.Simulator.Ledger.Find(other)!.Status);
    }

    [Fact]
    public async Task Cleared_outcomes_are_delivered_again()
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Simulator.Outcomes.Set(SimulatorRig.Person, new CarrierOutcome(CarrierStatus.Failed, 30005));
        using var cleared = await rig.Http.DeleteAsync("/simulator/outcomes");
        var sid = await rig.CreateAsync();

        rig.Advance(500);

        Assert.Equal("delivered", rig.Simulator.Ledger.Find(sid)!.Status);
    }

    [Theory]
    [InlineData("#rc=2&rp=all", 503, 3)]
    [InlineData("#rc=2&rp=all", 404, 3)]
    [InlineData("#rp=all", 503, 2)]
    [InlineData("#rc=0&rp=all", 503, 1)]
    [InlineData("#rc=2&rp=5xx", 503, 3)]
    [InlineData("#rc=2&rp=5xx,ct", 404, 1)]
    [InlineData("#rc=2", 503, 1)]
    [InlineData("#rc=9&rp=all", 503, 2)]
    [InlineData("", 503, 1)]
    public async Task A_failed_callback_is_repeated_as_its_url_asks(string fragment, int answer, int posted)
    {
        await using var rig = await SimulatorRig.StartAsync();
        rig.Receiver.AnswerNext([.. Enumerable.Repeat(answer, posted)]);
        var sid = await rig.CreateAsync(callback: $"{rig.Receiver.Url}status{fragment}");
        rig.Advance(100);
        await rig.CallbacksAsync(sid, posted);
        rig.Advance(400);

        var callbacks = await rig.CallbacksAsync(sid, posted + 1);

        Assert.Equal([.. Enumerable.Repeat(("sent", answer), posted), ("delivered", 204)], callbacks.Select(c => (c.MessageStatus, c.StatusCode!.Value)));
        Assert.Single(rig.Receiver.Received.Take(posted).Select(webhook => webhook.IdempotencyToken).Distinct());
    }

    [Fact]
    public async Task A_target_that_is_not_there_is_tried_and_noted()
    {
        await using var rig = await SimulatorRig.StartAsync();
        var sid = await rig.CreateAsync(callback: "http://127.0.0.1:1/status");
        rig.Advance(100);

        var callbacks = await rig.CallbacksAsync(sid, 2);

        Assert.All(callbacks, callback =>
        {
            Assert.Null(callback.StatusCode);
            Assert.NotEmpty(callback.Error!);
        });
        Assert.Equal("sent", rig.Simulator.Ledger.Find(sid)!.Status);
    }

    [Fact]
    public async Task A_target_that_hangs_is_given_up()
    {
        await using var rig = await SimulatorRig.StartAsync(options => options.WebhookTimeout = TimeSpan.FromMilliseconds(100));
        rig.Receiver.Hangs = true;
        var sid = await rig.CreateAsync(callback: $"{rig.Receiver.Url}status");
        rig.Advance(100);

        var callback = Assert.Single(await rig.CallbacksAsync(sid, 1));

        Assert.Contains("no reply", callback.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_does_not_wait_for_a_target_that_hangs()
    {
        var rig = await SimulatorRig.StartAsync(options => (options.CallbackConcurrency, options.WebhookTimeout) = (2, TimeSpan.FromHours(1)));
        rig.Receiver.Hangs = true;
        for (var i = 0; i < 10; i++)
            await rig.CreateAsync();
        rig.Advance(100);
        await rig.Receiver.WaitForAsync(2);

        await rig.Simulator.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        await rig.Receiver.DisposeAsync();
        rig.Http.Dispose();
        Assert.Equal(2, rig.Receiver.Received.Count);
    }

    [Fact]
    public async Task Callbacks_beyond_the_queue_are_dropped_and_noted()
    {
        await using var rig = await SimulatorRig.StartAsync(options => (options.CallbackConcurrency, options.CallbackQueue) = (1, 1));
        rig.Receiver.Hangs = true;
        var stuck = await rig.CreateAsync();
        rig.Advance(100);
        await rig.Receiver.WaitForAsync(1);
        var (waits, dropped) = (await rig.CreateAsync(to: "+14155550198"), await rig.CreateAsync(to: "+14155550199"));
        rig.Advance(100);

        var callback = Assert.Single(await rig.CallbacksAsync(dropped, 1));

        Assert.Contains("dropped", callback.Error, StringComparison.Ordinal);
        Assert.Empty(rig.Simulator.Ledger.Find(waits)!.Callbacks);
        Assert.Empty(rig.Simulator.Ledger.Find(stuck)!.Callbacks);
    }

    [Theory]
    [InlineData("ftp://example.com/x")]
    [InlineData("/status")]
    [InlineData("http://under_score.example.com/")]
    [InlineData("4001")]
    public async Task A_callback_url_that_cannot_be_one_is_refused(string url)
    {
        await using var rig = await SimulatorRig.StartAsync();

        Assert.Equal(21609, await rig.TryCreateAsync(callback: url == "4001" ? "http://a.example/" + new string('x', 3984) : url));
        Assert.Empty(rig.Simulator.Ledger.Messages);
    }
}
