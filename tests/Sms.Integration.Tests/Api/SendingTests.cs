using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>What becomes of a message that may go.</summary>
public class SendingTests(SharedSilo shared)
{
    private static readonly int[] PermanentCodes = [21211, 21612, 30007, 99999];

    [Fact]
    public async Task A_message_is_sent_once_and_shows_every_field()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Noon);
        var accepted = await business.SendAsync(new { customerId = customer, body = "Hi", metadata = new { order = "42" } });
        Assert.Equal(202, accepted.Status);
        Assert.Equal($"{business.Path}/messages/{accepted.Id}", accepted.Headers.Location!.OriginalString);
        Assert.Equal(7, accepted.Id.Version);
        AssertHasEveryField(accepted.Json!);

        var sent = await business.WhenSentAsync(accepted.Id);
        AssertHasEveryField(sent.Json!);
        var ledger = Assert.Single(await api.LedgerAsync(to))!;
        Assert.Equal(ledger["sid"]!.GetValue<string>(), sent.Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>());
        Assert.Equal((1, 3, to, "marketing", "gsm7", 1), (
            sent.AttemptCount, sent.Json["maxAttempts"]!.GetValue<int>(), sent.Json["to"]!.GetValue<string>(), sent.Json["category"]!.GetValue<string>(),
            sent.Json["encoding"]!.GetValue<string>(), sent.Json["segments"]!.GetValue<int>()));
        foreach (var nothing in new[] { "attempt", "retry", "error", "deliveredAt" })
            Assert.Null(sent.Json[nothing]);
        var decision = sent.Json["decision"]!;
        Assert.Equal((Hours.Noon, "customer", Hours.Usual["mon"][0], Hours.Usual["mon"][1]), (
            decision["timezone"]!.GetValue<string>(), decision["timezoneSource"]!.GetValue<string>(),
            decision["window"]![0]!.GetValue<string>(), decision["window"]![1]!.GetValue<string>()));
        Assert.Matches("^20[0-9]{2}[a-z]$", decision["tzdb"]!.GetValue<string>());
        Assert.StartsWith("business: ", decision["rule"]!.GetValue<string>(), StringComparison.Ordinal);
        foreach (var instant in new[] { "createdAt", "updatedAt", "sentAt" })
            Assert.Matches(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$", sent.Json[instant]!.GetValue<string>());
        Assert.Equal(accepted.Json!["createdAt"]!.GetValue<string>(), sent.Json["createdAt"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_business_says_from_whom_it_sends()
    {
        const string Service = "MG0123456789abcdef0123456789abcdef";
        var api = await shared.GetAsync();
        foreach (var (sender, from, service) in new (object, string?, string?)[] { (new { from = "+15125550177" }, "+15125550177", null), (new { messagingServiceSid = Service }, null, Service) })
        {
            var business = await api.NewBusinessAsync(new { requireConsent = false, sender });
            var to = api.NewNumber();
            await business.WhenSentAsync(await business.SendTransactionalAsync(to));
            var taken = Assert.Single(await api.LedgerAsync(to))!;
            Assert.Equal(service, taken["messagingServiceSid"]?.GetValue<string>());
            if (from is not null)
                Assert.Equal(from, taken["from"]?.GetValue<string>());
        }
    }

    [Fact]
    public async Task While_an_attempt_is_under_way_a_message_shows_it_and_cannot_be_cancelled()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "latency", latencyMs: 8000);
        var message = await business.SendTransactionalAsync(to);
        var open = await business.WhenAsync(message, m => m.Json!["attempt"] is not null);
        var attempt = open.Json!["attempt"]!;
        Assert.Equal(("open", 7), (attempt["state"]!.GetValue<string>(), attempt["id"]!.GetValue<Guid>().Version));
        Assert.True(attempt["startedAt"]!.GetValue<DateTimeOffset>() >= open.Json["createdAt"]!.GetValue<DateTimeOffset>());
        Assert.True(attempt.AsObject().ContainsKey("nextLookupAt") && attempt["nextLookupAt"] is null);
        Assert.Equal("{}", open.Json["metadata"]!.ToJsonString());
        Assert.Equal((409, "not_cancellable"), (await business.CancelAsync(message)) is var cancel ? (cancel.Status, cancel.Code) : default);
        await business.WhenSentAsync(message);
        Assert.Single(await api.LedgerAsync(to));
    }

    /// <summary>The cases wait for nothing to happen, so they do it together.</summary>
    [Fact]
    public Task A_permanent_refusal_is_not_repeated() => Task.WhenAll(PermanentCodes.Select(async code =>
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "refuse", code: code);
        var message = await business.SendTransactionalAsync(to);
        var failed = await business.WhenAsync(message, m => m.MessageStatus is "failed");
        Assert.Equal((1, code), (failed.AttemptCount, failed.Json!["error"]!["code"]!.GetValue<int>()));
        Assert.False(string.IsNullOrEmpty(failed.Json["error"]!["class"]!.GetValue<string>()));
        Assert.False(string.IsNullOrEmpty(failed.Json["error"]!["message"]!.GetValue<string>()));
        if (code == 21211)
            Assert.Equal("bad_number", failed.Json["error"]!["class"]!.GetValue<string>());
        Assert.Null(failed.Json["retry"]);
        Assert.Null(failed.Json["sentAt"]);
        // The fault was for one request: a second one would have been taken.
        await StaysAsync(business, message, m => m.MessageStatus is "failed");
        Assert.Empty(await api.LedgerAsync(to));
    }));

    [Fact]
    public Task An_unknown_outcome_is_neither_sent_nor_failed_and_never_repeated_blindly() => Task.WhenAll(new (string Fault, int Taken)[]
    {
        ("error_before_accepting", 0), ("error_after_accepting", 1), ("reset_before_accepting", 0), ("reset_after_accepting", 1),
        ("bad_gateway", 0), ("unreadable_after_accepting", 1), ("redirect", 0),
    }.Select(async c =>
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, c.Fault);
        var message = await business.SendTransactionalAsync(to);
        static bool IsUnknown(Reply m) => m.Json!["attempt"]?["state"]?.GetValue<string>() is "unknown";

        var unknown = await business.WhenAsync(message, IsUnknown);
        Assert.Equal(("pending", 1), (unknown.MessageStatus, unknown.AttemptCount));
        Assert.Null(unknown.Json!["retry"]);
        Assert.Null(unknown.Json["sentAt"]);
        Assert.True(unknown.Json["attempt"]!["nextLookupAt"]!.GetValue<DateTimeOffset>() > unknown.Json["attempt"]!["startedAt"]!.GetValue<DateTimeOffset>());
        var cancel = await business.CancelAsync(message);
        Assert.Equal((409, "not_cancellable"), (cancel.Status, cancel.Code));

        // Beyond the first backoff and several polls.
        await StaysAsync(business, message, IsUnknown);
        Assert.Equal(c.Taken, (await api.LedgerAsync(to)).Count);
    }));

    [Fact]
    public async Task An_unknown_outcome_holds_up_nobody_else()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "error_before_accepting");
        var first = await business.SendTransactionalAsync(to, "first");
        await business.WhenAsync(first, m => m.Json!["attempt"]?["state"]?.GetValue<string>() is "unknown");
        await business.WhenSentAsync(await business.SendTransactionalAsync(to, "second"));
    }

    [Theory]
    [InlineData("rate_limit", null)]
    [InlineData("refuse", 21611)]
    [InlineData("refuse", 63017)]
    public async Task A_provider_that_is_too_busy_defers_and_costs_no_attempt(string fault, int? code)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, fault, code: code, retryAfter: code is null ? "600" : null);
        var message = await business.SendTransactionalAsync(to);
        var deferred = await business.WhenAsync(message, m => m.Reason is "rate_limit");
        Assert.Equal(("pending", 0), (deferred.MessageStatus, deferred.AttemptCount));
        if (code is null)
            Assert.InRange((deferred.ScheduledFor - deferred.Json!["updatedAt"]!.GetValue<DateTimeOffset>()).TotalSeconds, 599, 601);
        await business.MakeDueAsync(message);
        var sent = await business.WhenSentAsync(message);
        Assert.Equal(1, sent.AttemptCount);
        Assert.Single(await api.LedgerAsync(to));
    }

    [Fact]
    public async Task A_passing_error_is_tried_again_after_its_backoff_until_the_attempts_are_used_up()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, maxAttempts = 3 });
        var (passes, lasts) = (api.NewNumber(), api.NewNumber());
        await api.FaultAsync(passes, "refuse", count: 2, code: 20409);
        await api.FaultAsync(lasts, "refuse", count: 3, code: 20409);
        var (one, two) = (await business.SendTransactionalAsync(passes), await business.SendTransactionalAsync(lasts));

        Assert.Equal(3, (await business.WhenSentAsync(one)).AttemptCount);
        var waits = (await business.EventsAsync(one)).Where(e => e!["type"]!.GetValue<string>() is "deferred")
            .Select(e => (e!["scheduledFor"]!.GetValue<DateTimeOffset>() - e["at"]!.GetValue<DateTimeOffset>()).TotalSeconds).ToList();
        Assert.Equal(2, waits.Count);
        Assert.InRange(waits[0], 0.9, 1.3);
        var failed = await business.WhenAsync(two, m => m.MessageStatus is "failed");
        Assert.Equal((3, 20409), (failed.AttemptCount, failed.Json!["error"]!["code"]!.GetValue<int>()));
        Assert.Equal("transient", failed.Json["error"]!["class"]!.GetValue<string>());
        Assert.Single(await api.LedgerAsync(passes));
        Assert.Empty(await api.LedgerAsync(lasts));
    }

    [Fact]
    public async Task A_rotated_token_holds_messages_and_fails_none()
    {
        var api = await shared.GetAsync();
        // A sender of its own: the stop is the sender's.
        var business = await api.NewBusinessAsync(new { requireConsent = false, sender = new { from = "+15125559999" } });
        var to = api.NewNumber();
        await api.FaultAsync(to, "bad_credentials");
        var message = await business.SendTransactionalAsync(to);
        var held = await business.WhenAsync(message, m => m.Reason is "twilio_error");
        Assert.Equal(("pending", 0), (held.MessageStatus, held.AttemptCount));
        Assert.InRange((held.ScheduledFor - held.Json!["updatedAt"]!.GetValue<DateTimeOffset>()).TotalSeconds, 59, 61);

        // Others of this sender are held from the start, without a request; those of another sender go.
        var other = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional" });
        Assert.Equal((202, "twilio_error", 0), (other.Status, other.Reason, other.AttemptCount));
        var elsewhere = await api.NewBusinessAsync();
        await elsewhere.WhenSentAsync(await elsewhere.SendTransactionalAsync(api.NewNumber()));
        var health = await api.Client.GetAsync("/health/ready");
        Assert.Equal(200, health.Status);
        Assert.Contains("20003", health.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await business.CancelAsync(message)).Status);
    }

    [Fact]
    public async Task Messages_to_one_recipient_go_in_the_order_of_their_acceptance()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "latency", latencyMs: 600);
        var messages = new List<Guid>();
        for (var n = 0; n < 5; n++)
            messages.Add(await business.SendTransactionalAsync(to, $"part {n}"));
        foreach (var message in messages)
            await business.WhenSentAsync(message);
        Assert.Equal("part 0,part 1,part 2,part 3,part 4", Bodies(await api.LedgerAsync(to)));
    }

    [Fact]
    public async Task A_one_time_password_overtakes_what_waits_for_the_same_recipient()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        await api.FaultAsync(to, "latency", latencyMs: 8000);
        var first = await business.SendTransactionalAsync(to, "first");
        await business.WhenAsync(first, m => m.Json!["attempt"] is not null);
        var second = await business.SendTransactionalAsync(to, "second");
        var third = await business.SendAsync(new { to, body = "code 1234", category = "otp" });
        foreach (var message in new[] { first, second, third.Id })
            await business.WhenSentAsync(message);
        Assert.Equal("first,code 1234,second", Bodies(await api.LedgerAsync(to)));
    }

    [Fact]
    public async Task Pace_gives_each_message_its_own_slot()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, segmentsPerSecond = 4 });
        var numbers = Enumerable.Range(0, 6).Select(_ => api.NewNumber()).ToList();
        var replies = new List<Reply>();
        foreach (var to in numbers)
            replies.Add(await business.SendAsync(new { to, body = "Hi", category = "transactional" }));

        var waiting = replies.Where(r => r.Reason is "rate_limit").ToList();
        Assert.NotEmpty(waiting);
        for (var n = 1; n < waiting.Count; n++)
            Assert.InRange((waiting[n].ScheduledFor - waiting[n - 1].ScheduledFor).TotalSeconds, 0.249, 30);
        foreach (var reply in replies)
            await business.WhenSentAsync(reply.Id);
        var left = new List<DateTimeOffset>();
        foreach (var to in numbers)
            left.Add(Assert.Single(await api.LedgerAsync(to))!["createdAt"]!.GetValue<DateTimeOffset>());
        Assert.True(left.Max() - left.Min() >= TimeSpan.FromSeconds(1), $"Six segments at 4 a second left within {left.Max() - left.Min()}.");
    }

    [Fact]
    public async Task Beyond_the_daily_limit_messages_wait_for_the_next_day()
    {
        var api = await shared.GetAsync();
        var zone = Hours.ZoneWhereItIs(12);
        var business = await api.NewBusinessAsync(new { requireConsent = false, dailySegmentLimit = 2 }, zone);
        foreach (var _ in new[] { 1, 2 })
            await business.WhenSentAsync(await business.SendTransactionalAsync(api.NewNumber()));

        var waits = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional" });
        Assert.Equal((202, "rate_limit", 0), (waits.Status, waits.Reason, waits.AttemptCount));
        Assert.Equal(Hours.Next(0, zone), waits.ScheduledFor);
        await business.MakeDueAsync(waits.Id);
        var still = await business.WhenAsync(waits.Id, m => m.ScheduledFor == Hours.Next(0, zone));
        Assert.Equal(("pending", "rate_limit", 0), (still.MessageStatus, still.Reason, still.AttemptCount));
        // A one-time password does not wait for tomorrow.
        var otp = await business.SendAsync(new { to = api.NewNumber(), body = "1234", category = "otp" });
        await business.WhenSentAsync(otp.Id);
    }

    private static string Bodies(JsonArray ledger) => string.Join(',', ledger.Select(m => m!["body"]!.GetValue<string>()));

    private static void AssertHasEveryField(JsonNode message)
    {
        string[] fields =
        [
            "id", "businessId", "customerId", "to", "body", "category", "status", "encoding", "segments", "attemptCount", "maxAttempts", "attempt",
            "retry", "providerMessageId", "error", "decision", "metadata", "createdAt", "updatedAt", "sentAt", "deliveredAt",
        ];
        Assert.Empty(fields.Except(message.AsObject().Select(f => f.Key), StringComparer.Ordinal));
    }

    /// <summary>For longer than a backoff and several polls the message is seen as it is now.</summary>
    private static async Task StaysAsync(TestBusiness business, Guid message, Func<Reply, bool> condition)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        for (var look = 0; look < 6; look++)
        {
            await timer.WaitForNextTickAsync();
            var reply = await business.MessageAsync(message);
            Assert.True(condition(reply), reply.Text);
        }
    }
}
