using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sms.Integration.Tests.Api;

public class MalformedInputTests(SharedSilo shared)
{
    private const string ValidSend = """{"to":"+15125550000","body":"Hi","category":"transactional"}""";

    /// <summary>What is no JSON object at all.</summary>
    public static TheoryData<string> NoObjects { get; } =
    [
        "", " ", "{", "}", "{]", "nonsense", "null", "[]", "[{}]", "1", "true", "\"text\"", "{}{}", "{} x", "{'to':1}", "{\"to\":}", "{\"to\":\"\"",
        "{\"to\":\"+15125550000\",}", "// note\n{}", "{\"body\":\"a\nb\"}", "{\"body\":\"\\x\"}", "\ufeff\ufeff{}", "NaN", "{\"a\":01}", "{\"a\":.5}", "{\"a\":+1}",
        "{\"a\":Infinity}", "-", "{\"to\":\"+15125550000\" \"body\":\"Hi\"}",
    ];

    /// <summary>A member and values of which none fits, for each call with a body.</summary>
    public static TheoryData<string, string, string> WrongTypes { get; } = MakeWrongTypes();

    [Theory]
    [MemberData(nameof(NoObjects))]
    public async Task What_is_no_object_is_refused_by_every_call(string body)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var (method, path) in new[]
        {
            ("POST", "/v1/businesses"), ("PATCH", business.Path), ("POST", $"{business.Path}/customers"), ("POST", $"{business.Path}/messages"),
            ("POST", "/v1/preview/segments"), ("POST", "/v1/preview/quiet-hours"),
        })
        {
            AssertRefused(await api.Client.SendAsync(new HttpMethod(method), path, ApiClient.Json(body), SharedSilo.AdminKey), $"{method} {path} {body}");
        }

        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Theory]
    [MemberData(nameof(WrongTypes))]
    public async Task A_wrong_type_is_refused(string path, string member, string values)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var (method, full) = path switch
        {
            "patch" => (HttpMethod.Patch, business.Path),
            "/v1/businesses" or "/v1/preview/segments" or "/v1/preview/quiet-hours" => (HttpMethod.Post, path),
            _ => (HttpMethod.Post, business.Path + path),
        };
        foreach (var value in values.Split('|', StringSplitOptions.TrimEntries))
        {
            var rest = path switch
            {
                "/messages" => "\"to\":\"+15125550000\",\"body\":\"Hi\",\"category\":\"transactional\"",
                "/customers" => "\"phone\":\"+15125550000\"",
                "/v1/businesses" => "\"name\":\"Acme\"",
                "/v1/preview/segments" => "\"body\":\"Hi\"",
                "/v1/preview/quiet-hours" => "\"timezone\":\"UTC\"",
                _ => "\"name\":\"Acme\"",
            };
            rest = string.Join(',', rest.Split(',').Where(m => !m.StartsWith($"\"{member}\"", StringComparison.Ordinal)));
            var separator = rest.Length == 0 ? "" : ",";
            var body = $"{{{rest}{separator}\"{member}\":{value}}}";
            AssertRefused(await api.Client.SendAsync(method, full, ApiClient.Json(body), SharedSilo.AdminKey), body);
        }

        Assert.Equal(0, await business.CountRowsAsync());
        Assert.Equal("Acme", (await business.GetAsync()).Json!["name"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("""{"to":"+15125550000","to":"+15125550001","body":"Hi"}""")]
    [InlineData("""{"to":"+15125550000","body":"Hi","BODY":"Ho"}""")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":{"a":1,"a":2}}""")]
    [InlineData("""{"to":"+15125550000","body":"Hi","metadata":{"x":{"a":1,"a":2}}}""")]
    [InlineData("""{"to":"+15125550000","templateId":"01890000-0000-7000-8000-000000000001","variables":{"a":"1","a":"2"}}""")]
    public async Task A_member_given_twice_is_refused(string body)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        AssertRefused(await business.SendAsync(body), body);
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"a\":", "}")]
    public async Task Deep_nesting_is_refused(string open, string close)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var nested = string.Concat(Enumerable.Repeat(open, 10_000)) + "1" + string.Concat(Enumerable.Repeat(close, 10_000));
        foreach (var body in new[] { nested, $$"""{"to":"+15125550000","body":"Hi","metadata":{{nested}}}""", string.Concat(Enumerable.Repeat(open, 10_000)) })
            AssertRefused(await business.SendAsync(body), "nested");
        AssertRefused(await business.PatchAsync($$"""{"settings":{{nested}}}"""), "nested settings");
        AssertRefused(await api.Client.PostAsync("/v1/preview/quiet-hours", $$"""{"timezone":"UTC","windows":{{nested}}}""", business.Key), "nested windows");
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Fact]
    public async Task Metadata_nested_as_deep_as_is_read_comes_back()
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var metadata = string.Concat(Enumerable.Repeat("{\"a\":", 61)) + "1" + new string('}', 61);
        var made = await business.SendAsync($$"""{"to":"+15125550000","body":"Hi","category":"transactional","metadata":{{metadata}}}""");
        Assert.Equal(202, made.Status);
        Assert.Equal(metadata, (await business.MessageAsync(made.Id)).Json!["metadata"]!.ToJsonString());
        Assert.Equal(200, (await business.GetAsync("/messages")).Status);
    }

    [Fact]
    public async Task A_request_over_one_mebibyte_is_refused_with_its_own_word()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var tooLong = $$"""{"to":"+15125550000","body":"{{new string('a', 1024 * 1024)}}"}""";
        var reply = await business.SendAsync(tooLong);
        Assert.Equal((413, "payload_too_large"), (reply.Status, reply.Code));

        // At the limit it is read, and then judged for what it says.
        var start = """{"to":"+15125550000","body":"Hi""";
        var atLimit = start + new string('a', (1024 * 1024) - start.Length - 2) + "\"}";
        Assert.Equal("body_too_long", (await business.SendAsync(atLimit)).Code);
        Assert.Equal("payload_too_large", (await business.SendAsync(atLimit + " ")).Code);
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Fact]
    public async Task Chunked_requests_are_read_and_bounded_alike()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        async Task<(int, string?)> SendAsync(string text)
        {
            using var content = new StreamContent(new UnsizedStream(Encoding.UTF8.GetBytes(text)));
            content.Headers.ContentType = new("application/json");
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{business.Path}/messages") { Content = content };
            request.Headers.TransferEncodingChunked = true;
            request.Headers.Authorization = new("Bearer", business.Key);
            using var response = await api.Http.SendAsync(request);
            var reply = new Reply((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, response.Headers);
            return (reply.Status, reply.Code);
        }

        Assert.Equal((413, "payload_too_large"), await SendAsync($$"""{"to":"+15125550000","body":"{{new string('a', 1024 * 1024)}}"}"""));
        Assert.Equal((400, "malformed_json"), await SendAsync("""{"to":"""));
        Assert.Equal(0, await business.CountRowsAsync());
        Assert.Equal((202, null), await SendAsync(ValidSend));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/xml")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("nonsense")]
    [InlineData(null)]
    public async Task Another_content_type_is_refused(string? contentType)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(ValidSend));
        if (contentType is not null)
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        var reply = await api.Client.SendAsync(HttpMethod.Post, $"{business.Path}/messages", content, business.Key);
        Assert.Equal((415, "unsupported_media_type"), (reply.Status, reply.Code));
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("application/json;charset=\"UTF-8\"")]
    [InlineData("APPLICATION/JSON")]
    public async Task Json_is_taken_however_it_is_named(string contentType)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(ValidSend));
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        Assert.Equal(202, (await api.Client.SendAsync(HttpMethod.Post, $"{business.Path}/messages", content, business.Key)).Status);
    }

    /// <summary>In hexadecimal: a wrong start, cut and overlong sequences, half a surrogate pair, beyond Unicode's end, a bare NUL.</summary>
    public static TheoryData<string> BrokenText { get; } = ["FFFE", "C3", "C080", "EDA0BD", "F888808080", "F4908080", "00"];

    [Theory]
    [MemberData(nameof(BrokenText))]
    public async Task Bytes_that_are_no_text_are_refused(string hexadecimal)
    {
        var bytes = Convert.FromHexString(hexadecimal);
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        byte[][] bodies = [bytes, [.. Encoding.ASCII.GetBytes("""{"to":"+15125550000","category":"transactional","body":"Hi"""), .. bytes, .. "\"}"u8]];
        foreach (var body in bodies)
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new("application/json");
            AssertRefused(await api.Client.SendAsync(HttpMethod.Post, $"{business.Path}/messages", content, business.Key), Convert.ToHexString(body));
        }

        foreach (var encoding in new Encoding[] { Encoding.Unicode, Encoding.UTF32 })
        {
            using var content = new StringContent(ValidSend, encoding, "application/json");
            AssertRefused(await api.Client.SendAsync(HttpMethod.Post, $"{business.Path}/messages", content, business.Key), encoding.WebName);
        }

        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Fact]
    public async Task Metadata_holds_two_kibibytes_and_no_more()
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        string Body(int bytes) => $$$"""{"to":"+15125550000","body":"Hi","category":"transactional","metadata":{"a":"{{{new string('x', bytes - 8)}}}"}}""";

        var refused = await business.SendAsync(Body(2049));
        Assert.Equal((422, "validation_failed"), (refused.Status, refused.Code));
        // The limit is one of bytes: 1,100 characters of two bytes each.
        refused = await business.SendAsync($$$"""{"to":"+15125550000","body":"Hi","metadata":{"a":"{{{new string('é', 1100)}}}"}}""");
        Assert.Equal((422, "validation_failed"), (refused.Status, refused.Code));
        Assert.Equal(0, await business.CountRowsAsync());
        Assert.Equal(202, (await business.SendAsync(Body(2048))).Status);
    }

    [Theory]
    [InlineData("""{"order":"42","nested":{"list":[1,-2.50,true,null,"é😀"]},"":"","a b":"\"quoted\" \\ /"}""")]
    [InlineData("""{"large":12345678901234567890123456789,"small":1e-300,"exact":0.10}""")]
    [InlineData("""{"n":1e999999}""")]
    public async Task Metadata_comes_back_as_it_was_given(string metadata)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var made = await business.SendAsync($$"""{"to":"+15125550000","body":"Hi","category":"transactional","metadata":{{metadata}}}""");
        Assert.Equal(202, made.Status);
        Assert.Contains($"\"metadata\":{metadata}", made.Text, StringComparison.Ordinal);
        Assert.Contains($"\"metadata\":{metadata}", (await business.MessageAsync(made.Id)).Text, StringComparison.Ordinal);
    }

    public static TheoryData<string> BadKeys { get; } =
        [new string('k', 256), "a key", "a\tkey", "clé", "ключ", "😀", ""];

    [Theory]
    [MemberData(nameof(BadKeys))]
    public async Task An_idempotency_key_that_is_none_is_refused(string key)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        // On the wire by hand: a client library would not send all of these.
        var status = await RawPostAsync(api, business, $"Idempotency-Key: {key}");
        Assert.Equal(400, status);
        Assert.Equal(0, await business.CountRowsAsync());
    }

    [Fact]
    public async Task An_idempotency_key_given_twice_is_refused()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        Assert.Equal(400, await RawPostAsync(api, business, "Idempotency-Key: a\r\nIdempotency-Key: b"));
        Assert.Equal(0, await business.CountRowsAsync());
        Assert.Equal(202, await RawPostAsync(api, business, $"Idempotency-Key: {new string('~', 255)}"));
    }

    public static TheoryData<string> BadInstants { get; } =
    [
        "2026-11-23T15:00:00", "2026-11-23", "15:00:00Z", "tomorrow", "", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23T24:00:01Z",
        "2026-11-23T15:00:00+25:00", "2026-11-23 15:00:00Z", "99999-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2026-11-23T15:00:00.Z", "1764000000",
    ];

    [Theory]
    [MemberData(nameof(BadInstants))]
    public async Task What_is_no_instant_is_refused(string at)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var member in new[] { "sendAt", "validUntil" })
            AssertRefused(await business.SendAsync($$"""{"to":"+15125550000","body":"Hi","category":"transactional","{{member}}":"{{at}}"}"""), $"{member} {at}");
        AssertRefused(await business.PostAsync("/customers", $$$"""{"phone":"+15125550000","smsConsent":{"status":"opted_in","at":"{{{at}}}"}}"""), at);
        AssertRefused(await api.Client.PostAsync("/v1/preview/quiet-hours", $$"""{"timezone":"UTC","at":"{{at}}"}""", business.Key), at);
        foreach (var member in new[] { "since", "until" })
            AssertRefused(await business.GetAsync($"/messages?{member}={Uri.EscapeDataString(at)}"), $"{member} {at}", at is "2026-11-23 15:00:00Z");
        Assert.Equal(0, await business.CountRowsAsync());
    }

    public static TheoryData<string> FarInstants { get; } =
    [
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0000-06-01T00:00:00Z", "0000-01-01T00:00:00+18:00", "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59-18:00", "1900-01-01T00:00:00Z", "4714-01-01T00:00:00Z",
    ];

    [Theory]
    [MemberData(nameof(FarInstants))]
    public async Task An_instant_at_the_ends_of_time_is_no_fault(string at)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var member in new[] { "sendAt", "validUntil" })
            AssertNoFault(await business.SendAsync($$"""{"to":"{{api.NewNumber()}}","body":"Hi","category":"transactional","{{member}}":"{{at}}"}"""), $"{member} {at}");
        var customer = await business.PostAsync("/customers", $$$"""{"phone":"{{{api.NewNumber()}}}","smsConsent":{"status":"opted_in","at":"{{{at}}}"}}""");
        AssertNoFault(customer, at);
        if (customer.Status == 201)
            Assert.Equal(200, (await business.GetAsync($"/customers/{customer.Id}")).Status);
        AssertNoFault(await api.Client.PostAsync("/v1/preview/quiet-hours", $$"""{"timezone":"America/New_York","at":"{{at}}"}""", business.Key), at);
        foreach (var member in new[] { "since", "until" })
            AssertNoFault(await business.GetAsync($"/messages?{member}={Uri.EscapeDataString(at)}"), $"{member} {at}");
        Assert.Equal(200, (await business.GetAsync("/messages")).Status);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=-1")]
    [InlineData("limit=201")]
    [InlineData("limit=x")]
    [InlineData("limit=")]
    [InlineData("limit=1.5")]
    [InlineData("limit=%2B5")]
    [InlineData("limit=99999999999999999999")]
    [InlineData("limit=5&limit=5")]
    [InlineData("cursor=")]
    [InlineData("cursor=x")]
    [InlineData("cursor=%00")]
    [InlineData("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!")]
    [InlineData("cursor=________________________________")]
    [InlineData("cursor=AAAA&cursor=AAAA")]
    [InlineData("status=done")]
    [InlineData("status=Pending")]
    [InlineData("status=")]
    [InlineData("status=pending&status=sent")]
    [InlineData("status=pending%00")]
    [InlineData("reason=paused")]
    [InlineData("customerId=1")]
    [InlineData("customerId={01890000-0000-7000-8000-000000000001}")]
    [InlineData("customerId=%2001890000-0000-7000-8000-000000000001")]
    [InlineData("customerId=0x890000-0000-7000-8000-000000000001")]
    [InlineData("customerId=%2B1890000-0000-7000-8000-000000000001")]
    [InlineData("to=x")]
    [InlineData("to=%00")]
    [InlineData("to=%2B15125550000&to=%2B15125550000")]
    [InlineData("since=yesterday")]
    [InlineData("until=%FF")]
    public async Task A_wrong_query_is_refused(string query)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        AssertRefused(await business.GetAsync($"/messages?{query}"), query);
    }

    [Theory]
    [InlineData("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("cursor=K8o3KPYSP_____________________8A")]
    [InlineData("limit=1&unknown=x")]
    [InlineData("since=2026-11-22T13:00:00+01:00")]
    public async Task An_odd_query_is_answered(string query)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        AssertNoFault(await business.GetAsync($"/messages?{query}"), query);
    }

    [Theory]
    [InlineData("/messages/nonsense")]
    [InlineData("/messages/01890000-0000-7000-8000-00000000000")]
    [InlineData("/messages/{01890000-0000-7000-8000-000000000001}")]
    [InlineData("/customers/1")]
    [InlineData("/customers/..%2f..")]
    [InlineData("/nothing")]
    public async Task A_path_that_names_nothing_is_not_found(string path)
    {
        var business = await (await shared.GetAsync()).NewBusinessAsync();
        var reply = await business.GetAsync(path);
        Assert.Equal((404, "not_found"), (reply.Status, reply.Code));
    }

    /// <summary>Cut and foreign escapes, bytes that are no text, controls, a slash.</summary>
    public static TheoryData<string> BadEscapes { get; } = ["%", "%2", "%zz", "%u0000", "%ff", "%C0%80", "%ED%A0%80", "%0A", "%0D%0A", "%01", "%7F", "%2F", "%2F%2F", "%5C", "%25%30%30"];

    [Theory]
    [MemberData(nameof(BadEscapes))]
    public async Task A_bad_escape_in_a_path_is_refused_with_a_code(string escape)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var (method, path) in new[] { ("PUT", $"/opt-outs/{escape}"), ("DELETE", $"/opt-outs/{escape}"), ("GET", $"/messages/{escape}"), ("DELETE", $"/customers/{escape}"), ("GET", escape) })
        {
            var (status, text) = await RawAsync(api, $"{method} {business.Path}{path}", $"Authorization: Bearer {business.Key}");
            Assert.True(status is 404 or 405 or 422 && text.Contains("\"code\":\"", StringComparison.Ordinal), $"{method} {path} was answered {status}: {text}");
        }
    }

    [Fact]
    public async Task What_the_web_server_refuses_by_itself_has_no_code_and_the_reference_says_so()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var (status, text) = await RawAsync(api, $"PUT {business.Path}/opt-outs/%00", $"Authorization: Bearer {business.Key}");
        Assert.Equal(400, status);
        Assert.DoesNotContain("code", text, StringComparison.Ordinal);
        Assert.Contains("<code>%00</code>", (await api.Client.GetAsync("/docs")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_method_is_not_allowed()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var reply = await api.Client.SendAsync(HttpMethod.Delete, $"{business.Path}/messages", null, business.Key);
        Assert.Equal((405, "method_not_allowed"), (reply.Status, reply.Code));
    }

    public static TheoryData<string> OddTexts { get; } =
    [
        "שלום עולם, ההזמנה שלך מוכנה", "\u202Eمرحبا\u202C", "e\u0301a\u0308o\u0302 Z\u0351\u036B\u0343", "\ufeffBOM inside\u200b\u200d", "a\r\nb\tc\u0001\u001f\u007f",
        "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪", "ÅÄÖ€[]{}~^|\\", "'; drop table send_logs; --", "{{name}} %s {0} $1", "\u2028\u2029\uffff\ufffe", "<script>&amp;\"",
    ];

    [Theory]
    [MemberData(nameof(OddTexts))]
    public async Task Text_is_kept_and_sent_exactly(string text)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var to = api.NewNumber();
        var made = await business.SendAsync(new { to, body = text, category = "transactional", metadata = new { text } });
        Assert.Equal(202, made.Status);
        var read = await business.WhenSentAsync(made.Id);
        foreach (var reply in new[] { made, read })
        {
            Assert.Equal(text, reply.Json!["body"]!.GetValue<string>());
            Assert.Equal(text, reply.Json["metadata"]!["text"]!.GetValue<string>());
        }

        Assert.Equal(text, await api.Database.ScalarAsync<string>("select body from send_logs where id = $1", made.Id));
        Assert.Equal(text, Assert.Single(await api.LedgerAsync(to))!["body"]!.GetValue<string>());

        var customer = await business.PostAsync("/customers", new { phone = api.NewNumber(), name = text, smsConsent = new { status = "opted_in", notes = text } });
        Assert.Equal(text, (await business.GetAsync($"/customers/{customer.Id}")).Json!["name"]!.GetValue<string>());
    }

    [Fact]
    public async Task Eight_hundred_emoji_fill_the_limit_and_twice_as_many_do_not_fit()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, bodyLimit = 1600 });
        var text = string.Concat(Enumerable.Repeat("😀", 800));
        var to = api.NewNumber();
        Assert.Equal("body_too_long", (await business.SendAsync(new { to, body = text + text, category = "transactional" })).Code);
        var made = await business.SendAsync(new { to, body = text, category = "transactional" });
        Assert.Equal((202, "ucs2", 25), (made.Status, made.Json!["encoding"]!.GetValue<string>(), made.Json["segments"]!.GetValue<int>()));
        await business.WhenSentAsync(made.Id);
        Assert.Equal(text, Assert.Single(await api.LedgerAsync(to))!["body"]!.GetValue<string>());
    }

    private static TheoryData<string, string, string> MakeWrongTypes()
    {
        const string NoText = """1|true|[]|{}|["x"]|1e999999|-99999999999999999999""";
        const string NoId = """1|""|"x"|[]|{}|"01890000-0000-7000-8000-00000000000g"|"{01890000-0000-7000-8000-000000000001}"|"018900000000700080000000000000001" """;
        const string NoInstant = """1|true|[]|{}|"now"|1e999999|-1""";
        const string NoWhole = """ "5"|1.5|1e999999|-1|0|99999999999999999999|true|[]|{}""";
        const string NoFlag = """ "true"|1|0|[]|{}|"on" """;
        var data = new TheoryData<string, string, string>();
        foreach (var member in new[] { "to", "body", "category" })
            data.Add("/messages", member, NoText);
        data.Add("/messages", "category", """ "sms"|"OTP"|" otp"|"otp\n"|"" """);
        foreach (var member in new[] { "customerId", "templateId" })
            data.Add("/messages", member, NoId);
        foreach (var member in new[] { "sendAt", "validUntil" })
            data.Add("/messages", member, NoInstant);
        data.Add("/messages", "variables", """1|"x"|[]|{"a":1}|{"a":null}|{"a":{}}|[{}]""");
        data.Add("/messages", "metadata", """1|"x"|[]|true|[{}]|1e999999""");
        foreach (var member in new[] { "phone", "name", "timezone", "postalCode" })
            data.Add("/customers", member, NoText);
        data.Add("/customers", "phone", """null|""|"x" """);
        data.Add("/customers", "timezone", """ "Mars/Olympus"|""|"\u00e9"|"America/new york"|"EST5EDT4,M3" """);
        data.Add("/customers", "name", $"\"{new string('n', 201)}\"");
        data.Add("/customers", "postalCode", $"\"{new string('1', 21)}\"");
        data.Add("/customers", "smsConsent",
            """1|"opted_in"|[]|{"status":1}|{"status":"yes"}|{"status":"OPTED_IN"}|{"status":"under_review"}|{"method":"guess"}|{"method":1}|{"at":1}|{"ip":1}|{"notes":[]}""");
        foreach (var path in new[] { "/v1/businesses", "patch" })
        {
            foreach (var member in new[] { "name", "timezone" })
                data.Add(path, member, NoText);
            data.Add(path, "name", $"\"\"|\"{new string('n', 201)}\"");
            data.Add(path, "timezone", """ "Mars/Olympus"|""|"utc0" """);
            data.Add(path, "settings", """1|"x"|[]|true|{"unknown":1}|{"QuietHours":{}}""");
            foreach (var setting in new[] { "dailySegmentLimit", "monthlyMessageLimit", "bodyLimit", "maxAttempts", "maxDailySegments", "maxMonthlyMessages" })
                data.Add(path, "settings", string.Join('|', NoWhole.Split('|', StringSplitOptions.TrimEntries).Select(v => $"{{\"{setting}\":{v}}}")));
            foreach (var setting in new[] { "requireConsent", "paused" })
                data.Add(path, "settings", string.Join('|', NoFlag.Split('|', StringSplitOptions.TrimEntries).Select(v => $"{{\"{setting}\":{v}}}")));
            data.Add(path, "settings", """{"segmentsPerSecond":0}|{"segmentsPerSecond":-1}|{"segmentsPerSecond":"1"}|{"segmentsPerSecond":1e999999}|{"segmentsPerSecond":1001}|{"segmentsPerSecond":1e-320}|{"segmentsPerSecond":0.0009}|{"segmentsPerSecond":[]}""");
            data.Add(path, "settings", """{"quietHoursPolicy":"none"}|{"quietHoursPolicy":1}|{"optOutFooter":"never"}|{"optOutFooter":1}|{"region":"us"}|{"region":"USA"}|{"region":"US\n"}|{"region":1}""");
            data.Add(path, "settings", """{"sender":1}|{"sender":{}}|{"sender":{"from":1}}|{"sender":{"from":"x"}}|{"sender":{"from":"+15125550000\n"}}|{"sender":{"messagingServiceSid":"MG00000000000000000000000000000000\n"}}|{"sender":{"messagingServiceSid":"MG1"}}|{"sender":{"from":"+15125550000","messagingServiceSid":"MG00000000000000000000000000000000"}}""");
            data.Add(path, "settings", """{"allowedSenders":1}|{"allowedSenders":{"from":"+15125550000"}}|{"allowedSenders":[null]}|{"allowedSenders":["+15125550000"]}|{"allowedSenders":[{"from":"x"}]}|{"allowedSenders":[{}]}""");
            data.Add(path, "settings", """{"allowedCountries":"US"}|{"allowedCountries":[]}|{"allowedCountries":["us"]}|{"allowedCountries":["USA"]}|{"allowedCountries":[1]}|{"allowedCountries":{}}|{"defaultCategory":"OTP"}|{"defaultCategory":1}|{"maxSegmentsPerSecond":0}|{"maxSegmentsPerSecond":"1"}""");
            data.Add(path, "settings", string.Join('|', BadWindows.Split('|', StringSplitOptions.TrimEntries).Select(w => $"{{\"quietHours\":{w}}}")));
        }

        data.Add("/v1/preview/segments", "body", NoText);
        data.Add("/v1/preview/segments", "body", "null");
        data.Add("/v1/preview/segments", "smartEncoding", NoFlag);
        foreach (var member in new[] { "phone", "at" })
            data.Add("/v1/preview/quiet-hours", member, NoText);
        data.Add("/v1/preview/quiet-hours", "timezone", NoText);
        data.Add("/v1/preview/quiet-hours", "timezone", """ "Mars/Olympus"|""|null|"../etc/passwd" """);
        data.Add("/v1/preview/quiet-hours", "timezones", """1|"UTC"|{}|[]|[1]|["UTC"]|null,"timezone":null""");
        data.Add("/v1/preview/quiet-hours", "windows", BadWindows);
        return data;
    }

    private const string BadWindows =
        """
        1|"08:00"|[]|{"mon":1}|{"mon":"08:00"}|{"mon":[]}|{"mon":["08:00"]}|{"mon":["08:00","21:00","22:00"]}|{"mon":["8","21"]}|{"mon":["08:00",21]}|{"mon":["08:00","25:00"]}|{"mon":["24:00","08:00"]}|{"mon":["08:60","21:00"]}|{"mon":["08:00","24:01"]}|{"mon":["-1:00","21:00"]}|{"mon":[null,null]}|{"monday":["08:00","21:00"]}|{"Mon":["08:00","21:00"]}|{"mon":["08:00:00","21:00:00"]}|{"mon":[" 08:00","21:00"]}|{"mon":["٠٨:٠٠","21:00"]}
        """;

    private static void AssertRefused(Reply reply, string what, bool mayPass = false)
    {
        Assert.True(reply.Status is >= 400 and < 500 || (mayPass && reply.Status == 200), $"{what} was answered {reply.Status}:\n{reply.Text}");
        if (reply.Status >= 400)
            Assert.True(reply.Code is { Length: > 0 }, $"{what} has no code: {reply.Text}");
    }

    private static void AssertNoFault(Reply reply, string what) =>
        Assert.True(reply.Status < 500, $"{what} was answered {reply.Status}:\n{reply.Text}");

    private static async Task<int> RawPostAsync(RunningApi api, TestBusiness business, string header)
    {
        var (status, _) = await RawAsync(
            api, $"POST {business.Path}/messages", $"Authorization: Bearer {business.Key}\r\nContent-Type: application/json\r\nContent-Length: {ValidSend.Length}\r\n{header}", ValidSend);
        return status;
    }

    /// <summary>On the wire by hand: what a client library would put right stays as it is.</summary>
    private static async Task<(int Status, string Text)> RawAsync(RunningApi api, string call, string headers, string body = "")
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"{call} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\r\n{body}"));
        using var reader = new StreamReader(stream);
        var text = await reader.ReadToEndAsync();
        return (int.Parse(text.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), text);
    }

    /// <summary>A stream that does not know its length, so that the client sends it in chunks.</summary>
    private sealed class UnsizedStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
