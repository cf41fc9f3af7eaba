using System.Diagnostics;
using System.Net;
using System.Text;

namespace Sms.Integration.Tests.Api;

/// <summary>What a request costs grows with its length and no faster, however deep or wide it is.</summary>
public class CostTests(SharedSilo shared)
{
    /// <summary>Nearly as long as a request may be, and a quarter of it.</summary>
    private const int Long = 1_000_000, Short = Long / 4;

    /// <summary>
    /// A call; how its body begins, what is repeated, how it ends. An apostrophe stands for a quotation mark, § for a
    /// number that grows; what follows | is repeated behind, to close what was opened.
    /// </summary>
    public static TheoryData<string, string, string, string> Requests { get; } = new()
    {
        // Deep.
        { "POST {b}/messages/batch", "{'messages':[", "[|]", "]}" },
        { "POST {b}/messages/batch", "{'messages':[", "{'a':|}", "]}" },
        { "POST {b}/messages/batch", "{'messages':", "[|]", "}" },
        { "POST {b}/messages/batch", "{'messages':[],'other':", "[|]", "}" },
        { "POST {b}/messages/batch", "{'messages':[{'metadata':", "[|]", "}]}" },
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi','metadata':", "{'a':|}", "}" },
        { "PATCH {b}", "{'settings':", "[|]", "}" },
        // As deep as is read, and as wide as fits.
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi','metadata':{'a':" + Open + "0", ",1", Close + "}}" },
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi','metadata':{'a':[0", "," + Open + Close, "]}}" },
        { "POST {b}/messages/batch", "{'messages':[{'metadata':{'a':[0", "," + Open + Close, "]}}]}" },
        // Wide.
        { "POST {b}/messages/batch", "{'messages':[0", ",0", "]}" },
        { "POST {b}/messages/batch", "{'messages':[{}", ",{}", "]}" },
        { "POST {b}/messages/batch", "{'messages':[]", ",'§':0", "}" },
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi','metadata':{'a':0", ",'§':0", "}}" },
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi','metadata':{'a':0", ",'\\u0061§':{}", "}}" },
        { "POST {b}/messages", "{'to':'+15125550000','templateId':'01890000-0000-7000-8000-000000000001','variables':{'a':'b'", ",'§':'b'", "}}" },
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi'", ",'§':0", "}" },
        { "PATCH {b}", "{'settings':{'bodyLimit':0", ",'§':0", "}}" },
        { "PATCH {b}", "{'settings':{'quietHours':{'mon':['08:00','21:00']", ",'§':[]", "}}}" },
        { "PATCH {b}", "{'settings':{'sender':{'from':'+15125550000'", ",'§':0", "}}}" },
        { "POST /v1/preview/quiet-hours", "{'timezone':'UTC','windows':{'mon':['08:00','21:00']", ",'§':['08:00','21:00']", "}}" },
        { "POST /v1/preview/quiet-hours", "{'timezones':['UTC'", ",'UTC'", "]}" },
        // Texts.
        { "POST /v1/preview/segments", "{'body':'", "a", "'}" },
        { "POST /v1/preview/segments", "{'body':'", "\\u0061", "'}" },
        { "POST /v1/preview/segments", "{'body':'a", "\u0301", "'}" },
        { "POST /v1/preview/segments", "{'body':'👩", "\u200d👩", "'}" },
        { "POST /v1/preview/segments", "{'body':'", "🇩", "'}" },
        { "POST /v1/preview/segments", "{'smartEncoding':true,'body':'", "“\\u2026", "'}" },
        { "POST {b}/messages", "{'body':'Hi','to':'", "1-", "'}" },
        { "POST {b}/messages", "{'to':'+15125550000','body':'Hi','sendAt':'", "2026-", "'}" },
        { "POST {b}/customers", "{'phone':'+15125550000','name':'", "\\ud83d\\ude00", "'}" },
        { "POST {b}/customers", "{'phone':'+15125550000','timezone':'", "America/", "'}" },
        { "POST {b}/customers", "{'phone':'+15125550000','postalCode':'", "1-", "'}" },
        { "PATCH {b}", "{'settings':{'region':'", "U", "'}}" },
        { "PATCH {b}", "{'settings':{'helpText':'", "{{", "'}}" },
        { "PUT {b}/opt-outs/+15125550000", "{'reason':'", "\\n", "'}" },
        // No JSON at all.
        { "POST {b}/messages", "", "[", "" },
        { "POST {b}/messages", "", "{'a':", "" },
        { "POST {b}/messages", "{'a':'", "\\", "" },
        { "POST {b}/messages", "", "\n", "" },
    };

    private const string Open = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", Close = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Four_times_the_length_costs_four_times_the_time(string call, string before, string repeated, string after)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        // Warm, and in turns: the machine is not ours alone.
        var (shorter, longer) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        await TakesAsync(Short / 100);
        for (var n = 0; n < 6 && longer > TimeSpan.FromMilliseconds(250); n++)
        {
            shorter = Least(shorter, await TakesAsync(Short));
            longer = Least(longer, await TakesAsync(Long));
        }

