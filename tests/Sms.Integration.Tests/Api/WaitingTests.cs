namespace Sms.Integration.Tests.Api;

/// <summary>What may not go yet: it waits, says why and until when, and costs no attempt.</summary>
public class WaitingTests(SharedSilo shared)
{
    /// <summary>Satellite telephones are of no country.</summary>
    private static readonly string[] AndNowhere = ["US", "001"];

    [Fact]
    public async Task Marketing_waits_for_the_morning()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { });
        var to = api.NewNumber();
        var zone = Hours.Night;
        var customer = await business.NewCustomerAsync(to, zone);

        var waits = await business.SendAsync(new { customerId = customer, body = "Hi" });
        Assert.Equal((202, "pending", "quiet_hours", 0), (waits.Status, waits.MessageStatus, waits.Reason, waits.AttemptCount));
        Assert.Equal(Hours.Next(Hours.OpeningHour, zone), waits.ScheduledFor);
        Assert.Equal(zone, waits.Json!["decision"]!["timezone"]!.GetValue<string>());
        Assert.Equal("quiet_hours", (await business.MessageAsync(waits.Id)).Reason);

        // An operator who makes it due changes nothing: it is looked at again and put off.
        await business.MakeDueAsync(waits.Id);
        var again = await business.WhenAsync(waits.Id, m => m.ScheduledFor == Hours.Next(Hours.OpeningHour, zone));
        Assert.Equal(("pending", "quiet_hours", 0), (again.MessageStatus, again.Reason, again.AttemptCount));
        Assert.Empty(await api.LedgerAsync(to));
    }

    [Theory]
    [InlineData("otp")]
    [InlineData("transactional")]
    public async Task What_is_no_marketing_goes_at_night(string category)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night, "unknown");
        var accepted = await business.SendAsync(new { customerId = customer, body = "1234", category });
        Assert.Null((await business.WhenSentAsync(accepted.Id)).Json!["decision"]!["window"]);
    }

    [Fact]
    public async Task Without_a_zone_of_the_customer_the_number_decides_and_then_the_business()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, allowedCountries = AndNowhere }, Hours.Night);
        var byNumber = await business.SendAsync(new { to = api.NewNumber(), body = "Hi" });
        Assert.Equal(("America/Chicago", "area_code"), Place(byNumber));
        // A satellite telephone is nowhere.
        var byBusiness = await business.SendAsync(new { to = "+870773111632", body = "Hi" });
        Assert.Equal((Hours.Night, "business"), Place(byBusiness));
        Assert.Equal("quiet_hours", byBusiness.Reason);
    }

    [Fact]
    public async Task A_time_that_is_finer_than_is_kept_is_the_same_in_every_reply()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var day = TimeProvider.System.GetUtcNow().AddDays(1).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        var sent = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional", sendAt = $"{day}T10:00:00.123456789Z" });
        Assert.Equal($"{day}T10:00:00.123456Z", sent.Json!["retry"]!["scheduledFor"]!.GetValue<string>());
        Assert.Equal($"{day}T10:00:00.123456Z", (await business.MessageAsync(sent.Id)).Json!["retry"]!["scheduledFor"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_later_time_is_kept_to()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Noon);
        var sendAt = TimeProvider.System.GetUtcNow().AddHours(2);
        sendAt = sendAt.AddTicks(-(sendAt.Ticks % 10));

        foreach (var category in new[] { "marketing", "transactional" })
        {
            var waits = await business.SendAsync(new { customerId = customer, body = "Hi", sendAt, category });
            Assert.Equal((202, "scheduled", sendAt, 0), (waits.Status, waits.Reason, waits.ScheduledFor, waits.AttemptCount));
            await business.MakeDueAsync(waits.Id);
            var again = await business.WhenAsync(waits.Id, m => m.ScheduledFor == sendAt);
            Assert.Equal(("pending", "scheduled", 0), (again.MessageStatus, again.Reason, again.AttemptCount));
        }

        Assert.Empty(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task A_later_time_at_night_is_put_off_to_the_morning()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var zone = Hours.Noon;
        var customer = await business.NewCustomerAsync(api.NewNumber(), zone);
        var sendAt = Hours.Next(Hours.ClosedHour, zone);
        var waits = await business.SendAsync(new { customerId = customer, body = "Hi", sendAt });
        Assert.Equal(("quiet_hours", sendAt.AddHours(7)), (waits.Reason, waits.ScheduledFor));
    }

    [Fact]
    public async Task A_time_that_has_come_is_sent_at_and_one_that_passed_is_now()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var sendAt = TimeProvider.System.GetUtcNow().AddSeconds(1.5);
        var soon = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", sendAt, category = "transactional" });
        var past = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", sendAt = sendAt.AddDays(-400), category = "transactional" });
        await business.WhenSentAsync(past.Id);
        var sent = await business.WhenSentAsync(soon.Id);
        Assert.True(sent.Json!["sentAt"]!.GetValue<DateTimeOffset>() >= sendAt.AddMilliseconds(-1));
    }

    [Fact]
    public async Task What_expires_before_it_may_go_is_refused_and_what_expires_waiting_fails()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var refused = await business.SendAsync(new { customerId = customer, body = "Hi", validUntil = TimeProvider.System.GetUtcNow().AddHours(1) });
        Assert.Equal((422, "no_lawful_window"), (refused.Status, refused.Code));

        var to = api.NewNumber();
        await api.FaultAsync(to, "rate_limit", count: 100, retryAfter: "1");
        var otp = await business.SendAsync(new { to, body = "1234", category = "otp", validUntil = TimeProvider.System.GetUtcNow().AddHours(1) });
        await business.WhenAsync(otp.Id, m => m.Reason is "rate_limit");
        await api.Database.ExecuteAsync("update send_logs set valid_until = now() where id = $1", otp.Id);
        var failed = await business.WhenAsync(otp.Id, m => m.MessageStatus is "failed");
        Assert.Equal("expired", failed.Json!["error"]!["class"]!.GetValue<string>());
        Assert.Empty(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task What_waits_can_be_cancelled_once()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Night);
        var message = (await business.SendAsync(new { customerId = customer, body = "Hi" })).Id;

        var cancelled = await business.CancelAsync(message);
        Assert.Equal((200, "cancelled"), (cancelled.Status, cancelled.MessageStatus));
        Assert.Null(cancelled.Json!["retry"]);
        var again = await business.CancelAsync(message);
        Assert.Equal((409, "not_cancellable"), (again.Status, again.Code));
        Assert.Equal((404, "not_found"), ((await business.CancelAsync(Guid.CreateVersion7())).Status, (await business.CancelAsync(Guid.CreateVersion7())).Code));
        Assert.Equal(0, await api.Database.ScalarAsync<long>(
            "select count(*) from sms_retry_queue where send_log_id = $1 and status in ('pending', 'processing')", message));

        var sent = await business.SendTransactionalAsync(api.NewNumber());
        await business.WhenSentAsync(sent);
        Assert.Equal(409, (await business.CancelAsync(sent)).Status);
    }

    [Fact]
    public async Task Simultaneous_cancellations_have_one_winner()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var message = (await business.SendAsync(new { customerId = customer, body = "Hi" })).Id;
        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => business.CancelAsync(message)));
        Assert.Single(replies, r => r.Status == 200);
        Assert.Equal(7, replies.Count(r => r.Status == 409));
    }

    [Fact]
    public async Task Wider_hours_let_go_what_waits_and_narrower_ones_hold_it()
    {
        var api = await shared.GetAsync();
        var zone = Hours.Noon;
        var business = await api.NewBusinessAsync(new { requireConsent = false, quietHours = Hours.In(3, 8) });
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, zone);
        var waits = await business.SendAsync(new { customerId = customer, body = "Hi" });
        Assert.Equal(("quiet_hours", Hours.Next(Hours.HourIn(3), zone)), (waits.Reason, waits.ScheduledFor));

        await business.PatchAsync(new { settings = new { quietHours = Hours.In(5, 8) } });
        var later = await business.WhenAsync(waits.Id, m => m.Reason is "quiet_hours" && m.ScheduledFor == Hours.Next(Hours.HourIn(5), zone));
        Assert.Equal(0, later.AttemptCount);

        await business.PatchAsync(new { settings = new { quietHours = Hours.Usual } });
        await business.WhenSentAsync(waits.Id);
        Assert.Single(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task Another_zone_of_the_business_moves_what_waits_by_it()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, allowedCountries = AndNowhere }, Hours.Night);
        var waits = await business.SendAsync(new { to = "+870773111700", body = "Hi" });
        Assert.Equal("quiet_hours", waits.Reason);
        Assert.Equal(200, (await business.PatchAsync(new { timezone = Hours.Noon })).Status);
        var sent = await business.WhenSentAsync(waits.Id);
        Assert.Equal((Hours.Noon, "business"), Place(sent));
    }

    [Fact]
    public async Task A_pause_holds_and_its_end_lets_go()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var held = await WaitsAnHourAsync(business, to);
        await business.PatchAsync(new { settings = new { paused = true } });
        await ComesDueAsync(api, business, held);
        // What comes due later, of a business that is not paused, goes by it.
        var another = await api.NewBusinessAsync();
        var passes = await WaitsAnHourAsync(another, api.NewNumber());
        await ComesDueAsync(api, another, passes);
        await another.WhenSentAsync(passes);
        Assert.Equal(("pending", 0), ((await business.MessageAsync(held)) is var still ? (still.MessageStatus, still.AttemptCount) : default));
        Assert.Empty(await api.LedgerAsync(to));

        await business.PatchAsync(new { settings = new { paused = false } });
        var sent = await business.WhenSentAsync(held);
        Assert.Equal(1, sent.AttemptCount);
        Assert.Single(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task A_faster_pace_deals_new_slots()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, segmentsPerSecond = 0.01 });
        var messages = new List<Guid>();
        for (var n = 0; n < 3; n++)
            messages.Add(await business.SendTransactionalAsync(api.NewNumber()));
        Assert.True((await business.MessageAsync(messages[2])).ScheduledFor > TimeProvider.System.GetUtcNow().AddSeconds(150));
        await business.PatchAsync(new { settings = new { segmentsPerSecond = 100 } });
        foreach (var message in messages)
            await business.WhenSentAsync(message);
    }

    [Fact]
    public async Task Consent_that_is_withdrawn_ends_what_waits()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { });
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Noon);
        var waits = await business.SendAsync(new { customerId = customer, body = "Hi", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) });
        Assert.Equal(200, (await business.PostAsync("/customers", new { phone = to, smsConsent = new { status = "opted_out" } })).Status);
        var ended = await business.MessageAsync(waits.Id);
        Assert.Equal("cancelled", ended.MessageStatus);
        Assert.Equal("opted_out", ended.Json!["error"]!["class"]!.GetValue<string>());
        Assert.Empty(await api.LedgerAsync(to));
    }

    private static (string, string) Place(Reply message) =>
        (message.Json!["decision"]!["timezone"]!.GetValue<string>(), message.Json["decision"]!["timezoneSource"]!.GetValue<string>());

    private static async Task<Guid> WaitsAnHourAsync(TestBusiness business, string to) => (await business.SendAsync(
        new { to, body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;

    private static async Task ComesDueAsync(RunningApi api, TestBusiness business, Guid message)
    {
        await api.Database.ExecuteAsync("update send_logs set send_at = now() where id = $1", message);
        await business.MakeDueAsync(message);
    }
}
