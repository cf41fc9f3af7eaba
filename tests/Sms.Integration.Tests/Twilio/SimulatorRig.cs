using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Sms.Silo.Simulator;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

/// <summary>The simulator with callbacks on, who receives them, a client with its credentials, and one clock that only tests move.</summary>
internal sealed class SimulatorRig : IAsyncDisposable
{
    public const string Person = "+14155550123";
    public const string Number = "+15125550100";
    public static readonly string Service = "MG" + new string('a', 32);
    public static readonly DateTimeOffset Start = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private SimulatorRig(TwilioSimulatorOptions options, TwilioSimulator simulator, WebhookReceiver receiver, FakeTimeProvider time)
    {
        (Options, Simulator, Receiver, Time) = (options, simulator, receiver, time);
        Http = new HttpClient { BaseAddress = simulator.BaseUrl };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.AccountSid}:{options.AuthToken}")));
    }

    public TwilioSimulatorOptions Options { get; }

    public TwilioSimulator Simulator { get; }

    public WebhookReceiver Receiver { get; }

    public FakeTimeProvider Time { get; }

    public HttpClient Http { get; }

    public string Messages => $"/2010-04-01/Accounts/{Options.AccountSid}/Messages";

    /// <summary>What messages ask for unless they say otherwise: a query, and repeats after every failure.</summary>
    public string CallbackUrl => $"{Receiver.Url}status?attempt=a%2F1&x=%C3%A9+b#rc=2&rp=all";

    public static async Task<SimulatorRig> StartAsync(Action<TwilioSimulatorOptions>? configure = null)
    {
        var receiver = await WebhookReceiver.StartAsync();
        var options = new TwilioSimulatorOptions
        {
            AuthToken = "token of these tests",
            Callbacks = true,
            InboundUrl = new Uri(receiver.Url, "inbound?x=1"),
        };
        configure?.Invoke(options);
        var time = new FakeTimeProvider(Start);
        var simulator = await TwilioSimulator.StartAsync(options, time, TestContext.Current.CancellationToken);
        return new SimulatorRig(options, simulator, receiver, time);
    }

    public async Task<HttpResponseMessage> PostAsync(params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        return await Http.PostAsync($"{Messages}.json", form);
    }

    /// <summary>Creates a message that is to be accepted; its sid.</summary>
    public async Task<string> CreateAsync(string to = Person, string body = "Hi", string? callback = null, bool byService = false, int? validity = null)
    {
        using var reply = await PostAsync(Fields(to, body, callback ?? CallbackUrl, byService, validity));
        var json = await reply.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(reply.IsSuccessStatusCode, json.ToString());
        return json.GetProperty("sid").GetString()!;
    }

    /// <summary>Creates a message that may be refused; Twilio's code, or null.</summary>
    public async Task<int?> TryCreateAsync(string to = Person, string body = "Hi", bool byService = false, string? from = null, string? callback = null)
    {
        var fields = Fields(to, body, callback ?? CallbackUrl, byService, validity: null);
        if (from is not null)
            fields = [.. fields.Where(field => field.Item1 != "From"), ("From", from)];
        using var reply = await PostAsync(fields);
        return reply.IsSuccessStatusCode ? null : (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetInt32();
    }

    public Task<JsonElement> FetchAsync(string sid) => Http.GetFromJsonAsync<JsonElement>($"{Messages}/{sid}.json");

    public void Advance(int milliseconds) => Time.Advance(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>Waits until so many callbacks of the message are in the ledger, answered or given up.</summary>
    public async Task<IReadOnlyList<SimulatedCallback>> CallbacksAsync(string sid, int count)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        await Simulator.Ledger.WhenAsync(ledger => ledger.Find(sid)!.Callbacks.Count >= count, patience.Token);
        return Simulator.Ledger.Find(sid)!.Callbacks;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Simulator.DisposeAsync();
        await Receiver.DisposeAsync();
    }

    private static (string, string)[] Fields(string to, string body, string callback, bool byService, int? validity)
    {
        List<(string, string)> fields = [("To", to), ("Body", body), byService ? ("MessagingServiceSid", Service) : ("From", Number)];
        if (callback.Length > 0)
            fields.Add(("StatusCallback", callback));
        if (validity is { } seconds)
            fields.Add(("ValidityPeriod", $"{seconds}"));
        return [.. fields];
    }
}
