using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.WebUtilities;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Ports;
using Sms.Silo.Twilio;
using Xunit;
using HttpCall = Twilio.Http.Request;
using HttpVerb = Twilio.Http.HttpMethod;

namespace Sms.Integration.Tests.Twilio;

/// <summary>Creates through the package, and the replies that the package alone would get wrong.</summary>
public sealed class PackageCreateTests
{
    private const string Sid = "SM0123456789abcdef0123456789abcdef";
    private const string Message = $$"""{"sid":"{{Sid}}","status":"queued","error_code":null,"date_created":"Mon, 23 Nov 2026 10:00:00 +0000"}""";

    [Theory]
    [InlineData(300, Message)]
    [InlineData(301, Message)]
    [InlineData(302, Message)]
    [InlineData(302, "")]
    [InlineData(304, "")]
    [InlineData(307, "{}")]
    [InlineData(308, "<html></html>")]
    [InlineData(399, Message)]
    [InlineData(500, Message)]
    [InlineData(503, """{"code":21211,"message":"no","status":400}""")]
    [InlineData(599, "")]
    [InlineData(999, Message)]
    public async Task Neither_success_nor_refusal_is_unknown_whatever_the_body_says(int status, string body)
    {
        var (outcome, sent) = await CreateAsync((HttpStatusCode)status, body);

        Assert.Equal(new ProviderOutcome.Unknown($"HTTP {status}"), outcome);
        Assert.Single(sent);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("[" + Message + "]")]
    [InlineData("<html>200 OK</html>")]
    [InlineData("\"" + Sid + "\"")]
    [InlineData("{\"sid\":null}")]
    [InlineData("{\"sid\":{}}")]
    [InlineData("{\"sid\":\"SM0123456789abcdef0123456789abcde\"}")]
    [InlineData("{\"sid\":\"" + Sid + "\\u0000\"}")]
    [InlineData("{\"sid\":\"" + Sid + "\\n\"}")]
    [InlineData("{\"sid\":\"\\ud800\"}")]
    [InlineData("{\"sid\":\"SM0123456789abcdef0123456789ab\\\",\\\"sid\\\":\\\"x\"}")]
    [InlineData("{\"inner\":{\"sid\":\"" + Sid + "\"}}")]
    [InlineData("{\"sid\":\"SM0123456789ab")]
    public async Task A_success_that_names_no_message_is_unknown(string body)
    {
        foreach (var status in new[] { HttpStatusCode.OK, HttpStatusCode.Created, HttpStatusCode.Accepted, HttpStatusCode.NoContent })
            Assert.IsType<ProviderOutcome.Unknown>((await CreateAsync(status, body)).Outcome);
    }

