using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>A row that makes the code throw is tried with backoff, then kept with its error, and blocks nobody.</summary>
public sealed class PoisonTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);
    private static readonly Instant Later = Noon + Duration.FromMinutes(1);

    [Fact]
    public async Task A_message_that_cannot_be_handled_becomes_a_dead_letter_with_its_error_and_can_be_retried_once_it_is_mended()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var bad = await AcceptAsync(cluster, business, "+12125550100");
        var good = await AcceptAsync(cluster, business, "+12125550101");
        await cluster.Database.ExecuteAsync("update send_logs set to_phone = 'nonsense' where id = $1", bad);

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.GetAsync(business, good)).Status == "sent");
        await cluster.PassUntilAsync(Duration.FromSeconds(10), async () => await StatusAsync(cluster, bad) == "failed");

        Assert.InRange(cluster.Now - Later, Duration.FromMinutes(8), Duration.FromMinutes(15));
        Assert.Single(cluster.Provider.Requests);
        Assert.Equal(10, await cluster.Database.ScalarAsync<int>("select fault_count from sms_retry_queue where send_log_id = $1", bad));
        Assert.Equal("fault", await cluster.Database.ScalarAsync<string>("select error_class from send_logs where id = $1", bad));
        Assert.Contains("E.164", await cluster.Database.ScalarAsync<string>("select error_message from send_logs where id = $1", bad), StringComparison.Ordinal);

        await cluster.Database.ExecuteAsync("update send_logs set to_phone = '+12125550100' where id = $1", bad);
        Assert.Equal(RetryOutcome.Requeued, await cluster.Grains.GetGrain<IBusinessGrain>(business).RetryAsync(bad));
        await cluster.PassUntilAsync(Duration.FromSeconds(1), async () => await StatusAsync(cluster, bad) == "sent");
    }

    [Fact]
    public async Task A_row_that_nobody_can_read_takes_no_other_with_it_and_becomes_a_dead_letter()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var (business, other) = (await cluster.BusinessAsync(), await cluster.BusinessAsync());
        var bad = await AcceptAsync(cluster, business, "+12125550100");
        var parked = await AcceptAsync(cluster, business, "+12125550102");
        var good = await AcceptAsync(cluster, other, "+12125550101");
        // It would be refused: somebody has dropped the check.
        await cluster.Database.ExecuteAsync("alter table sms_retry_queue drop constraint sms_retry_queue_readable");
        await cluster.Database.ExecuteAsync("update sms_retry_queue set accepted_at = '20000-01-01' where send_log_id = $1", bad);
        await cluster.Database.ExecuteAsync("update sms_retry_queue set scheduled_for = 'infinity' where send_log_id = $1", parked);

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.GetAsync(other, good)).Status == "sent");
        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () =>
            (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice?.Contains("again and again", StringComparison.Ordinal) == true);
        await cluster.PassUntilAsync(Duration.FromSeconds(10), async () => await StatusAsync(cluster, bad) == "failed");
        Assert.Equal("fault", await cluster.Database.ScalarAsync<string>("select error_class from send_logs where id = $1", bad));
        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice?.Contains("again and again", StringComparison.Ordinal) != true);
        Assert.Equal("pending", await StatusAsync(cluster, parked));
    }

    [Fact]
    public async Task A_business_whose_settings_cannot_be_read_sends_nothing_by_others_rules_and_goes_on_when_they_are_set_anew()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var other = await cluster.BusinessAsync();
        var good = await AcceptAsync(cluster, other, "+12125550101");
        var broken = await cluster.Database.ScalarAsync<Guid>(
            "insert into businesses (name, timezone, sms_settings) values ('Broken', 'America/New_York', '{\"maxAttempts\": \"many\"}') returning id");
        var bad = await cluster.Database.ScalarAsync<Guid>(
            """
            with c as (insert into customers (business_id, phone, phone_e164) values ($1, '+12125550109', '+12125550109') returning id),
            l as (insert into send_logs (id, business_id, customer_id, channel, status, to_phone, body, category, encoding, segments)
              select gen_random_uuid(), $1, c.id, 'sms', 'pending', '+12125550109', 'Hello', 'transactional', 'gsm7', 1 from c returning id, customer_id)
            insert into sms_retry_queue (business_id, send_log_id, customer_id, scheduled_for)
            select $1, l.id, l.customer_id, $2 from l returning send_log_id
            """,
            broken, Later.ToDateTimeUtc());

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.GetAsync(other, good)).Status == "sent");
        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => await cluster.Database.ScalarAsync<string>("select last_error from sms_retry_queue where send_log_id = $1", bad) is not null);
        // It is put off for longer than a row that makes the code throw is tried.
        await cluster.PassUntilAsync(Duration.FromSeconds(30), async () => await cluster.Database.ScalarAsync<bool>(
            "select scheduled_for > $2::timestamptz from sms_retry_queue where send_log_id = $1 and status = 'pending'", bad, (Later + Duration.FromMinutes(15)).ToDateTimeUtc()));
        Assert.Equal(0, await cluster.Database.ScalarAsync<int>("select fault_count from sms_retry_queue where send_log_id = $1", bad));
        Assert.Contains("maxAttempts", await cluster.Database.ScalarAsync<string>("select last_error from sms_retry_queue where send_log_id = $1", bad), StringComparison.Ordinal);
        Assert.Contains("maxAttempts", (await cluster.Grains.GetGrain<IBusinessGrain>(broken).GetAsync()).Business!.Fault, StringComparison.Ordinal);
        Assert.Contains(broken.ToString(), (await cluster.Grains.GetGrain<IReaderGrain>(0).CheckAsync()).Notice, StringComparison.Ordinal);
        Assert.Single(cluster.Provider.Requests);

        await cluster.Grains.GetGrain<IBusinessGrain>(broken).ChangeAsync(new ChangeBusiness(null, null, "{\"maxAttempts\": 3}", ByAdmin: true, "admin"));
        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => await StatusAsync(cluster, bad) == "sent");
    }

    [Fact]
    public async Task An_unknown_attempt_that_cannot_be_looked_up_keeps_no_other_waiting()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        cluster.Provider.Next(new ProviderOutcome.Unknown("reset"), count: 2);
        var bad = await AcceptAsync(cluster, business, "+12125550100", wait: false);
        await cluster.UntilAsync(business, bad, m => m.Attempt?.State == "unknown");
        var good = await AcceptAsync(cluster, business, "+12125550101", wait: false);
        await cluster.UntilAsync(business, good, m => m.Attempt?.State == "unknown");
        cluster.Provider.Take(cluster.Provider.Requests[1].Request);
        await cluster.Database.ExecuteAsync("update send_logs set to_phone = 'nonsense' where id = $1", bad);

        await cluster.PassUntilAsync(Duration.FromSeconds(5), async () => (await cluster.GetAsync(business, good)).Status == "sent");

        Assert.Equal("unknown", await cluster.Database.ScalarAsync<string>("select state from sms.attempts where message_id = $1", bad));
        Assert.Equal(2, cluster.Provider.Requests.Count);
    }

    private static async Task<Guid> AcceptAsync(SmsCluster cluster, Guid business, string phone, bool wait = true)
    {
        var customer = await cluster.CustomerAsync(business, phone);
        var reply = await cluster.SendAsync(business, customer, category: "transactional", sendAt: wait ? Later : null);
        return reply.Message?.Id ?? throw new InvalidOperationException(reply.Refusal?.Detail);
    }

    private static Task<string?> StatusAsync(SmsCluster cluster, Guid message) =>
        cluster.Database.ScalarAsync<string>("select status from send_logs where id = $1", message);
}
