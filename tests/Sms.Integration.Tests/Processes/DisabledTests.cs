using Sms.Integration.Tests.Api;

namespace Sms.Integration.Tests.Processes;

public sealed class DisabledTests
{
    [Fact]
    public async Task Without_credentials_the_program_says_so_once_and_refuses_sends()
    {
        await using var api = await RunningApi.StartAsync(("SMS_PROVIDER", "disabled"), ("SMS_CLUSTER_ID", "cluster-7"), ("SMS_SERVICE_ID", "service-7"));
        const string Warning = "Twilio credentials not configured - SMS sending disabled";
        Assert.Single(api.Silo.Output.Split('\n'), l => l.Contains(Warning, StringComparison.Ordinal));

        // The names of the cluster are those given.
        Assert.Equal("cluster-7", await api.Database.ScalarAsync<string>("select string_agg(distinct deploymentid, ',') from orleans.cluster_member"));
        Assert.Equal("service-7", await api.Database.ScalarAsync<string>("select string_agg(distinct serviceid, ',') from orleans.reminder"));

        var business = await api.NewBusinessAsync();
        foreach (var category in new[] { "marketing", "transactional", "otp" })
        {
            var reply = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category }, "k");
            Assert.Equal((503, "sms_disabled"), (reply.Status, reply.Code));
            Assert.NotNull(reply.Headers.RetryAfter);
        }

        Assert.Equal(0, await business.CountRowsAsync());
        // All else works.
        Assert.Equal(201, (await business.PostAsync("/customers", new { phone = api.NewNumber() })).Status);
        Assert.Equal(200, (await business.GetAsync("/messages")).Status);
        Assert.Equal(200, (await api.Client.PostAsync("/v1/preview/segments", new { body = "Hi" }, business.Key)).Status);
        Assert.Single(api.Silo.Output.Split('\n'), l => l.Contains(Warning, StringComparison.Ordinal));
    }
}