    [Theory]
    [InlineData("""{"error_code":"x","sid":"SID"}""")]
    [InlineData("""{"date_created":"yesterday","sid":"SID"}""")]
    [InlineData("""{"sid":"SID","date_sent":{"a":[1]},"price":[],"subresource_uris":7}""")]
    [InlineData("""{"status":{"sid":"SM00000000000000000000000000000000"},"sid":"SID"}""")]
    [InlineData("""{"from":[{"sid":"SM00000000000000000000000000000000"}],"sid":"SID"}""")]
    [InlineData("""{"status":"teleported","new_field":1e400,"sid":"SID"}""")]
    [InlineData("""{"body":"\ud800 \u0000","sid":"SID"}""")]
    [InlineData("""{"sid":"SID","body":"and then the line was cut""")]
    [InlineData("""{ "sid" : "SID" } <!-- added by a proxy -->""")]
    public async Task An_accepted_text_is_accepted_however_odd_the_rest_of_the_reply(string body)
    {
        var (outcome, _) = await CreateAsync(HttpStatusCode.Created, body.Replace("SID", Sid, StringComparison.Ordinal));

        Assert.Equal(new ProviderOutcome.Accepted(Sid), outcome);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("<html>Too many</html>")]
    [InlineData("""{"code":null,"message":"no","status":429}""")]
    [InlineData("""{"code":"many","message":3}""")]
    [InlineData("""{"code":99999999999,"message":"no"}""")]
    [InlineData("""{"code":1e400,"message":"no"}""")]
    [InlineData("""{"code":-1,"message":"no"}""")]
    [InlineData("""{"code":0,"message":"no"}""")]
    [InlineData("""{"code":{},"message":"no"}""")]
    [InlineData("""{"message":{"text":"no"},"code":21211}""")]
    [InlineData("""{"message":["no"],"code":21211,"title":"Bad","detail":"request"}""")]
    [InlineData("""{"type":"about:blank","title":"Unauthorized","detail":"ask +14155550123","status":401}""")]
    [InlineData("""{"code":21211,"message":"no","details":7}""")]
    [InlineData("""{"code":21211,"message":"no" and then the line was cut""")]
    [InlineData("""{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}""")]
    public async Task A_refusal_that_cannot_be_read_is_judged_by_its_status(string body)
    {
        foreach (var (status, expected) in new[]
        {
            (400, FailureClass.Request), (401, FailureClass.Configuration), (403, FailureClass.Configuration),
            (404, FailureClass.Configuration), (422, FailureClass.Request), (429, FailureClass.Rate),
        })
        {
            var (outcome, _) = await CreateAsync((HttpStatusCode)status, body, retryAfter: "7");
            Assert.Equal(new ProviderOutcome.Refused(expected, status, $"HTTP {status}", Duration.FromSeconds(7)), outcome);
        }
    }

