using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

public sealed class AcceptanceTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task Repeated_call_with_the_same_id_makes_one_message_and_one_request()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, silos: 2);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var id = Guid.CreateVersion7();

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => cluster.SendAsync(business, customer, id: id)));

        Assert.All(replies, r => Assert.Equal(id, r.Message!.Id));
        await cluster.UntilAsync(business, id, m => m.Status == "sent");
        await cluster.SettleAsync();
        Assert.Single(cluster.Provider.Requests);
        Assert.Equal(1, await cluster.Database.ScalarAsync<long>("select count(*) from send_logs"));
    }

    [Fact]
    public async Task Simultaneous_duplicates_with_one_key_make_one_message()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");

        var replies = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => cluster.SendAsync(business, customer, key: "order-42")));

        Assert.Single(replies.Select(r => r.Message!.Id).Distinct());
        Assert.Equal(31, replies.Count(r => r.Replayed));
        await cluster.SettleAsync();
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task Monthly_limit_holds_for_simultaneous_sends()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"monthlyMessageLimit": 5}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => cluster.SendAsync(business, customer, $"{n}")));

        Assert.Equal(5, replies.Count(r => r.Message is not null));
        Assert.All(replies.Where(r => r.Message is null), r => Assert.Equal("monthly_limit_reached", r.Refusal!.Code));
    }

    [Fact]
    public async Task Paused_business_holds_what_waits_and_goes_on_when_it_is_resumed()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromMinutes(10))).Message!;
        var grain = cluster.Grains.GetGrain<IBusinessGrain>(business);

        await grain.ChangeAsync(new(null, null, """{"paused": true}""", ByAdmin: false, "admin"));
        Assert.Equal("business_paused", (await cluster.SendAsync(business, customer)).Refusal!.Code);
        await cluster.PassAsync(Duration.FromMinutes(30));
        Assert.Empty(cluster.Provider.Requests);
        Assert.Equal("paused", await cluster.Database.ScalarAsync<string>("select held from sms_retry_queue"));

        await grain.ChangeAsync(new(null, null, """{"paused": false}""", ByAdmin: false, "admin"));
        await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
    }

    [Fact]
    public async Task Cancelled_message_is_never_sent()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromMinutes(10))).Message!;
        var grain = cluster.Grains.GetGrain<IBusinessGrain>(business);

        Assert.Equal(CancelOutcome.Cancelled, await grain.CancelAsync(message.Id));
        Assert.Equal(CancelOutcome.NotCancellable, await grain.CancelAsync(message.Id));
        Assert.Equal(CancelOutcome.NotFound, await grain.CancelAsync(Guid.CreateVersion7()));

        await cluster.PassAsync(Duration.FromHours(1));
        await cluster.SettleAsync();
        Assert.Empty(cluster.Provider.Requests);
        Assert.Equal("cancelled", (await cluster.GetAsync(business, message.Id)).Status);
    }

    [Fact]
    public async Task Consent_withdrawn_while_it_waits_ends_the_message_at_once()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var message = (await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromMinutes(10))).Message!;
        await cluster.CustomerAsync(business, "+12125551234", consent: "opted_out");

        Assert.Equal("cancelled", (await cluster.GetAsync(business, message.Id)).Status);
        await cluster.PassAsync(Duration.FromMinutes(11));
        await cluster.SettleAsync();
        Assert.Equal("opted_out", (await cluster.GetAsync(business, message.Id)).Error!.Class);
        Assert.Empty(cluster.Provider.Requests);
    }

    [Fact]
    public async Task Late_one_time_password_is_failed_and_not_sent()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        cluster.Provider.Next(new ProviderOutcome.Refused(Domain.Failures.FailureClass.Rate, 20429, "too many", Duration.FromHours(1)));
        var message = (await cluster.SendAsync(business, customer, category: "otp")).Message!;

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.GetAsync(business, message.Id)).Status == "failed");

        Assert.Equal("expired", (await cluster.GetAsync(business, message.Id)).Error!.Class);
        Assert.InRange(cluster.Now - Noon, Duration.FromMinutes(10), Duration.FromMinutes(12));
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task Silo_that_stops_hands_its_work_to_the_other()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon, silos: 2);
        var business = await cluster.BusinessAsync();
        var messages = new List<Guid>();
        for (var n = 0; n < 20; n++)
        {
            var customer = await cluster.CustomerAsync(business, $"+121255512{n:00}");
            messages.Add((await cluster.SendAsync(business, customer, sendAt: Noon + Duration.FromMinutes(1))).Message!.Id);
        }

        await cluster.Silos.StopSiloAsync(cluster.Silos.Silos[1]);
        await cluster.PassUntilAsync(Duration.FromSeconds(1), async () =>
            await cluster.Database.ScalarAsync<long>("select count(*) from send_logs where status = 'sent'") == messages.Count);
        Assert.Equal(messages.Count, cluster.Provider.Requests.Count);
    }
}
