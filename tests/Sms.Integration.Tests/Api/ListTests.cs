using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

public class ListTests(SharedSilo shared)
{
    [Fact]
    public async Task Pages_are_newest_first_and_keep_their_place_while_messages_arrive()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var sent = new List<Guid>();
        for (var n = 0; n < 7; n++)
            sent.Add(await business.SendTransactionalAsync(api.NewNumber(), $"{n}"));
        sent.Reverse();

        var seen = new List<Guid>();
        string? cursor = null;
        do
        {
            var page = await business.GetAsync("/messages?limit=3" + (cursor is null ? "" : $"&cursor={cursor}"));
            Assert.Equal(200, page.Status);
            seen.AddRange(Ids(page));
            cursor = page.Json!["nextCursor"]?.GetValue<string>();
            await business.SendTransactionalAsync(api.NewNumber(), "a newcomer");
        }
        while (cursor is not null);

        Assert.Equal(sent, seen);
    }

    [Fact]
    public async Task A_page_that_holds_all_has_no_next_one()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var empty = await business.GetAsync("/messages");
        Assert.Empty(empty.Json!["data"]!.AsArray());
        Assert.True(empty.Json.AsObject().ContainsKey("nextCursor"));
        Assert.Null(empty.Json["nextCursor"]);

        for (var n = 0; n < 3; n++)
            await business.SendTransactionalAsync(api.NewNumber());
        var exact = await business.GetAsync("/messages?limit=3");
        Assert.Equal(3, exact.Json!["data"]!.AsArray().Count);
        Assert.Null(exact.Json["nextCursor"]);
        Assert.NotNull((await business.GetAsync("/messages?limit=2")).Json!["nextCursor"]);
    }

    [Fact]
    public async Task Fifty_are_shown_when_nothing_is_asked_and_two_hundred_at_most()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var zone = Hours.Night;
        var customer = await business.NewCustomerAsync(api.NewNumber(), zone);
        await Task.WhenAll(Enumerable.Range(0, 55).Select(n => business.SendAsync(new { customerId = customer, body = $"{n}" })));
        Assert.Equal(50, (await business.GetAsync("/messages")).Json!["data"]!.AsArray().Count);
        Assert.Equal(55, (await business.GetAsync("/messages?limit=200")).Json!["data"]!.AsArray().Count);
    }

    [Fact]
    public async Task Every_list_is_cut_bounded_and_continued_alike()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        // One of each: a send to a new number makes a customer too.
        async Task AddAsync()
        {
            await business.SendTransactionalAsync(api.NewNumber());
            await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{api.NewNumber()}", null, business.Key);
            await business.PostAsync("/api-keys", "");
        }

        for (var n = 0; n < 3; n++)
            await AddAsync();
        var lists = new[] { "/messages", "/customers", "/opt-outs", "/suppressions", "/api-keys" };
        var whole = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var first = new Dictionary<string, Reply>(StringComparer.Ordinal);
        foreach (var list in lists)
        {
            var all = await business.GetAsync(list);
            Assert.True(all.Json!.AsObject().ContainsKey("nextCursor") && all.Json["nextCursor"] is null, all.Text);
            whole[list] = Keys(all);
            Assert.InRange(whole[list].Count, 3, 4);
            var times = all.Json["data"]!.AsArray().Select(i => i!["createdAt"]!.GetValue<DateTimeOffset>()).ToList();
            Assert.Equal(times.OrderDescending(), times);
            first[list] = await business.GetAsync($"{list}?limit=2");
            Assert.Equal(whole[list][..2], Keys(first[list]));
            Assert.Equal(whole[list], Keys(await business.GetAsync($"{list}?limit=200")));
            foreach (var bad in new[] { "limit=0", "limit=201", "limit=x", "limit=1&limit=1", "cursor=x", "cursor=" })
                Assert.Equal((422, "validation_failed"), (await business.GetAsync($"{list}?{bad}")) is var refused ? (refused.Status, refused.Code) : default);
        }

        // A cursor keeps its place while rows arrive.
        await AddAsync();
        foreach (var list in lists)
        {
            var second = await business.GetAsync($"{list}?limit=2&cursor={first[list].Json!["nextCursor"]!.GetValue<string>()}");
            Assert.Equal(whole[list][2..], Keys(second));
            Assert.Null(second.Json!["nextCursor"]);
        }

        static List<string> Keys(Reply page) => [.. page.Json!["data"]!.AsArray().Select(i => (i!["id"] ?? i["phone"])!.GetValue<string>())];
    }

    [Fact]
    public async Task Ledgers_and_histories_come_in_pages_the_oldest_first()
    {
        var api = await shared.GetAsync();
        var (business, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to);
        var message = await business.SendTransactionalAsync(to);
        await business.WhenSentAsync(message);
        // One entry more than fits into an export.
        await api.Database.ExecuteAsync(
            "insert into sms.consent_events (id, business_id, customer_id, status, source, at, recorded_at) select gen_random_uuid(), $1, $2, 'opted_in', n::text, now(), now() from generate_series(1, 200) n",
            business.Id, customer);
        await api.Database.ExecuteAsync(
            "insert into sms.message_events (message_id, business_id, at, type, data) select $2, $1, now(), 'deferred', jsonb_build_object('n', n) from generate_series(1, 60) n", business.Id, message);

        foreach (var (list, least) in new[] { ($"/customers/{customer}/consent", 201), ($"/messages/{message}/events", 63) })
        {
            Assert.Equal(50, (await business.GetAsync(list)).Json!["data"]!.AsArray().Count);
            var whole = await AllAsync(business, list, limit: 200);
            Assert.InRange(whole.Count, least, least + 3);
            Assert.Equal(whole, await AllAsync(business, list, limit: 7));
            Assert.Contains(least > 200 ? "website_form" : "accepted", whole[0], StringComparison.Ordinal);
            foreach (var bad in new[] { "limit=0", "limit=201", "cursor=x" })
                Assert.Equal((422, "validation_failed"), (await business.GetAsync($"{list}?{bad}")) is var refused ? (refused.Status, refused.Code) : default);
            // Neither a cursor of this nor one of another list opens anything to another business.
            var cursor = (await business.GetAsync($"{list}?limit=2")).Json!["nextCursor"]!.GetValue<string>();
            Assert.Equal(404, (await other.GetAsync($"{list}?cursor={cursor}")).Status);
        }

        var export = (await business.GetAsync($"/customers/{customer}/export")).Json!;
        Assert.Equal(200, export["consent"]!.AsArray().Count);
        var rest = (await business.GetAsync($"/customers/{customer}/consent?cursor={export["nextConsentCursor"]!.GetValue<string>()}")).Json!;
        Assert.Equal("200", Assert.Single(rest["data"]!.AsArray())!["source"]!.GetValue<string>());
        Assert.Null(rest["nextCursor"]);
    }

    private static async Task<List<string>> AllAsync(TestBusiness business, string list, int limit)
    {
        var (items, cursor) = (new List<string>(), "");
        do
        {
            var page = (await business.GetAsync($"{list}?limit={limit}{cursor}")).Json!;
            Assert.InRange(page["data"]!.AsArray().Count, 1, limit);
            items.AddRange(page["data"]!.AsArray().Select(i => i!.ToJsonString()));
            cursor = page["nextCursor"] is { } next ? $"&cursor={next.GetValue<string>()}" : "";
        }
        while (cursor.Length > 0);
        return items;
    }

    [Fact]
    public async Task Messages_are_found_by_what_is_asked()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var (day, night) = (api.NewNumber(), api.NewNumber());
        var before = TimeProvider.System.GetUtcNow().AddMilliseconds(-1);
        var customer = await business.NewCustomerAsync(night, Hours.Night);
        var sent = await business.SendTransactionalAsync(day);
        var waiting = (await business.SendAsync(new { customerId = customer, body = "Hi" })).Id;
        var cancelled = (await business.SendAsync(new { customerId = customer, body = "Ho" })).Id;
        await business.CancelAsync(cancelled);
        await business.WhenSentAsync(sent);
        var later = (await business.SendAsync(new { to = day, body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        var laterAt = (await business.MessageAsync(later)).Json!["createdAt"]!.GetValue<string>();

        async Task FoundAsync(string query, params Guid[] expected) => Assert.Equal(expected, Ids(await business.GetAsync($"/messages?{query}")));
        await FoundAsync("status=pending", later, waiting);
        await FoundAsync("status=sent", sent);
        await FoundAsync("status=cancelled", cancelled);
        await FoundAsync("status=failed");
        await FoundAsync("reason=quiet_hours", waiting);
        await FoundAsync("reason=scheduled", later);
        await FoundAsync("reason=rate_limit");
        await FoundAsync($"customerId={customer}", cancelled, waiting);
        await FoundAsync($"customerId={Guid.CreateVersion7()}");
        await FoundAsync($"to={Uri.EscapeDataString(day)}", later, sent);
        await FoundAsync($"to={Uri.EscapeDataString($"({day[2..5]}) {day[5..8]}-{day[8..]}")}", later, sent);
        await FoundAsync($"status=pending&customerId={customer}&reason=quiet_hours", waiting);
        await FoundAsync($"since={before:yyyy-MM-ddTHH:mm:ss.ffffff}Z", later, cancelled, waiting, sent);
        await FoundAsync($"until={before:yyyy-MM-ddTHH:mm:ss.ffffff}Z");
        // From inclusive, to exclusive.
        await FoundAsync($"since={laterAt}", later);
        await FoundAsync($"until={laterAt}", cancelled, waiting, sent);
        await FoundAsync("since=9999-12-31T23:59:59Z");
        await FoundAsync("until=0001-01-01T00:00:00Z");
    }

    [Fact]
    public async Task Messages_are_found_by_what_is_known_of_them()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var (number, bad) = (api.NewNumber(), api.NewNumber());
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var before = TimeProvider.System.GetUtcNow().AddMilliseconds(-1);
        var otp = (await business.SendAsync(new { to = number, body = "1234", category = "otp", metadata = new { order = "42", note = "a,b" } })).Id;
        var waiting = (await business.SendAsync(new { customerId = customer, body = "Hi", metadata = new { order = "43" } })).Id;
        var later = (await business.SendAsync(new { to = number, body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddHours(1) })).Id;
        await api.FaultAsync(bad, "refuse", code: 21211);
        var failed = await business.SendTransactionalAsync(bad);
        await business.WhenAsync(failed, m => m.MessageStatus is "failed");
        var sid = (await business.WhenSentAsync(otp)).Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>();

        async Task FoundAsync(string query, params Guid[] expected) => Assert.Equal(expected, Ids(await business.GetAsync($"/messages?{query}")));
        await FoundAsync("cause=quiet_hours", waiting);
        await FoundAsync("cause=send_at", later);
        await FoundAsync("cause=send_at,quiet_hours", later, waiting);
        await FoundAsync("cause=send_at,paused", later);
        await FoundAsync("cause=busy,turn");
        await FoundAsync("reason=scheduled,quiet_hours", later, waiting);
        await FoundAsync("status=failed,pending", failed, later, waiting);
        await FoundAsync("status=failed,pending&limit=2", failed, later);
        await FoundAsync("category=otp", otp);
        await FoundAsync("category=otp,marketing", waiting, otp);
        await FoundAsync($"sid={sid}", otp);
        await FoundAsync("sid=SM00000000000000000000000000000000");
        await FoundAsync("errorCode=21211", failed);
        await FoundAsync("errorCode=21211,30003&errorClass=bad_number", failed);
        await FoundAsync("errorClass=opt_out");
        await FoundAsync("metadata.order=42", otp);
        await FoundAsync("metadata.order=42,43", waiting, otp);
        await FoundAsync("metadata.note=a,b", otp);
        await FoundAsync("metadata.order=42&metadata.note=none");
        await FoundAsync("unknown=true");
        await FoundAsync("unknown=false&category=transactional", failed, later);
        await FoundAsync($"updatedSince={before:yyyy-MM-ddTHH:mm:ss.ffffff}Z", failed, later, waiting, otp);
        await FoundAsync("updatedSince=9999-12-31T23:59:59Z");

        foreach (var wrong in new[] { "cause=later", "category=sms", "errorCode=many", "status=,", "unknown=perhaps", "metadata.=1", "metadata=1", "couse=busy" })
            Assert.Equal((422, "validation_failed"), (await business.GetAsync($"/messages?{wrong}")) is var r ? (r.Status, r.Code) : default);
    }

    [Fact]
    public async Task A_page_of_several_statuses_goes_on_where_it_ended()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var made = new List<Guid>();
        for (var n = 0; n < 3; n++)
        {
            made.Insert(0, (await business.SendAsync(new { customerId = customer, body = $"{n}" })).Id);
            made.Insert(0, (await business.SendAsync(new { customerId = customer, body = $"{n}" })).Id);
            await business.CancelAsync(made[0]);
        }

        var (found, cursor) = (new List<Guid>(), "");
        do
        {
            var page = await business.GetAsync($"/messages?status=pending,cancelled&limit=2{cursor}");
            found.AddRange(Ids(page));
            cursor = page.Json!["nextCursor"] is { } next ? $"&cursor={next}" : null;
        }
        while (cursor is not null);
        Assert.Equal(made, found);
    }

    [Fact]
    public async Task A_number_is_looked_for_as_the_business_writes_it()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, region = "GB" });
        var customer = await business.NewCustomerAsync("020 7946 0018");
        var message = (await business.SendAsync(new { to = "020 7946 0018", body = "Hi", category = "transactional" })).Id;
        // The last as a browser sends a plus sign that nobody encoded.
        foreach (var written in new[] { "020%207946%200018", "%2B442079460018", "+442079460018" })
        {
            Assert.Equal([customer], Ids(await business.GetAsync($"/customers?phone={written}")));
            Assert.Equal([message], Ids(await business.GetAsync($"/messages?to={written}")));
        }
    }

    [Fact]
    public async Task A_page_of_a_filtered_list_goes_on_with_its_filter()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Night);
        var waiting = new List<Guid>();
        for (var n = 0; n < 4; n++)
        {
            waiting.Insert(0, (await business.SendAsync(new { customerId = customer, body = $"{n}" })).Id);
            await business.SendTransactionalAsync(api.NewNumber());
        }

        var first = await business.GetAsync("/messages?reason=quiet_hours&limit=2");
        var second = await business.GetAsync($"/messages?reason=quiet_hours&limit=2&cursor={first.Json!["nextCursor"]!.GetValue<string>()}");
        Assert.Equal(waiting, Ids(first).Concat(Ids(second)));
        Assert.Null(second.Json!["nextCursor"]);
    }

    private static List<Guid> Ids(Reply page)
    {
        JsonArray data = page.Json!["data"]!.AsArray();
        return [.. data.Select(m => m!["id"]!.GetValue<Guid>())];
    }
}
