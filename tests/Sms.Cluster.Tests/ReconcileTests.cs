using System.Collections.Concurrent;
using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Ports;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>An outcome that is not known is settled by asking, never by sending again.</summary>
public sealed class ReconcileTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);
    private static readonly Duration Step = Duration.FromSeconds(5);

    [Fact]
    public async Task What_the_provider_took_before_it_broke_is_found_and_not_sent_again()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendUnknownAsync(cluster);
        var taken = cluster.Provider.Take(cluster.Provider.Requests[0].Request);

        await cluster.PassUntilAsync(Step, async () => (await cluster.GetAsync(business, message)).Status == "sent");

        var sent = await cluster.GetAsync(business, message);
        Assert.Equal(taken.Sid, sent.ProviderMessageId?.TwilioSid);
        Assert.Null(sent.Attempt);
        Assert.Single(cluster.Provider.Requests);
        Assert.InRange(cluster.Now - Noon, Duration.FromSeconds(30), Duration.FromMinutes(2));
        var events = await cluster.Grains.GetGrain<IReaderGrain>(0).GetEventsAsync(business, message, PageRequest.First);
        Assert.Equal("reconciled", Assert.Single(events!.Data, e => e.Type is not ("accepted" or "claimed" or "attempt_started" or "attempt_failed" or "sent")).Type);
    }

    [Fact]
    public async Task What_is_not_there_after_the_last_delay_is_sent_once_more()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendUnknownAsync(cluster);

        await cluster.PassUntilAsync(Step, async () => (await cluster.GetAsync(business, message)).Status == "sent");

        Assert.Equal(2, cluster.Provider.Requests.Count);
        Assert.Equal(2, (await cluster.GetAsync(business, message)).AttemptCount);
        Assert.Equal(3, cluster.Provider.Lookups);
        Assert.True(cluster.Provider.Requests[1].At - Noon >= Duration.FromMinutes(10));
    }

    [Fact]
    public async Task While_the_provider_does_not_answer_it_stays_unknown_and_then_it_is_settled()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        cluster.Provider.LookupsFail = true;
        var (business, message) = await SendUnknownAsync(cluster);
        var unknown = (await cluster.GetAsync(business, message)).Attempt!;
        Assert.Equal("unknown", unknown.State);
        Assert.Equal((Noon + Duration.FromSeconds(30)).ToDateTimeOffset(), unknown.NextLookupAt);

        await cluster.PassUntilAsync(Duration.FromSeconds(20), () => Task.FromResult(cluster.Now - Noon > Duration.FromMinutes(30) && cluster.Provider.Lookups > 10));
        Assert.Equal("unknown", (await cluster.GetAsync(business, message)).Attempt?.State);
        Assert.Single(cluster.Provider.Requests);

        cluster.Provider.Take(cluster.Provider.Requests[0].Request, at: Noon);
        cluster.Provider.LookupsFail = false;
        await cluster.PassUntilAsync(Step, async () => (await cluster.GetAsync(business, message)).Status == "sent");
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task A_message_that_had_already_failed_at_the_provider_fails_with_its_code()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, message) = await SendUnknownAsync(cluster);
        cluster.Provider.Take(cluster.Provider.Requests[0].Request, "undelivered", 30003);

        await cluster.PassUntilAsync(Step, async () => (await cluster.GetAsync(business, message)).Status == "failed");

        Assert.Equal(30003, (await cluster.GetAsync(business, message)).Error?.Code);
        Assert.Single(cluster.Provider.Requests);
    }

    [Fact]
    public async Task A_final_report_that_got_lost_is_asked_for()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var hold = cluster.Provider.Hold();
        var business = await cluster.BusinessAsync();
        var message = (await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125550100"))).Message!.Id;
        await cluster.Provider.WhenAsync(1);
        hold.SetResult(new ProviderOutcome.Accepted(cluster.Provider.Take(cluster.Provider.Requests[0].Request, "delivered").Sid));
        await cluster.UntilAsync(business, message, m => m.Status == "sent");

        await cluster.PassUntilAsync(Step, async () => (await cluster.GetAsync(business, message)).Status == "delivered");

        Assert.InRange(cluster.Now - Noon, Duration.FromMinutes(10), Duration.FromMinutes(30));
    }

    [Fact]
    public async Task A_look_up_that_hangs_keeps_no_other_waiting_and_a_silo_makes_no_more_than_sixteen_at_once()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var answers = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var lastAnswer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new ConcurrentBag<string>();
        cluster.Provider.BeforeLookup = number =>
        {
            asked.Add(number);
            return answers.Task;
        };
        cluster.Provider.Next(new ProviderOutcome.Unknown("reset"), count: 80);
        var business = await cluster.BusinessAsync();
        for (var n = 0; n < 80; n++)
            await cluster.SendAsync(business, await cluster.CustomerAsync(business, $"+121255501{n:00}"), category: "transactional");
        Task<long> UnknownAsync() => cluster.Database.ScalarAsync<long>("select count(*) from sms.attempts where state = 'unknown'");
        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), async () => await UnknownAsync() == 80);
        foreach (var (request, _) in cluster.Provider.Requests)
            cluster.Provider.Take(request);

        // All shards look for what is due, more than once; as all hang, nothing is asked but what is under way.
        await cluster.PassUntilAsync(Duration.FromSeconds(1), () => Task.FromResult(cluster.Now - Noon > Duration.FromSeconds(60) && cluster.Provider.Lookups >= 16));
        Assert.Equal((16, 16), (cluster.Provider.MostLookupsAtOnce, cluster.Provider.Lookups));

        var stuck = cluster.Provider.Requests.Select(r => r.Request.To.E164).Except(asked).First();
        cluster.Provider.BeforeLookup = number => number == stuck ? lastAnswer.Task : Task.CompletedTask;
        answers.SetResult();
        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), async () => await UnknownAsync() == 1);
        lastAnswer.SetResult();
        await cluster.PassUntilAsync(Duration.FromMilliseconds(200), async () => await UnknownAsync() == 0);
        Assert.Equal(80, cluster.Provider.Requests.Count);
    }

    private static async Task<(Guid Business, Guid Message)> SendUnknownAsync(SmsCluster cluster)
    {
        cluster.Provider.Next(new ProviderOutcome.Unknown("reset"));
        var business = await cluster.BusinessAsync();
        var reply = await cluster.SendAsync(business, await cluster.CustomerAsync(business, "+12125550100"), category: "transactional");
        await SmsCluster.UntilAsync(async () => (await cluster.GetAsync(business, reply.Message!.Id)).Attempt?.State == "unknown");
        return (business, reply.Message!.Id);
    }
}
