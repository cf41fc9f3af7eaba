namespace Sms.Integration.Tests.Api;

public class RefusalTests(SharedSilo shared)
{
    [Theory]
    [InlineData("12")]
    [InlineData("+1")]
    [InlineData("hello")]
    [InlineData("")]
    [InlineData("+1512555000000000000")]
    [InlineData("5550001")]
    [InlineData("911")]
    [InlineData("+15125550000 ext. 5")]
    public async Task A_number_that_cannot_be_one_is_refused(string phone)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();

        await RefusedAsync(business, 422, "invalid_phone", new { to = phone, body = "Hi" });
        var customer = await business.PostAsync("/customers", new { phone });
        Assert.Equal((422, "invalid_phone"), (customer.Status, customer.Code));
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Theory]
    [InlineData("""{"to":"+15125550000","body":"a\u0000b"}""")]
    [InlineData("""{"to":"+15125550000","body":"a\ud83d"}""")]
    [InlineData("""{"to":"+15125550000","body":"\ude00b"}""")]
    [InlineData("""{"to":"+15125550000","body":"\ude00\ud83d"}""")]
    [InlineData("""{"to":"+15125550000","body":"\ud83d\ud83d\ude00"}""")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":{"a":"\u0000"}}""")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":{"\ud83d":"a"}}""")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":{"a":[{"b":"\udfff"}]}}""")]
    [InlineData("""{"to":"+15125550000\u0000","body":"Hi"}""")]
    [InlineData("""{"to":"+15125550000","templateId":"01890000-0000-7000-8000-000000000001","variables":{"name":"\u0000"}}""")]
    [InlineData("""{"to":"+15125550000","templateId":"01890000-0000-7000-8000-000000000001","variables":{"\ud800":"Ana"}}""")]
    public async Task Text_that_no_store_can_keep_is_refused(string request)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        await RefusedAsync(business, 422, "invalid_text", request);
    }

    [Theory]
    [InlineData("""{"phone":"+15125550000","name":"\u0000"}""")]
    [InlineData("""{"phone":"+15125550000","name":"\ud83d"}""")]
    [InlineData("""{"phone":"+15125550000","smsConsent":{"status":"opted_in","notes":"\udc00"}}""")]
    public async Task Names_and_notes_that_no_store_can_keep_are_refused(string request)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var reply = await business.PostAsync("/customers", request);
        Assert.Equal((422, "invalid_text"), (reply.Status, reply.Code));
        Assert.Equal(0, await business.CountRowsAsync());

        Assert.Equal("invalid_text", (await api.Client.PostAsync("/v1/businesses", """{"name":"\u0000"}""", SharedSilo.AdminKey)).Code);
        Assert.Equal("invalid_text", (await business.PatchAsync("""{"name":"\ud800"}""")).Code);
        Assert.Equal("invalid_text", (await api.Client.PostAsync("/v1/preview/segments", """{"body":"\u0000"}""", business.Key)).Code);
    }

    [Theory]
    [InlineData("unknown")]
    [InlineData(null)]
    public async Task Marketing_needs_recorded_consent(string? status)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { });
        var phone = api.NewNumber();
        var made = await business.PostAsync("/customers", status is null ? new { phone } : new { phone, smsConsent = new { status } });
        Assert.Equal(201, made.Status);

        await RefusedAsync(business, 422, "consent_required", new { customerId = made.Id, body = "Hi" });
        await RefusedAsync(business, 422, "consent_required", new { to = phone, body = "Hi", category = "marketing" });
        await RefusedAsync(business, 422, "consent_required", new { to = api.NewNumber(), body = "Hi" });
        Assert.Equal(202, (await business.SendAsync(new { customerId = made.Id, body = "Hi", category = "transactional" })).Status);
    }

    [Theory]
    [InlineData("marketing")]
    [InlineData("transactional")]
    [InlineData("otp")]
    public async Task Who_opted_out_gets_nothing(string category)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var phone = api.NewNumber();
        var customer = await business.NewCustomerAsync(phone, Hours.Noon, "opted_out");

        await RefusedAsync(business, 422, "opted_out", new { customerId = customer, body = "Hi", category });
        await RefusedAsync(business, 422, "opted_out", new { to = phone, body = "Hi", category });
        Assert.Empty(await api.LedgerAsync(phone));
    }

    [Fact]
    public async Task An_opt_out_is_not_undone_by_making_the_customer_again()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var phone = api.NewNumber();
        var customer = await business.NewCustomerAsync(phone, Hours.Noon, "opted_out");

        var again = await business.PostAsync("/customers", new { phone, smsConsent = new { status = "opted_in", method = "other" } });
        Assert.Equal((200, customer), (again.Status, again.Id));
        Assert.Equal("opted_out", again.Json!["smsConsent"]!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_known_consent_is_not_weakened_by_making_the_customer_again()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var phone = api.NewNumber();
        var customer = await business.NewCustomerAsync(phone);

        foreach (var body in new object[] { new { phone }, new { phone, smsConsent = new { status = "unknown" } } })
        {
            var again = await business.PostAsync("/customers", body);
            Assert.Equal((200, customer), (again.Status, again.Id));
            Assert.Equal("opted_in", again.Json!["smsConsent"]!["status"]!.GetValue<string>());
            Assert.Equal("website_form", again.Json["smsConsent"]!["method"]!.GetValue<string>());
        }
    }

    [Fact]
    public async Task A_week_without_an_open_hour_has_no_lawful_window()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, quietHours = new { } });
        await RefusedAsync(business, 422, "no_lawful_window", new { to = api.NewNumber(), body = "Hi" });
        await RefusedAsync(business, 422, "no_lawful_window", new { to = api.NewNumber(), body = "Hi", sendAt = TimeProvider.System.GetUtcNow().AddDays(3) });
        Assert.Equal(202, (await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional" })).Status);
    }

    [Fact]
    public async Task Hours_that_the_law_closes_leave_no_window_unless_the_admin_lifts_the_floor()
    {
        var api = await shared.GetAsync();
        // An hour of the night, and not the present one.
        var closed = Hours.HourIn(0) is >= 20 ? 3 : 22;
        var business = await api.NewBusinessAsync(new { requireConsent = false, quietHoursPolicy = "us_states", quietHours = Hours.EveryDay($"{closed:00}:00", $"{closed + 1:00}:00") });
        var customer = await business.NewCustomerAsync(api.NewNumber(), Hours.Noon);
        await RefusedAsync(business, 422, "no_lawful_window", new { customerId = customer, body = "Hi" });

        var own = await business.PatchAsync(new { settings = new { quietHoursPolicy = "business" } });
        Assert.Equal((422, "validation_failed"), (own.Status, own.Code));
        Assert.NotNull(own.Json!["errors"]!["settings.quietHoursPolicy"]);
        await RefusedAsync(business, 422, "no_lawful_window", new { customerId = customer, body = "Hi" });

        Assert.Equal(200, (await api.Client.PatchAsync(business.Path, new { settings = new { quietHoursPolicy = "business" } }, SharedSilo.AdminKey)).Status);
        var waits = await business.SendAsync(new { customerId = customer, body = "Hi" });
        Assert.Equal((202, "quiet_hours", Hours.Next(closed, Hours.Noon)), (waits.Status, waits.Reason, waits.ScheduledFor));
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_and_one_at_the_limit_is_not()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        async Task CheckAsync(int limit)
        {
            await RefusedAsync(business, 422, "body_too_long", new { to = api.NewNumber(), body = new string('a', limit + 1), category = "transactional" });
            // 2 UTF-16 units for one character.
            await RefusedAsync(business, 422, "body_too_long",
                new { to = api.NewNumber(), body = new string('a', limit - 1) + "😀", category = "transactional" });
            Assert.Equal(202, (await business.SendAsync(new { to = api.NewNumber(), body = new string('a', limit), category = "transactional" })).Status);
        }

        await CheckAsync(320);
        Assert.Equal(200, (await business.PatchAsync(new { settings = new { bodyLimit = 1600 } })).Status);
        await CheckAsync(1600);
        Assert.Equal(200, (await business.PatchAsync(new { settings = new { bodyLimit = 1 } })).Status);
        await CheckAsync(1);
        foreach (var limit in new[] { 0, -1, 1601, int.MaxValue })
            Assert.Equal((422, "validation_failed"), Shape(await business.PatchAsync(new { settings = new { bodyLimit = limit } })));
    }

    [Fact]
    public async Task The_footer_is_not_counted_to_the_limit_of_a_body()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, bodyLimit = 5, optOutFooter = "always" });
        var to = api.NewNumber();
        var customer = await business.NewCustomerAsync(to, Hours.Noon);
        await RefusedAsync(business, 422, "body_too_long", new { customerId = customer, body = "Offers" });
        var sent = await business.SendAsync(new { customerId = customer, body = "Offer" });
        Assert.Equal((202, "Offer"), (sent.Status, sent.Json!["body"]!.GetValue<string>()));
        await business.WhenSentAsync(sent.Id);
        Assert.Equal("Offer\nReply STOP to opt out", Assert.Single(await api.LedgerAsync(to))!["body"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("""{"to":"+15125550000"}""")]
    [InlineData("""{"to":"+15125550000","body":null}""")]
    [InlineData("""{"to":"+15125550000","body":""}""")]
    [InlineData("""{"to":"+15125550000","body":" \n\t "}""")]
    public async Task A_message_needs_a_body(string request)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        await RefusedAsync(business, 422, "body_required", request);
    }

    [Fact]
    public async Task A_template_is_rendered_with_its_variables_or_refused()
    {
        var api = await shared.GetAsync();
        var (business, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var (template, foreign) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        foreach (var (id, owner) in new[] { (template, business.Id), (foreign, other.Id) })
        {
            await api.Database.ExecuteAsync(
                "insert into email_templates (id, business_id, name, body) values ($1, $2, 'Ready', 'Hi {{name}}, order {{ order }} is ready.')", id, owner);
        }

        var to = api.NewNumber();
        await RefusedAsync(business, 422, "unknown_template", new { to, templateId = Guid.CreateVersion7(), variables = new { name = "Ana" } });
        await RefusedAsync(business, 422, "unknown_template", new { to, templateId = foreign, variables = new { name = "Ana", order = "1" } });
        await RefusedAsync(business, 422, "validation_failed", new { to, templateId = template, variables = new { name = "Ana" } });
        await RefusedAsync(business, 422, "validation_failed", new { to, templateId = template, body = "Hi", variables = new { name = "Ana", order = "1" } });

        var sent = await business.SendAsync(new { to, templateId = template, variables = new { name = "{{order}} Ана", order = "42" }, category = "transactional" });
        Assert.Equal(202, sent.Status);
        const string Rendered = "Hi {{order}} Ана, order 42 is ready.";
        Assert.Equal((Rendered, "ucs2"), (sent.Json!["body"]!.GetValue<string>(), sent.Json["encoding"]!.GetValue<string>()));
        await business.WhenSentAsync(sent.Id);
        Assert.Equal(Rendered, Assert.Single(await api.LedgerAsync(to))!["body"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_customer_that_is_not_there_is_not_found()
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        await RefusedAsync(business, 422, "customer_not_found", new { customerId = Guid.CreateVersion7(), body = "Hi" });
        await RefusedAsync(business, 422, "customer_not_found", new { customerId = Guid.Empty, body = "Hi", category = "otp" });
    }

    [Fact]
    public async Task A_paused_business_accepts_nothing()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, paused = true });
        foreach (var category in new[] { "marketing", "transactional", "otp" })
            await RefusedAsync(business, 409, "business_paused", new { to = api.NewNumber(), body = "Hi", category });
    }

    [Fact]
    public async Task Beyond_the_monthly_limit_sends_are_refused()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, monthlyMessageLimit = 2 });
        await business.WhenSentAsync(await business.SendTransactionalAsync(api.NewNumber()));
        await business.WhenSentAsync(await business.SendTransactionalAsync(api.NewNumber()));

        var refused = await RefusedAsync(business, 429, "monthly_limit_reached", new { to = api.NewNumber(), body = "Hi", category = "transactional" });
        // Not before the next month, which at noon of the business's day is at least half a day away.
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromHours(11), TimeSpan.FromDays(31));
        // One-time passwords are held to no limit.
        var otp = await business.SendAsync(new { to = api.NewNumber(), body = "1234", category = "otp" });
        Assert.Equal(202, otp.Status);
        await business.WhenSentAsync(otp.Id);
    }

    [Fact]
    public async Task Simultaneous_sends_do_not_pass_the_monthly_limit_together()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, monthlyMessageLimit = 5 });
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional" })));
        Assert.Equal(5, replies.Count(r => r.Status == 202));
        Assert.Equal(15, replies.Count(r => r.Code is "monthly_limit_reached"));
    }

    [Theory]
    [InlineData("""{}""", "to")]
    [InlineData("""{"body":"Hi"}""", "to")]
    [InlineData("""{"to":"+15125550000","customerId":"01890000-0000-7000-8000-000000000001","body":"Hi"}""", "to")]
    [InlineData("""{"customerId":" 01890000-0000-7000-8000-000000000001","body":"Hi"}""", "customerId")]
    [InlineData("""{"customerId":"0x890000-0000-7000-8000-000000000001","body":"Hi"}""", "customerId")]
    [InlineData("""{"to":"+15125550000","body":"Hi","category":"Marketing"}""", "category")]
    [InlineData("""{"to":"+15125550000","body":"Hi","category":""}""", "category")]
    [InlineData("""{"to":"+15125550000","body":"Hi","validUntil":"2020-01-01T00:00:00Z"}""", "validUntil")]
    [InlineData("""{"to":"+15125550000","body":"Hi","sendAt":"9999-12-31T23:59:59Z"}""", "sendAt")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":[]}""", "metadata")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":"x"}""", "metadata")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":1}""", "metadata")]
    public async Task A_wrong_shape_is_named(string request, string member)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var reply = await RefusedAsync(business, 422, "validation_failed", request);
        Assert.Equal(member, Assert.Single(reply.Json!["errors"]!.AsObject()).Key);
    }

    [Fact]
    public async Task A_recipient_that_is_named_twice_or_not_at_all_and_a_request_of_another_shape_are_told_as_such()
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        foreach (var (request, member, what) in new[]
        {
            ("{\"to\":\"+15125550000\",\"customerId\":\"01890000-0000-7000-8000-000000000001\",\"body\":\"Hi\"}", "to", "and customerId exclude each other"),
            ("{\"body\":\"Hi\"}", "to", "or customerId is required"),
            ("[]", "request", "has the wrong type, or is given twice"),
        })
        {
            var reply = await RefusedAsync(business, 422, "validation_failed", request);
            Assert.Contains(what, reply.Json!["errors"]![member]!.ToJsonString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("+15005550009", "recipient_unreachable", "bad_number")]
    [InlineData("+15005550001", "recipient_unreachable", "bad_number")]
    [InlineData("+15005550004", "opted_out", "opt_out")]
    public async Task A_number_that_the_provider_refused_is_not_tried_again(string to, string code, string failureClass)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var failed = await business.WhenAsync(await business.SendTransactionalAsync(to), m => m.MessageStatus is "failed");
        Assert.Equal(failureClass, failed.Json!["error"]!["class"]!.GetValue<string>());
        Assert.Equal(1, failed.AttemptCount);

        foreach (var category in new[] { "marketing", "transactional", "otp" })
            await RefusedAsync(business, 422, code, new { to, body = "Hi", category });
        // Another business has its own list.
        Assert.Equal(202, (await (await api.NewBusinessAsync()).SendAsync(new { to, body = "Hi", category = "transactional" })).Status);
    }

    private static (int, string?) Shape(Reply reply) => (reply.Status, reply.Code);

    /// <summary>Refused, and nothing of this business is stored but what a test made before.</summary>
    private static async Task<Reply> RefusedAsync(TestBusiness business, int status, string code, object request)
    {
        var before = await business.CountRowsAsync();
        var reply = await business.SendAsync(request, "a-key");
        Assert.Equal((status, code), (reply.Status, reply.Code));
        Assert.Equal(before, await business.CountRowsAsync());
        return reply;
    }
}
