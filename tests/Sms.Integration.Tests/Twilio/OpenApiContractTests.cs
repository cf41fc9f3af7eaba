using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using NodaTime;
using Sms.Domain.Attempts;
using Sms.Ports;
using Sms.Silo.Simulator;
using Sms.Silo.Twilio;
using Xunit;

namespace Sms.Integration.Tests.Twilio;

/// <summary>What the provider writes and the simulator answers, held against Twilio's own description of its API.</summary>
public sealed class OpenApiContractTests(Prism prism) : IClassFixture<Prism>
{
    private static readonly string Service = "MG" + new string('a', 32);

    private static readonly Sender Number = new(TwilioRig.WorkingSender, MessagingServiceSid: null);

    private static readonly Sender[] Senders = [Number, new(From: null, Service)];

    private static readonly Duration?[] Validities = [null, Duration.FromSeconds(1), Duration.FromHours(10)];

    private static readonly string[] Bodies = [TwilioRig.Text, "Où? 😀 & = + % #\n", new('x', 1600)];

    [Fact]
    public async Task Every_kind_of_create_is_accepted()
    {
        Assert.SkipWhen(prism.Missing is not null, $"Not checked against Twilio's OpenAPI document: {prism.Missing}");
        await using var rig = await TwilioRig.StartAsync(options => options.ApiBaseUrl = prism.Url!);
        var statuses = new StatusRecorder(rig.Options);
        var provider = rig.ProviderOver(statuses);

        foreach (var (sender, validity, body) in Kinds())
            Assert.IsType<ProviderOutcome.Accepted>(await provider.CreateAsync(rig.Request(sender: sender, validity: validity, body: body), CancellationToken.None));

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.Created, Kinds().Count())], statuses.Seen);
    }

    [Fact]
    public async Task What_is_broken_is_rejected()
    {
        Assert.SkipWhen(prism.Missing is not null, $"Not checked against Twilio's OpenAPI document: {prism.Missing}");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await SendAsync(options => options.AccountSid = "AC-broken", Number));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await SendAsync(_ => { }, new Sender(From: null, "MG-broken")));
        Assert.Equal(HttpStatusCode.NotFound, await SendAsync(options => options.ApiBaseUrl = new Uri(prism.Url!, "/elsewhere/"), Number));

        using var http = new HttpClient { BaseAddress = prism.Url };
        using var form = new StringContent("To=%2B14155550123&Body=x", Encoding.ASCII, "application/x-www-form-urlencoded");
        using var stranger = await http.PostAsync($"/2010-04-01/Accounts/AC{new string('0', 32)}/Messages.json", form);
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);

        async Task<HttpStatusCode> SendAsync(Action<TwilioOptions> configure, Sender sender)
        {
            await using var rig = await TwilioRig.StartAsync(options =>
            {
                options.ApiBaseUrl = prism.Url!;
                configure(options);
            });
            var statuses = new StatusRecorder(rig.Options);
            Assert.IsNotType<ProviderOutcome.Accepted>(await rig.ProviderOver(statuses).CreateAsync(rig.Request(sender: sender), CancellationToken.None));
            return Assert.Single(statuses.Seen);
        }
    }

    [Fact]
    public async Task Every_field_of_a_create_is_one_of_twilios()
    {
        Assert.SkipWhen(prism.Missing is not null, $"Not checked against Twilio's OpenAPI document: {prism.Missing}");
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var rig = await TwilioRig.StartAsync(options => options.ApiBaseUrl = receiver.Url);
        foreach (var (sender, validity, body) in Kinds())
            await rig.Provider.CreateAsync(rig.Request(sender: sender, validity: validity, body: body), CancellationToken.None);

        var sent = receiver.Received.SelectMany(request => QueryHelpers.ParseQuery(request.RawBody).Keys).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(["Body", "From", "MessagingServiceSid", "StatusCallback", "To", "ValidityPeriod"], sent);
        Assert.Subset(CreateFields(), sent.ToHashSet());
    }

    [Fact]
    public async Task Every_field_that_the_simulator_answers_is_one_of_twilios()
    {
        Assert.SkipWhen(prism.Missing is not null, $"Not checked against Twilio's OpenAPI document: {prism.Missing}");
        await using var rig = await SimulatorRig.StartAsync();
        var sid = await rig.CreateAsync(byService: true);
        var schemas = prism.Document!.RootElement.GetProperty("components").GetProperty("schemas");
        var statuses = schemas.GetProperty("message_enum_status").GetProperty("enum").EnumerateArray().Select(word => word.GetString());

        var (accepted, list) = (await rig.FetchAsync(sid), await rig.Http.GetFromJsonAsync<JsonElement>($"{rig.Messages}.json"));
        rig.Advance(500);
        var delivered = await rig.FetchAsync(sid);

        foreach (var message in new[] { accepted, delivered, list.GetProperty("messages")[0] })
        {
            Assert.Subset(Names(schemas.GetProperty("api.v2010.account.message").GetProperty("properties")), Names(message));
            Assert.Contains(message.GetProperty("status").GetString(), statuses);
        }

        Assert.Subset(Names(MessagesPath().GetProperty("get").GetProperty("responses").GetProperty("200")
            .GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("properties")), Names(list));
    }

    /// <summary>All that the provider can vary.</summary>
    private static IEnumerable<(Sender Sender, Duration? Validity, string Body)> Kinds() =>
        from sender in Senders from validity in Validities from body in Bodies select (sender, validity, body);

    private JsonElement MessagesPath() =>
        prism.Document!.RootElement.GetProperty("paths").GetProperty("/2010-04-01/Accounts/{AccountSid}/Messages.json");

    private HashSet<string> CreateFields() => Names(MessagesPath().GetProperty("post").GetProperty("requestBody").GetProperty("content")
        .GetProperty("application/x-www-form-urlencoded").GetProperty("schema").GetProperty("properties"));

    private static HashSet<string> Names(JsonElement properties) =>
        properties.EnumerateObject().Select(property => property.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Notes the status of each reply below the provider.</summary>
    private sealed class StatusRecorder(TwilioOptions options) : DelegatingHandler(TwilioRegistration.CreateHandler(options.MaxConcurrency))
    {
        public List<HttpStatusCode> Seen { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            Seen.Add(response.StatusCode);
            return response;
        }
    }
}
