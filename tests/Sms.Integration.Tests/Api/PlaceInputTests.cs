namespace Sms.Integration.Tests.Api;

/// <summary>Whatever decides where somebody is, is read or refused, and never passed over.</summary>
public class PlaceInputTests(SharedSilo shared)
{
    [Theory]
    [InlineData("postalCode", "2134")]
    [InlineData("postalCode", "banana")]
    [InlineData("postalCode", "021344")]
    [InlineData("postalCode", "02134-12")]
    [InlineData("postalCode", "00000")]
    [InlineData("postalCode", "")]
    [InlineData("postalCode", "  ")]
    [InlineData("postalCode", "111111111111111111111")]
    [InlineData("state", "")]
    [InlineData("state", " ")]
    [InlineData("state", "Massachusetts")]
    [InlineData("state", "M4")]
    [InlineData("timezone", "")]
    [InlineData("timezone", " ")]
    [InlineData("timezone", "Boston")]
    [InlineData("timezone", "america/new_york")]
    public async Task What_is_no_place_is_refused_by_name(string member, string value)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber());
        var preview = new Dictionary<string, string>(StringComparer.Ordinal) { [member] = value };
        if (member is not "timezone")
            preview["phone"] = "+12132340123";
        foreach (var reply in new[]
        {
            await business.PostAsync("/customers", new Dictionary<string, string>(StringComparer.Ordinal) { ["phone"] = api.NewNumber(), [member] = value }),
            await api.Client.PatchAsync($"{business.Path}/customers/{customer}", new Dictionary<string, string>(StringComparer.Ordinal) { [member] = value }, business.Key),
            await api.Client.PostAsync("/v1/preview/quiet-hours", preview, business.Key),
        })
        {
            Assert.Equal(422, reply.Status);
            if (member is "timezone")
                Assert.Equal("invalid_timezone", reply.Code);
            else
                Assert.Equal(member, Assert.Single(reply.Json!["errors"]!.AsObject()).Key);
        }
    }

    [Fact]
    public async Task Codes_of_the_US_and_Canada_are_taken_and_those_of_other_countries_by_the_number()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var (phone, postalCode) in new[] { (api.NewNumber(), "02134"), (api.NewNumber(), "02134-1234"), (api.NewNumber(), "K1A 0B1"), (api.NewNumber(), "09012"), ("+447400123456", "SW1A 1AA"), ("+4930123456", "2134") })
        {
            var made = await business.PostAsync("/customers", new { phone, postalCode });
            Assert.Equal((201, postalCode), (made.Status, made.Json!["postalCode"]!.GetValue<string>()));
            Assert.Equal(200, (await api.Client.PatchAsync($"{business.Path}/customers/{made.Id}", new { postalCode }, business.Key)).Status);
        }

        var moved = await business.PostAsync("/customers", new { phone = "+447400123457" });
        Assert.Equal(422, (await api.Client.PatchAsync($"{business.Path}/customers/{moved.Id}", new { phone = api.NewNumber(), postalCode = "SW1A 1AA" }, business.Key)).Status);
    }

    [Theory]
    [InlineData("postal_code", "2134")]
    [InlineData("postal_code", "banana")]
    [InlineData("state", "Taxes")]
    [InlineData("timezone", "Eastern Time")]
    public async Task What_others_wrote_and_nobody_can_read_loosens_no_hours(string column, string value)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var customer = await business.NewCustomerAsync(api.NewNumber());
        await api.Database.ExecuteAsync($"update customers set {column} = $2 where id = $1", customer, value);

        var reply = await business.SendAsync(new { customerId = customer, body = "Offer" });
        Assert.Equal(202, reply.Status);
        var zones = reply.Json!["decision"]!["timezones"]!.AsArray().Select(z => z!.GetValue<string>()).ToList();
        Assert.Contains("Pacific/Honolulu", zones);
        Assert.Contains("America/New_York", zones);
        Assert.Equal(51, reply.Json["decision"]!["jurisdictions"]!.AsArray().Count);
    }
}
