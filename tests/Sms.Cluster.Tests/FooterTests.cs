using NodaTime;
using Sms.Testing.Clusters;

namespace Sms.Cluster.Tests;

public sealed class FooterTests
{
    private const string Footer = "\nReply STOP to opt out";
    private static readonly Instant Noon = Instant.FromUtc(2026, 6, 15, 16, 0);

    [Theory]
    [InlineData("first_message", true, false)]
    [InlineData("always", true, true)]
    [InlineData("none", false, false)]
    public async Task Marketing_says_how_to_opt_out_as_the_business_wants_it(string setting, bool first, bool second)
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: $$"""{"optOutFooter": "{{setting}}"}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");
        var body = new string('x', 155);

        foreach (var footer in new[] { first, second })
        {
            var message = (await cluster.SendAsync(business, customer, body)).Message!;
            Assert.Equal(body, message.Body);
            Assert.Equal(footer ? Footer : null, message.Footer);
            Assert.Equal(footer ? 2 : 1, message.Segments);
            await cluster.UntilAsync(business, message.Id, m => m.Status == "sent");
            Assert.Equal(footer ? body + Footer : body, cluster.Provider.Requests[^1].Request.Body);
        }
    }

    [Fact]
    public async Task Transactional_texts_carry_no_footer_and_a_marketing_text_without_room_for_it_is_refused()
    {
        await using var cluster = await SmsCluster.StartAsync(Noon);
        var business = await cluster.BusinessAsync(settings: """{"bodyLimit": 1600}""");
        var customer = await cluster.CustomerAsync(business, "+12125551234");

        Assert.Null((await cluster.SendAsync(business, customer, new string('x', 1600), category: "transactional")).Message!.Footer);
        Assert.Equal("body_too_long", (await cluster.SendAsync(business, customer, new string('x', 1579))).Refusal!.Code);
        Assert.Equal(Footer, (await cluster.SendAsync(business, customer, new string('x', 1578))).Message!.Footer);
    }
}
