namespace Sms.Integration.Tests.Api;

/// <summary>A number that was written wrongly is refused, and never read as somebody else's.</summary>
public class NumberInputTests(SharedSilo shared)
{
    [Theory]
    [InlineData("DE", "01701234567.0")]
    [InlineData("IN", "9876543210.0")]
    [InlineData("DE", "+4917012345670.0")]
    [InlineData("DE", "01701234567,0")]
    [InlineData("DE", "030 1234567/68")]
    [InlineData("US", "4.91701E+12")]
    [InlineData("US", "212555123.0")]
    [InlineData("US", "0000000000")]
    [InlineData("US", "(000) 000-0000")]
    [InlineData("CA", "0125550123")]
    [InlineData("US", "+10000000000")]
    [InlineData("US", "+12120551234")]
    [InlineData("GB", "+19115551234")]
    public async Task It_is_refused_wherever_a_number_is_given(string region, string phone)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, region });
        var customer = await business.NewCustomerAsync(api.NewNumber());
        foreach (var reply in new[]
        {
            await business.PostAsync("/customers", new { phone }),
            await business.SendAsync(new { to = phone, body = "Hi", category = "transactional" }),
            await api.Client.PatchAsync($"{business.Path}/customers/{customer}", new { phone }, business.Key),
            await api.Client.SendAsync(HttpMethod.Put, $"{business.Path}/opt-outs/{Uri.EscapeDataString(phone)}", null, business.Key),
            await business.GetAsync($"/customers?phone={Uri.EscapeDataString(phone)}"),
        })
            Assert.Equal((422, "invalid_phone"), (reply.Status, reply.Code));
        if (region is "US")
            Assert.Equal("invalid_phone", (await api.Client.PostAsync("/v1/preview/quiet-hours", new { phone }, business.Key)).Code);
    }

    [Fact]
    public async Task A_STOP_is_recorded_whatever_the_number_it_comes_from()
    {
        var api = await shared.GetAsync();
        Assert.Equal(200, (await new Webhooks(api).InboundAsync("+10000000000", "STOP")).Status);
        Assert.Equal(1, await api.Database.ScalarAsync<long>("select count(*) from sms.sender_opt_outs where phone = '+10000000000'"));
    }

    [Theory]
    [InlineData("region", """ "XX" """)]
    [InlineData("region", """ "ZZ" """)]
    [InlineData("region", """ "UK" """)]
    [InlineData("sender", """{"from":"+10000000000"}""")]
    [InlineData("sender", """{"from":"+15125550100","messagingServiceSID":"MG00000000000000000000000000000000"}""")]
    public async Task A_setting_that_can_never_work_is_refused(string setting, string value)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var reply in new[]
        {
            await business.PatchAsync($$$"""{"settings":{"{{{setting}}}":{{{value}}} }}"""),
            await api.Client.PostAsync("/v1/businesses", $$$"""{"name":"Acme","settings":{"{{{setting}}}":{{{value}}} }}""", SharedSilo.AdminKey),
        })
            Assert.Equal((422, $"settings.{setting}"), (reply.Status, Assert.Single(reply.Json!["errors"]!.AsObject()).Key));
    }
}