    [Fact]
    public async Task Depth_beyond_what_the_package_reads_changes_nothing()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 5000)) + "1" + new string('}', 5000);

        Assert.IsType<ProviderOutcome.Unknown>((await CreateAsync(HttpStatusCode.Created, deep)).Outcome);
        Assert.Equal(
            new ProviderOutcome.Refused(FailureClass.Request, 400, "HTTP 400", RetryAfter: null),
            (await CreateAsync(HttpStatusCode.BadRequest, deep)).Outcome);
        Assert.Equal(
            new ProviderOutcome.Refused(FailureClass.Request, 400, "HTTP 400", RetryAfter: null),
            (await CreateAsync(HttpStatusCode.BadRequest, $$"""{"details":{"a":{{deep}}},"code":21211}""")).Outcome);
    }

    [Theory]
    [InlineData("""{"code":21211,"message":"Invalid 'To' +14155550123","status":400}""", "Invalid 'To' +1******0123")]
    [InlineData("""{"code":21211}""", "HTTP 400")]
    [InlineData("""{"code":21211,"message":null}""", "HTTP 400")]
    [InlineData("""{"code":21211,"message":" "}""", "HTTP 400")]
    [InlineData("""{"code":21211,"message":"\u0000"}""", "HTTP 400")]
    [InlineData("""{"code":21211,"message":"a\u0000b"}""", "ab")]
    [InlineData("""{"code":21211,"message":"+1415\u00005550123"}""", "+1******0123")]
    [InlineData("""{"code":21211,"message":"half \ud800 a pair"}""", "half � a pair")]
    [InlineData("""{"code":"21211","message":"code as a text"}""", "code as a text")]
    public async Task A_refusals_words_are_fit_to_be_stored(string body, string words)
    {
        var (outcome, _) = await CreateAsync(HttpStatusCode.BadRequest, body);

        Assert.Equal(new ProviderOutcome.Refused(FailureClass.BadNumber, 21211, words, RetryAfter: null), outcome);
    }

    [Fact]
    public void Characters_that_no_database_stores_are_left_out_of_the_providers_words()
    {
        foreach (var (words, kept) in new[]
        {
            ("a\0b", "ab"), ("\0", ""), ("half \ud83d a pair", "half  a pair"), ("\ude00", ""), ("\ud83d\0\ude00", ""),
            ("a whole pair \ud83d\ude00", "a whole pair \ud83d\ude00"),
        })
        {
            Assert.Equal(kept, ProviderWords.WithoutNumbers(words));
        }
    }

    [Fact]
    public void Long_words_are_not_cut_within_a_pair() =>
        Assert.Equal(
            new string('x', ProviderWords.MaxLength - 1),
            ProviderWords.WithoutNumbers(new string('x', ProviderWords.MaxLength - 1) + "😀"));

    [Theory]
    [InlineData(201, "{\"sid\":\"" + Sid + "\",\"body\":\"", typeof(ProviderOutcome.Accepted))]
    [InlineData(201, "{\"body\":\"", typeof(ProviderOutcome.Unknown))]
    [InlineData(400, "{\"code\":21211,\"message\":\"", typeof(ProviderOutcome.Refused))]
    [InlineData(502, "<html>", typeof(ProviderOutcome.Unknown))]
    public async Task Of_a_reply_of_hundreds_of_megabytes_the_beginning_is_read(int status, string start, Type expected)
    {
        await using var rig = await TwilioRig.StartAsync();
        await using var endless = new LongStream(start, 400L * 1024 * 1024);
        using var handler = new CannedReplies(() => new HttpResponseMessage((HttpStatusCode)status) { Content = new StreamContent(endless) });

        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);

        Assert.IsType(expected, outcome);
        Assert.InRange(endless.Given, 1, BoundedBody.MaxBytes);
    }

    [Theory]
    [InlineData(201)]
    [InlineData(400)]
    [InlineData(429)]
    public async Task A_reply_whose_end_does_not_come_is_unknown(int status)
    {
        await using var rig = await TwilioRig.StartAsync();
        await using var cut = new LongStream("{\"code\":21211", long.MaxValue, failsAfter: 13);
        using var handler = new CannedReplies(() => new HttpResponseMessage((HttpStatusCode)status) { Content = new StreamContent(cut) });

        Assert.Equal(
            new ProviderOutcome.Unknown(nameof(IOException)), await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whatever_breaks_below_the_package_is_known_to_have_left_or_not(bool afterItLeft)
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = new BrokenHandler(afterItLeft);

        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);

        Assert.Equal(
            afterItLeft ? new ProviderOutcome.Unknown(nameof(InvalidOperationException)) : new ProviderOutcome.NeverLeft(nameof(InvalidOperationException)),
            outcome);
    }

    [Fact]
    public async Task The_wire_carries_our_headers_and_nothing_of_the_packages()
    {
        var (_, sent) = await CreateAsync(HttpStatusCode.Created, Message);

        var request = Assert.Single(sent);
        Assert.Equal(HttpMethod.Post, request.Method);
        Assert.Equal(
            ["Accept: application/json", "Authorization: Basic", "Content-Type: application/x-www-form-urlencoded"],
            request.Headers.Where(h => h.Key != "Content-Length")
                .Select(h => $"{h.Key}: {h.Value.Split(' ')[0]}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_user_agent_is_ours()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var rig = await TwilioRig.StartAsync(options => options.ApiBaseUrl = receiver.Url);

        await rig.SendAsync();
        await rig.Provider.ListAsync(rig.Request().To, Instant.MinValue, CancellationToken.None);
        await rig.Provider.FetchAsync(Sid, CancellationToken.None);

        Assert.Equal(["sms", "sms", "sms"], receiver.Received.Select(r => r.UserAgent));
    }

    [Theory]
    [InlineData("http://twilio.test", "http://twilio.test")]
    [InlineData("http://twilio.test/", "http://twilio.test")]
    [InlineData("http://twilio.test:8080/a/b", "http://twilio.test:8080/a/b")]
    [InlineData("http://twilio.test/a%20b/", "http://twilio.test/a%20b")]
    public async Task A_base_url_may_have_a_path(string baseUrl, string root)
    {
        var (_, sent) = await CreateAsync(HttpStatusCode.Created, Message, configure: options => options.ApiBaseUrl = new Uri(baseUrl));

        Assert.Equal($"{root}/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json", Assert.Single(sent).Url.AbsoluteUri);
    }

    [Theory]
    [InlineData("https://sms.example.com", "https://sms.example.com")]
    [InlineData("https://sms.example.com:8443/a%2Fb/c%20d/", "https://sms.example.com:8443/a%2Fb/c%20d")]
    [InlineData("http://127.0.0.1:5080/x'y", "http://127.0.0.1:5080/x'y")]
    public async Task The_status_callback_goes_byte_for_byte(string publicUrl, string root)
    {
        await using var rig = await TwilioRig.StartAsync(options => options.PublicUrl = new Uri(publicUrl));
        using var handler = CannedReplies.Of(HttpStatusCode.Created, Message);
        var request = rig.Request();

        await rig.ProviderOver(handler).CreateAsync(request, CancellationToken.None);

        var raw = handler.Requests[0].Body.Split('&').Single(pair => pair.StartsWith("StatusCallback=", StringComparison.Ordinal));
        Assert.Equal($"StatusCallback={Uri.EscapeDataString($"{root}/webhooks/twilio/status?attempt={request.AttemptId:D}#rc=5&rp=all")}", raw);
    }

    [Fact]
    public async Task Any_text_is_escaped_as_before()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = CannedReplies.Of(HttpStatusCode.Created, Message);
        foreach (var (text, escaped) in new[]
        {
            ("", ""), ("plain", "plain"), ("a b+c&d=e%", "a%20b%2Bc%26d%3De%25"), ("-_.~'()*!", "-_.~%27%28%29%2A%21"), ("\r\n\t", "%0D%0A%09"),
            ("é 😀", "%C3%A9%20%F0%9F%98%80"), ("half \ud83d a pair", "half%20%EF%BF%BD%20a%20pair"),
        })
        {
            await rig.ProviderOver(handler).CreateAsync(rig.Request(body: text), CancellationToken.None);
            Assert.Contains($"Body={escaped}", handler.Requests[^1].Body.Split('&'));
        }
    }

    [Fact]
    public void The_longest_text_of_the_longest_characters_is_escaped()
    {
        var text = new string('☂', 1600);

        var form = Form.Write([new("Body", text), new("To", "+1")]);

        Assert.Equal($"Body={Uri.EscapeDataString(text)}&To=%2B1", System.Text.Encoding.ASCII.GetString(form));
    }

    [Theory]
    [InlineData("de-DE")]
    [InlineData("ar-SA")]
    [InlineData("fa-IR")]
    [InlineData("sv-SE")]
    [InlineData("th-TH")]
    [InlineData("tr-TR")]
    public async Task The_culture_of_the_machine_changes_no_byte(string culture)
    {
        var own = CultureInfo.CurrentCulture;
        await using var rig = await TwilioRig.StartAsync();
        using var handler = CannedReplies.Of(HttpStatusCode.Created, Message);
        var request = rig.Request(validity: Duration.FromSeconds(12_345), body: "1,5 İı");
        try
        {
            await rig.ProviderOver(handler).CreateAsync(request, CancellationToken.None);
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            await rig.ProviderOver(handler).CreateAsync(request, CancellationToken.None);
        }
        finally
        {
            CultureInfo.CurrentCulture = own;
        }

        Assert.Equal(handler.Requests[0].Body, handler.Requests[1].Body);
        Assert.Equal("12345", QueryHelpers.ParseQuery(handler.Requests[1].Body)["ValidityPeriod"].ToString());
    }

    [Fact]
    public async Task Logs_never_hold_the_account_whatever_fails()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var before = new BrokenHandler(afterItLeft: false);
        using var after = new BrokenHandler(afterItLeft: true);
        using var odd = CannedReplies.Of(HttpStatusCode.BadRequest, $"account {rig.Options.AccountSid} is odd");
        var reasons = new List<string>();
        foreach (var handler in new HttpMessageHandler[] { before, after, odd })
        {
            var provider = rig.ProviderOver(handler);
            reasons.Add((await provider.CreateAsync(rig.Request(), CancellationToken.None)).ToString());
            reasons.Add((await provider.ListAsync(rig.Request().To, Instant.MinValue, CancellationToken.None)).ToString());
            reasons.Add((await provider.FetchAsync(Sid, CancellationToken.None)).ToString());
        }

        foreach (var text in reasons.Append(rig.Logs.Everything))
        {
            Assert.DoesNotContain(rig.Options.AccountSid!, text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(rig.Options.AuthToken!, text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Messages", text.Replace("Messages = ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_exchange_keeps_no_request_and_never_blocks_a_thread()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = CannedReplies.Of(HttpStatusCode.Created, Message);
        using var http = new HttpClient(handler);
        await using var departure = new Departure(rig.Time, rig.Request().LeaveBy, rig.Options.Timeout, CancellationToken.None);
        var exchange = new CreateExchange(new TwilioAccount(http, rig.Options), departure);
        var request = new HttpCall(HttpVerb.Post, global::Twilio.Rest.Domain.Api, "/", postParams: [new("Body", "x")]);

        Assert.Throws<NotSupportedException>(() => exchange.MakeRequest(request));
        Assert.Empty(handler.Requests);
        await exchange.MakeRequestAsync(request);

        Assert.Equal((null, null, HttpStatusCode.Created), (exchange.LastRequest, exchange.LastResponse, exchange.Status));
        // It leaves once, and a second reply that never came leaves no status behind.
        await Assert.ThrowsAsync<HttpRequestException>(() => exchange.MakeRequestAsync(request));
        Assert.Null(exchange.Status);
    }

    [Fact]
    public async Task Calls_at_once_never_see_each_others_reply()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var handler = new EchoHandler();
        var provider = rig.ProviderOver(handler);
        var requests = Enumerable.Range(0, 1000).Select(_ => rig.Request()).ToList();

        var outcomes = await Task.WhenAll(requests.Select(request => Task.Run(() => provider.CreateAsync(request, CancellationToken.None))));

        Assert.Equal(requests.Select(request => new ProviderOutcome.Accepted($"SM{request.AttemptId:N}")), outcomes);
    }

    private static async Task<(ProviderOutcome Outcome, List<CannedReplies.Wire> Sent)> CreateAsync(
        HttpStatusCode status, string body, string? retryAfter = null, Action<TwilioOptions>? configure = null)
    {
        await using var rig = await TwilioRig.StartAsync(configure);
        using var handler = new CannedReplies(() =>
        {
            var reply = CannedReplies.Reply(status, body);
            if (retryAfter is not null)
                reply.Headers.RetryAfter = RetryConditionHeaderValue.Parse(retryAfter);
            return reply;
        });
        var outcome = await rig.ProviderOver(handler).CreateAsync(rig.Request(), CancellationToken.None);
        return (outcome, handler.Requests);
    }

    /// <summary>Makes the SID of the attempt that the callback's URL names.</summary>
    private sealed class EchoHandler : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var form = QueryHelpers.ParseQuery(await request.Content!.ReadAsStringAsync(cancellationToken));
            await Task.Yield();
            var attempt = QueryHelpers.ParseQuery(new Uri(form["StatusCallback"].ToString()).Query)["attempt"].ToString();
            return CannedReplies.Reply(HttpStatusCode.Created, $$"""{"sid":"SM{{Guid.Parse(attempt):N}}"}""");
        }
    }

    /// <summary>Fails as nothing that speaks HTTP should, before or after the body was written.</summary>
    private sealed class BrokenHandler(bool afterItLeft) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (afterItLeft && request.Content is { } content)
                await content.CopyToAsync(Stream.Null, cancellationToken);
            throw new InvalidOperationException($"The handler broke at {request.RequestUri}.");
        }
    }

    /// <summary>Begins with a text and goes on with x, to its length or to a fault.</summary>
    private sealed class LongStream(string start, long length, long failsAfter = long.MaxValue) : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => Given; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (Given >= failsAfter)
                throw new IOException("The line was cut.");
            var given = (int)Math.Min(count, Math.Min(length, failsAfter) - Given);
            for (var n = 0; n < given; n++, Given++)
                buffer[offset + n] = Given < start.Length ? (byte)start[(int)Given] : (byte)'x';
            return given;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
