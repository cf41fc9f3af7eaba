using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

public sealed class SimulatorTests : IAsyncLifetime
{
    private static readonly TwilioSimulatorOptions Account = new();
    private static readonly string Messages = $"/2010-04-01/Accounts/{Account.AccountSid}/Messages";
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero));
    private readonly HttpClient http = new();
    private TwilioSimulator? started;

    private TwilioSimulator Simulator => started!;

    public async ValueTask InitializeAsync()
    {
        started = await TwilioSimulator.StartAsync(Account, time, TestContext.Current.CancellationToken);
        http.BaseAddress = started.BaseUrl;
        http.DefaultRequestHeaders.Authorization = Basic(Account.AccountSid, Account.AuthToken);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await Simulator.DisposeAsync();
    }

    [Fact]
    public async Task A_reply_has_twilios_fields()
    {
        using var response = await CreateAsync("+14155550123", "Hi");
        var reply = await ReadAsync(response);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Matches("^SM[0-9a-f]{32}$", reply.GetProperty("sid").GetString());
        Assert.Equal("queued", reply.GetProperty("status").GetString());
        Assert.Equal("1", reply.GetProperty("num_segments").GetString());
        Assert.Equal("Mon, 23 Nov 2026 10:00:00 +0000", reply.GetProperty("date_created").GetString());
        Assert.Equal(JsonValueKind.Null, reply.GetProperty("date_sent").ValueKind);
        Assert.Equal(JsonValueKind.Null, reply.GetProperty("price").ValueKind);
        Assert.Equal("outbound-api", reply.GetProperty("direction").GetString());
        Assert.Equal(Account.AccountSid, reply.GetProperty("account_sid").GetString());
    }

    [Theory]
    [InlineData("From=%2B15005550006&Body=x", 21604)]
    [InlineData("To=nobody", 21211)]
    [InlineData("To=%2B14155550123", 21603)]
    [InlineData("To=%2B14155550123&From=%2B15005550006", 21602)]
    [InlineData("To=%2B14155550123&From=%2B15005550006&Body=x&ValidityPeriod=abc", 21624)]
    [InlineData("To=%2B14155550123&From=%2B15005550006&Body=x&ValidityPeriod=0", 90007)]
    [InlineData("To=%2B14155550123&From=%2B15005550006&Body=x&ValidityPeriod=36001", 90007)]
    [InlineData("To=%2B14155550123&From=not!a!sender&Body=x", 21212)]
    [InlineData("To=%2B14155550123&MessagingServiceSid=MG1&Body=x", 21705)]
    [InlineData("To=%2B14155550123&From=%2B15005550006&Body=x&ScheduleType=fixed", 35118)]
    public async Task What_is_wrong_is_told_in_twilios_shape(string form, int code)
    {
        using var content = new StringContent(form, Encoding.ASCII, "application/x-www-form-urlencoded");
        using var response = await http.PostAsync($"{Messages}.json", content);
        var error = await ReadAsync(response);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal((code, 400), (error.GetProperty("code").GetInt32(), error.GetProperty("status").GetInt32()));
        Assert.EndsWith($"/{code}", error.GetProperty("more_info").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.Empty(Simulator.Ledger.Messages);
    }

    [Theory]
    [InlineData(1600, HttpStatusCode.Created)]
    [InlineData(1601, HttpStatusCode.BadRequest)]
    public async Task Bodies_end_at_1600_characters(int length, HttpStatusCode expected)
    {
        using var response = await CreateAsync("+14155550123", new string('x', length));

        Assert.Equal(expected, response.StatusCode);
    }

    [Fact]
    public async Task Strangers_are_turned_away_and_counted()
    {
        http.DefaultRequestHeaders.Authorization = Basic(Account.AccountSid, "wrong");
        using var stranger = await CreateAsync("+14155550123", "Hi");
        http.DefaultRequestHeaders.Authorization = Basic(Account.AccountSid, Account.AuthToken);
        using var elsewhere = await http.PostAsync($"/2010-04-01/Accounts/AC{new string('f', 32)}/Messages.json", content: null);

        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        Assert.Equal(20003, (await ReadAsync(stranger)).GetProperty("code").GetInt32());
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
        Assert.Equal(20404, (await ReadAsync(elsewhere)).GetProperty("code").GetInt32());
        Assert.Equal((2, 0), (Simulator.Ledger.Requests, Simulator.Ledger.Messages.Count));
    }

    [Fact]
    public async Task Lists_are_newest_first_and_paged_without_gaps_or_repeats()
    {
        foreach (var body in new[] { "1", "2", "3", "4", "5" })
            (await CreateAsync("+14155550123", body)).Dispose();
        (await CreateAsync("+14155550199", "other")).Dispose();
        var shown = new List<string>();

        var next = $"{Messages}.json?To=%2B14155550123&From=%2B15005550006&PageSize=2";
        while (next is not null)
        {
            var page = await http.GetFromJsonAsync<JsonElement>(next);
            shown.AddRange(page.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("body").GetString()!));
            next = page.GetProperty("next_page_uri").GetString();
            if (shown.Count == 2)
                (await CreateAsync("+14155550123", "between two pages")).Dispose();
        }

        Assert.Equal(["5", "4", "3", "2", "1"], shown);
    }

    [Fact]
    public async Task One_message_can_be_fetched_and_only_a_scheduled_one_cancelled()
    {
        (await CreateAsync("+14155550123", "now")).Dispose();
        (await CreateAsync("+14155550124", "later",
            ("MessagingServiceSid", "MG" + new string('a', 32)), ("ScheduleType", "fixed"), ("SendAt", "2026-11-24T10:00:00Z"))).Dispose();
        var (now, later) = (Simulator.Ledger.Messages[0].Sid, Simulator.Ledger.Messages[1].Sid);

        var fetched = await http.GetFromJsonAsync<JsonElement>($"{Messages}/{now}.json");
        using var tooLate = await CancelAsync(now);
        using var cancelled = await CancelAsync(later);
        using var missing = await http.GetAsync($"{Messages}/SM{new string('0', 32)}.json");

        Assert.Equal("now", fetched.GetProperty("body").GetString());
        Assert.Equal(30409, (await ReadAsync(tooLate)).GetProperty("code").GetInt32());
        Assert.Equal("canceled", (await ReadAsync(cancelled)).GetProperty("status").GetString());
        Assert.Equal("canceled", Simulator.Ledger.Find(later)!.Status);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Faults_are_scripted_and_cleared_over_http()
    {
        using var scripted = await http.PostAsJsonAsync("/simulator/faults", new object[]
        {
            new { kind = "rate_limit", count = 1, retryAfter = "3" },
            new { kind = "refuse", count = 2, to = "+14155550123", code = 21618 },
        });
        using var limited = await CreateAsync("+14155550199", "x");
        using var other = await CreateAsync("+14155550199", "x");
        using var refused = await CreateAsync("+14155550123", "x");
        using var cleared = await http.DeleteAsync("/simulator/faults");
        using var fine = await CreateAsync("+14155550123", "x");
        var ledger = await http.GetFromJsonAsync<JsonElement>("/simulator/messages?to=%2B14155550123");

        Assert.Equal(HttpStatusCode.OK, scripted.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(3), limited.Headers.RetryAfter!.Delta);
        Assert.Equal(HttpStatusCode.Created, other.StatusCode);
        Assert.Equal(21618, (await ReadAsync(refused)).GetProperty("code").GetInt32());
        Assert.Equal(HttpStatusCode.Created, fine.StatusCode);
        Assert.Equal(4, ledger.GetProperty("requests").GetInt32());
        Assert.Equal("x", Assert.Single(ledger.GetProperty("messages").EnumerateArray()).GetProperty("body").GetString());
    }

    [Theory]
    [InlineData("[{\"kind\": \"earthquake\"}]")]
    [InlineData("[{\"count\": 1}]")]
    [InlineData("[{\"kind\": \"rate_limit\", \"count\": 0}]")]
    [InlineData("[null]")]
    [InlineData("{}")]
    public async Task A_script_that_makes_no_sense_is_refused(string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/simulator/faults", content);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(0, Simulator.Faults.Pending);
    }

    [Fact]
    public async Task A_kind_that_there_is_not_is_answered_with_those_that_there_are()
    {
        using var content = new StringContent("[{\"kind\": \"earthquake\"}]", Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/simulator/faults", content);
        var words = await response.Content.ReadAsStringAsync();
        Assert.StartsWith("$[0].kind cannot be read: kind is one of latency, rate_limit, ", words, StringComparison.Ordinal);
        Assert.DoesNotContain("Sms.", words, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mix_follows_its_shares_and_its_seed()
    {
        var (first, second) = (Draws(seed: 7), Draws(seed: 7));

        Assert.Equal(first, second);
        Assert.NotEqual(first, Draws(seed: 8));
        Assert.InRange(first.Count(kind => kind == SimulatedFaultKind.RateLimit), 150, 250);
        Assert.InRange(first.Count(kind => kind == SimulatedFaultKind.BadGateway), 60, 140);

        static List<SimulatedFaultKind?> Draws(int seed)
        {
            var faults = new TwilioFaults();
            faults.Mix(
                seed,
                new FaultShare(new SimulatedFault(SimulatedFaultKind.RateLimit), 0.2),
                new FaultShare(new SimulatedFault(SimulatedFaultKind.BadGateway), 0.1));
            return [.. Enumerable.Range(0, 1000).Select(_ => faults.Take(to: null)?.Kind)];
        }
    }

    [Fact]
    public async Task A_hang_ends_when_it_is_released()
    {
        Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangBeforeAccepting));
        var creating = CreateAsync("+14155550123", "x");
        await Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);
        Assert.Empty(Simulator.Ledger.Messages);

        Simulator.Faults.ReleaseHangs();

        using var response = await creating;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(0, Simulator.Ledger.Hanging);
    }

    [Fact]
    public async Task A_client_that_goes_ends_its_hang_and_nothing_is_accepted()
    {
        Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangBeforeAccepting));
        using (var impatient = new HttpClient { BaseAddress = Simulator.BaseUrl })
        {
            impatient.DefaultRequestHeaders.Authorization = Basic(Account.AccountSid, Account.AuthToken);
            using var form = new FormUrlEncodedContent([new("To", "+14155550123"), new("From", "+15005550006"), new("Body", "x")]);
            var creating = impatient.PostAsync($"{Messages}.json", form);
            await Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 1, TestContext.Current.CancellationToken);
            impatient.CancelPendingRequests();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating);
        }

        await Simulator.Ledger.WhenAsync(ledger => ledger.Hanging == 0, TestContext.Current.CancellationToken);
        Assert.Empty(Simulator.Ledger.Messages);
    }

    [Fact]
    public async Task Latency_delays_what_it_accepts()
    {
        var start = time.GetUtcNow();
        Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.Latency, Latency: TimeSpan.FromSeconds(5)));

        var creating = CreateAsync("+14155550123", "x");
        while (!creating.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        using var response = await creating;
        Assert.True(Assert.Single(Simulator.Ledger.Messages).CreatedAt - start >= TimeSpan.FromSeconds(5));
    }

    private static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response) =>
        await response.Content.ReadFromJsonAsync<JsonElement>();

    private async Task<HttpResponseMessage> CreateAsync(string to, string body, params (string Name, string Value)[] more)
    {
        var fields = more.Length == 0 ? [("From", "+15005550006")] : more;
        using var form = new FormUrlEncodedContent(
            fields.Select(field => new KeyValuePair<string, string>(field.Item1, field.Item2)).Append(new("To", to)).Append(new("Body", body)));
        return await http.PostAsync($"{Messages}.json", form);
    }

    private async Task<HttpResponseMessage> CancelAsync(string sid)
    {
        using var form = new FormUrlEncodedContent([new("Status", "canceled")]);
        return await http.PostAsync($"{Messages}/{sid}.json", form);
    }
}