        Assert.True(
            longer < Greatest(8 * shorter, TimeSpan.FromMilliseconds(250)) && longer < TimeSpan.FromSeconds(5),
            $"{call} {before}{repeated}…: {shorter.TotalMilliseconds:F0} ms, and four times as long {longer.TotalMilliseconds:F0} ms");

        async Task<TimeSpan> TakesAsync(int length)
        {
            var (method, path) = (call.Split(' ')[0], call.Split(' ')[1].Replace("{b}", business.Path, StringComparison.Ordinal));
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(Body(before, repeated, after, length)));
            content.Headers.ContentType = new("application/json");
            var started = Stopwatch.GetTimestamp();
            var reply = await api.Client.SendAsync(new HttpMethod(method), path, content, business.Key);
            var took = Stopwatch.GetElapsedTime(started);
            Assert.True(reply.Status < 500 && reply.Status != (int)HttpStatusCode.TooManyRequests, $"{call} was answered {reply.Status}: {reply.Text}");
            return took;
        }
    }

    [Theory]
    [InlineData("&")]
    [InlineData("a&")]
    [InlineData("a=1&")]
    [InlineData("%61=%")]
    [InlineData("=")]
    public async Task A_forged_webhook_costs_little(string repeated)
    {
        var api = await shared.GetAsync();
        var twilio = new Webhooks(api);
        // Beside a little one at the same time: other tests run too.
        var (best, little) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (var n = 0; n < 5; n++)
        {
            little = Least(little, await TakesAsync("Body=Hi", 403));
            best = Least(best, await TakesAsync(Body("", repeated, "", Long), 413));
        }

        Assert.InRange(best, TimeSpan.Zero, Greatest(TimeSpan.FromMilliseconds(100), 20 * little));

        async Task<TimeSpan> TakesAsync(string form, int status)
        {
            var started = Stopwatch.GetTimestamp();
            var reply = await twilio.PostRawAsync("/webhooks/twilio/inbound", Encoding.ASCII.GetBytes(form), "application/x-www-form-urlencoded", ("not", "this"));
            Assert.Equal(status, reply.Status);
            return Stopwatch.GetElapsedTime(started);
        }
    }

    [Fact]
    public async Task A_nested_entry_is_refused_alone_and_at_once()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        string Good() => $$"""{"to":"{{api.NewNumber()}}","body":"Hi","category":"transactional"}""";
        var deep = new string('[', 400_000) + new string(']', 400_000);
        var started = Stopwatch.GetTimestamp();
        var reply = await business.PostAsync("/messages/batch", $$"""{"messages":[{{Good()}},{{deep}},{{Good()}}]}""");
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal([null, "malformed_json", null], reply.Json!["results"]!.AsArray().Select(r => r!["problem"]?["code"]?.GetValue<string>()));
    }

    [Fact]
    public async Task A_template_is_filled_no_further_than_a_text_may_be_long()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var template = Guid.NewGuid();
        await api.Database.ExecuteAsync(
            "insert into email_templates (id, business_id, name, body) values ($1, $2, 'Wide', repeat('{{a}}', 2000))", template, business.Id);
        var body = $$"""{"to":"{{api.NewNumber()}}","templateId":"{{template}}","variables":{"a":"{{new string('x', 900_000)}}"},"category":"transactional"}""";
        var started = Stopwatch.GetTimestamp();
        var replies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => business.SendAsync(body)));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.All(replies, r => Assert.Equal((422, "body_too_long"), (r.Status, r.Code)));

        // At the limit, and beyond it by the last letter of the template.
        await api.Database.ExecuteAsync("update email_templates set body = '{{a}}{{a}}!' where id = $1", template);
        object Filled(int length) => new { to = api.NewNumber(), templateId = template, variables = new { a = new string('x', length) }, category = "transactional" };
        Assert.Equal("body_too_long", (await business.SendAsync(Filled(160))).Code);
        Assert.Equal(202, (await business.SendAsync(Filled(159))).Status);
    }

    private static string Body(string before, string repeated, string after, int length)
    {
        var (open, close) = (repeated.Split('|')[0], repeated.Contains('|', StringComparison.Ordinal) ? repeated.Split('|')[1] : "");
        var text = new StringBuilder(before);
        var count = 0;
        for (var size = 0; size < length; count++)
        {
            var piece = open.Replace("§", $"{count:x}", StringComparison.Ordinal);
            text.Append(piece);
            size += Encoding.UTF8.GetByteCount(piece) + close.Length;
        }

        if (close.Length > 0)
            text.Append('1').Append(string.Concat(Enumerable.Repeat(close, count)));
        return text.Append(after).Replace('\'', '"').ToString();
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Greatest(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
