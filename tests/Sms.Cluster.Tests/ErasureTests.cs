using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>Whoever was erased is not texted again, whatever was under way.</summary>
public sealed class ErasureTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    private static readonly ProviderOutcome[] ComingBack =
    [
        new ProviderOutcome.Refused(FailureClass.Rate, 20429, "too many", RetryAfter: null),
        new ProviderOutcome.Refused(FailureClass.Transient, 30008, "unknown error", RetryAfter: null),
        new ProviderOutcome.NeverLeft("connection refused"),
        new ProviderOutcome.Unknown("HTTP 502"),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task What_comes_back_to_the_queue_after_an_erasure_is_cancelled(int outcome)
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125550101");
        var held = cluster.Provider.Hold();
        await cluster.Database.ExecuteAsync("update customers set name = 'Ana Unforgettable' where id = $1", customer);
        var reply = await cluster.SendAsync(business, customer, body: "An unforgettable offer");
        await cluster.Provider.WhenAsync(1);

        Assert.True(await cluster.Grains.GetGrain<IRecordsGrain>(business).EraseCustomerAsync(customer, "test"));
        held.SetResult(ComingBack[outcome]);

        // By larger steps: an unknown outcome is looked for over many minutes.
        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.GetAsync(business, reply.Message!.Id)).Status is "cancelled" or "failed");
        var ended = await cluster.GetAsync(business, reply.Message!.Id);
        Assert.Equal(("cancelled", "erased"), (ended.Status, ended.Error?.Class));
        await cluster.PassAsync(Duration.FromMinutes(30));
        await cluster.SettleAsync();
        Assert.Single(cluster.Provider.Requests);
        Assert.Equal(RetryOutcome.NotRetryable, await cluster.Grains.GetGrain<IBusinessGrain>(business).RetryAsync(reply.Message.Id));
        await cluster.PassUntilAsync(Duration.FromMinutes(5), async () => await cluster.Database.ScalarAsync<bool>("select is_complete from sms.erasures"));
        foreach (var text in new[] { "2125550101", "nforgettable" })
            Assert.Empty(await WhereAsync(cluster, text));
    }

    /// <summary>The tables, beside those that the list of docs/consent.md names, in which this text stands.</summary>
    internal static async Task<string[]> WhereAsync(SmsCluster cluster, string text) => await cluster.Database.ScalarAsync<string[]>(
        """
        select coalesce(array_agg(t.name order by t.name), '{}')
        from (
          select c.oid::regclass::text as name,
            (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %s t where t::text like %L', c.oid::regclass, '%' || $1 || '%'), false, true, '')))[1]::text::int as n
          from pg_class c
          where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'sms'::regnamespace, 'orleans'::regnamespace)) t
        where t.n > 0 and t.name <> all (array['sms.consent_events', 'sms.suppressions', 'sms.sender_opt_outs', 'sms.idempotency_keys'])
        """,
        text) ?? [];
}
