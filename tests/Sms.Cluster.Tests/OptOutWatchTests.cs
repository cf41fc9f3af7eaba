using NodaTime;
using Sms.Contracts;
using Sms.Domain.Attempts;
using Sms.Domain.Failures;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

/// <summary>Where nobody can opt out nobody is sent marketing.</summary>
public sealed class OptOutWatchTests
{
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Fact]
    public async Task What_waits_for_a_number_that_the_provider_reports_as_opted_out_is_cancelled()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125550101");
        var waits = await cluster.SendAsync(business, customer, category: "transactional", sendAt: Noon + Duration.FromHours(1));
        cluster.Provider.Next(new ProviderOutcome.Refused(FailureClass.OptOut, 21610, "unsubscribed recipient", RetryAfter: null));
        await cluster.SendAsync(business, customer, category: "transactional");

        await cluster.UntilAsync(business, waits.Message!.Id, m => m.Status == "cancelled");
        Assert.Single(cluster.Provider.Requests);
        Assert.InRange(cluster.Now - Noon, Duration.Zero, Duration.FromMinutes(1));
    }

    [Theory]
    [InlineData("create trigger refuse before insert or update on sms.sender_opt_outs for each row execute function public.refuse()", "drop trigger refuse on sms.sender_opt_outs")]
    [InlineData("create trigger refuse before insert on sms.inbound_messages for each row execute function public.refuse()", "drop trigger refuse on sms.inbound_messages")]
    [InlineData("alter table sms.sender_opt_outs rename to hidden", "alter table sms.hidden rename to sender_opt_outs")]
    public async Task While_no_opt_out_can_be_written_marketing_waits_and_the_silo_is_not_ready(string broken, string mended)
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync();
        var customer = await cluster.CustomerAsync(business, "+12125550101");
        await cluster.Database.ExecuteAsync(
            "create function public.refuse() returns trigger language plpgsql as $f$ begin raise exception 'not writable' using errcode = 'object_not_in_prerequisite_state'; end $f$");
        var reader = cluster.Grains.GetGrain<IReaderGrain>(0);
        Assert.Null((await reader.CheckAsync()).Fault);

        await cluster.Database.ExecuteAsync(broken);
        await SmsCluster.UntilAsync(async () => (await reader.CheckAsync()).Fault?.Contains("opt-out", StringComparison.Ordinal) == true);
        if (!broken.Contains("rename", StringComparison.Ordinal))
        {
            var waits = await cluster.SendAsync(business, customer);
            var goes = await cluster.SendAsync(business, customer, category: "transactional");
            await cluster.UntilAsync(business, goes.Message!.Id, m => m.Status == "sent");
            await cluster.PassAsync(Duration.FromMinutes(1));
            Assert.Equal("pending", (await cluster.GetAsync(business, waits.Message!.Id)).Status);
            Assert.Single(cluster.Provider.Requests);

            await cluster.Database.ExecuteAsync(mended);
            await cluster.UntilAsync(business, waits.Message.Id, m => m.Status == "sent");
        }
        else
        {
            await cluster.Database.ExecuteAsync(mended);
        }

        await SmsCluster.UntilAsync(async () => (await reader.CheckAsync()).Fault is null);
    }
}
