using System.Net;
using NodaTime;
using Sms.Domain.Phones;
using Sms.Ports;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

/// <summary>Look-ups through the package. A message that passes for absent is sent again, so no odd reply may pass for an absence.</summary>
public sealed class PackageLookupTests
{
    private const string Sid = "SM0123456789abcdef0123456789abcdef";
    private const string Other = "SMfedcba9876543210fedcba9876543210";
    private const string Root = "http://twilio.test/2010-04-01/Accounts/AC00000000000000000000000000000001";
    private const string Message =
        $$"""{"sid":"{{Sid}}","to":"+14155550123","from":"+15005550006","messaging_service_sid":null,"body":"Hi","status":"sent","error_code":null,"date_created":"Mon, 23 Nov 2026 10:00:00 +0000"}""";

    private static readonly PhoneNumber Recipient = PhoneNumber.FromE164(TwilioRig.Recipient);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("<html>200 OK</html>")]
    [InlineData("""{"messages":null,"uri":"/2010-04-01/x.json","next_page_uri":null}""")]
    [InlineData("""{"uri":"/2010-04-01/x.json","next_page_uri":null}""")]
    [InlineData("""{"messages":{},"next_page_uri":null}""")]
    [InlineData("""{"messages":"none","next_page_uri":null}""")]
    [InlineData("""{"messages":[null],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[7],"next_page_uri":null}""")]
    [InlineData("""{"messages":[[]],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"sid":null,"to":"+14155550123"}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"sid":7,"to":"+14155550123"}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"sid":"SM01","to":"+14155550123"}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"sid":"SM0123456789abcdef0123456789abcdef\u0000","to":"+14155550123"}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"sid":"SM0123456789abcdef0123456789abcdef","to":14155550123,"body":"Hi"}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"sid":"SM0123456789abcdef0123456789abcdef","body":{}}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[{"status":{"sid":"SM0123456789abcdef0123456789abcdef"}}],"next_page_uri":null}""")]
    [InlineData("""{"messages":[],"next_page_uri":{}}""")]
    [InlineData("""{"messages":[],"next_page_uri":null""")]
    [InlineData("""{"messages":[]""")]
    public async Task A_page_that_cannot_be_read_whole_is_no_absence(string body)
    {
        Assert.IsType<LookupOutcome.Failed>((await ListAsync(body)).Outcome);
    }

    [Theory]
    [InlineData(201)]
    [InlineData(202)]
    [InlineData(204)]
    [InlineData(302)]
    [InlineData(304)]
    [InlineData(399)]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task A_list_that_is_not_answered_with_200_is_no_absence(int status)
    {
        using var empty = CannedReplies.Of((HttpStatusCode)status, """{"messages":[],"uri":"/2010-04-01/x.json","next_page_uri":null}""");

        Assert.Equal(new LookupOutcome.Failed($"HTTP {status}"), await ListAsync(empty));
    }

    [Fact]
    public async Task An_empty_page_is_an_absence()
    {
        Assert.Empty(Assert.IsType<LookupOutcome.Answered>((await ListAsync("""{"messages":[],"next_page_uri":null}""")).Outcome).Messages);
        Assert.Empty(Assert.IsType<LookupOutcome.Answered>((await ListAsync("""{"messages":[],"next_page_uri":""}""")).Outcome).Messages);
    }

    [Fact]
    public async Task A_page_without_an_address_of_its_own_has_a_next_page_all_the_same()
    {
        using var pages = new CannedReplies(
            () => CannedReplies.Reply(HttpStatusCode.OK, $$"""{"messages":[],"next_page_uri":"/2010-04-01/next.json?Page=1&PageToken=PA%2B1"}"""),
            () => CannedReplies.Reply(HttpStatusCode.OK, $$"""{"messages":[{{Message}}],"next_page_uri":null}"""));

        var found = Assert.IsType<LookupOutcome.Answered>(await ListAsync(pages)).Messages;

        Assert.Equal(Sid, Assert.Single(found).Sid);
        Assert.Equal(
            [$"{Root}/Messages.json?To=%2B14155550123&PageSize=100", "http://twilio.test/2010-04-01/next.json?Page=1&PageToken=PA%2B1"],
            pages.Requests.Select(r => r.Url.AbsoluteUri));
        Assert.All(pages.Requests, r => Assert.Equal((HttpMethod.Get, ""), (r.Method, r.Body)));
    }

    [Theory]
    [InlineData("@evil.example/x")]
    [InlineData("//evil.example/x")]
    [InlineData("https://evil.example/x")]
    [InlineData(".evil.example/x")]
    [InlineData(":80@evil.example/x")]
    [InlineData("x")]
    [InlineData(" /x")]
    public async Task A_next_page_elsewhere_is_not_asked_for(string next)
    {
        using var pages = CannedReplies.Of(HttpStatusCode.OK, $$"""{"messages":[],"next_page_uri":"{{next}}"}""");

        Assert.Equal(new LookupOutcome.Failed("a next page elsewhere"), await ListAsync(pages));
        Assert.Single(pages.Requests);
    }

    [Theory]
    [InlineData("/\\\\evil.example/x")]
    [InlineData("/\\\\\\\\evil.example/x")]
    [InlineData("/@evil.example/x")]
    [InlineData("/../../evil.example")]
    [InlineData("/x#@evil.example")]
    [InlineData("/\\u0000")]
    [InlineData("/\\n")]
    [InlineData("/%")]
    public async Task An_odd_next_page_never_leads_to_another_host(string next)
    {
        using var pages = CannedReplies.Of(HttpStatusCode.OK, $$"""{"messages":[],"next_page_uri":"{{next}}"}""");

        Assert.IsType<LookupOutcome.Failed>(await ListAsync(pages));
        Assert.All(pages.Requests, r => Assert.Equal("twilio.test", r.Url.Authority));
    }

    [Fact]
    public async Task A_list_without_an_end_is_no_absence()
    {
        using var pages = CannedReplies.Of(HttpStatusCode.OK, $$"""{"messages":[{{Message}}],"next_page_uri":"/again"}""");

        Assert.Equal(new LookupOutcome.Failed("more than 50 pages"), await ListAsync(pages));
        Assert.Equal(50, pages.Requests.Count);
    }

    [Fact]
    public async Task A_page_longer_than_its_bound_is_no_absence()
    {
        var long3Mb = $$"""{"messages":[],"next_page_uri":null,"filler":"{{new string('x', 3 * 1024 * 1024)}}"}""";

        Assert.IsType<LookupOutcome.Failed>((await ListAsync(long3Mb)).Outcome);
        Assert.IsType<LookupOutcome.Failed>(await FetchAsync(HttpStatusCode.OK, Message.Replace("Hi", new string('x', 3 * 1024 * 1024), StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("""{"sid":"SID","to":"+14155550123","body":"Hi","date_created":"yesterday"}""")]
    [InlineData("""{"sid":"SID","to":"+14155550123","body":"Hi","date_created":null,"price":{},"num_segments":[]}""")]
    [InlineData("""{"sid":"SID","to":"+14155550123","body":"Hi","subresource_uris":7,"date_sent":"x","new":1e400}""")]
    public async Task An_odd_field_hides_no_message_of_a_list(string message)
    {
        var (outcome, _) = await ListAsync($$"""{"messages":[{{message.Replace("SID", Sid, StringComparison.Ordinal)}}],"next_page_uri":null}""");

        var found = Assert.Single(Assert.IsType<LookupOutcome.Answered>(outcome).Messages);
        Assert.Equal((Sid, "+14155550123", "Hi", null), (found.Sid, found.To, found.Body, found.CreatedAt));
    }

    [Theory]
    [InlineData("2026-11-29T10:00:00Z")]
    [InlineData("/Date(1234567890000)/")]
    [InlineData("12345")]
    [InlineData("+1")]
    public async Task A_text_that_looks_like_something_else_comes_back_as_it_was(string text)
    {
        var message = Message.Replace("Hi", text, StringComparison.Ordinal);

        var listed = Assert.IsType<LookupOutcome.Answered>((await ListAsync($$"""{"messages":[{{message}}],"next_page_uri":null}""")).Outcome).Messages;
        var fetched = Assert.IsType<LookupOutcome.Answered>(await FetchAsync(HttpStatusCode.OK, message)).Messages;

        Assert.Equal((text, text), (listed[0].Body, fetched[0].Body));
        Assert.Equal(listed[0], fetched[0]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("<html></html>")]
    [InlineData("""{"sid":null}""")]
    [InlineData($$"""{"sid":"{{Other}}","status":"delivered"}""")]
    [InlineData($$"""{"sid":"{{Sid}}","status":"delivered","error_code":"x"}""")]
    [InlineData($$"""{"sid":"{{Sid}}","status":"delivered","date_sent":"yesterday"}""")]
    [InlineData($$"""{"sid":"{{Sid}}","status":"deliv""")]
    public async Task A_message_that_cannot_be_read_is_no_answer(string body)
    {
        Assert.IsType<LookupOutcome.Failed>(await FetchAsync(HttpStatusCode.OK, body));
    }

    [Theory]
    [InlineData(201)]
    [InlineData(204)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task A_message_that_is_not_answered_with_200_is_no_answer(int status)
    {
        Assert.Equal(new LookupOutcome.Failed($"HTTP {status}"), await FetchAsync((HttpStatusCode)status, Message));
        Assert.Equal(new LookupOutcome.Failed($"HTTP {status}"), await FetchAsync((HttpStatusCode)status, """{"code":20404,"status":404}"""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("""{"code":20404,"message":"not found","status":404}""")]
    [InlineData("""{"code":20404,"message":{}}""")]
    [InlineData("<html></html>")]
    public async Task A_message_that_is_not_there_is_no_failure(string body) =>
        Assert.Empty(Assert.IsType<LookupOutcome.Answered>(await FetchAsync(HttpStatusCode.NotFound, body)).Messages);

    [Theory]
    [InlineData("http://twilio.test")]
    [InlineData("http://twilio.test/a/b/")]
    [InlineData("http://twilio.test:8080/a%20b")]
    public async Task Every_look_up_goes_below_the_base_url(string baseUrl)
    {
        var root = baseUrl.TrimEnd('/');
        await using var rig = await TwilioRig.StartAsync(options => options.ApiBaseUrl = new Uri(baseUrl));
        using var handler = new CannedReplies(
            () => CannedReplies.Reply(HttpStatusCode.OK, """{"messages":[],"next_page_uri":"/2010-04-01/next"}"""),
            () => CannedReplies.Reply(HttpStatusCode.OK, """{"messages":[],"next_page_uri":null}"""),
            () => CannedReplies.Reply(HttpStatusCode.OK, Message));
        var provider = rig.ProviderOver(handler);

        await provider.ListAsync(Recipient, Instant.MinValue, CancellationToken.None);
        await provider.FetchAsync("SM/../?x=%", CancellationToken.None);

        Assert.Equal(
            [
                $"{root}/2010-04-01/Accounts/{rig.Options.AccountSid}/Messages.json?To=%2B14155550123&PageSize=100",
                $"{root}/2010-04-01/next",
                $"{root}/2010-04-01/Accounts/{rig.Options.AccountSid}/Messages/SM%2F..%2F%3Fx%3D%25.json",
            ],
            handler.Requests.Select(r => r.Url.AbsoluteUri));
    }

    [Fact]
    public async Task A_look_up_ends_with_its_caller_and_throws_nothing()
    {
        await using var rig = await TwilioRig.StartAsync();
        using var caller = new CancellationTokenSource();
        await caller.CancelAsync();

        Assert.IsType<LookupOutcome.Failed>(await rig.Provider.ListAsync(Recipient, Instant.MinValue, caller.Token));
        Assert.IsType<LookupOutcome.Failed>(await rig.Provider.FetchAsync(Sid, caller.Token));
    }

    [Fact]
    public async Task Without_credentials_nothing_is_looked_up()
    {
        await using var rig = await TwilioRig.StartAsync(options => options.AccountSid = null);

        Assert.Equal(new LookupOutcome.Failed("no credentials"), await rig.Provider.ListAsync(Recipient, Instant.MinValue, CancellationToken.None));
        Assert.Equal(new LookupOutcome.Failed("no credentials"), await rig.Provider.FetchAsync(Sid, CancellationToken.None));
        Assert.Equal(0, rig.Simulator.Ledger.Lookups);
    }

    private static async Task<(LookupOutcome Outcome, List<CannedReplies.Wire> Sent)> ListAsync(string body)
    {
        using var replies = CannedReplies.Of(HttpStatusCode.OK, body);
        return (await ListAsync(replies), replies.Requests);
    }

    private static async Task<LookupOutcome> ListAsync(HttpMessageHandler handler)
    {
        await using var rig = await TwilioRig.StartAsync(options => options.ApiBaseUrl = new Uri("http://twilio.test"));
        return await rig.ProviderOver(handler).ListAsync(Recipient, Instant.MinValue, CancellationToken.None);
    }

    private static async Task<LookupOutcome> FetchAsync(HttpStatusCode status, string body)
    {
        await using var rig = await TwilioRig.StartAsync();
        using var replies = CannedReplies.Of(status, body);
        return await rig.ProviderOver(replies).FetchAsync(Sid, CancellationToken.None);
    }
}
