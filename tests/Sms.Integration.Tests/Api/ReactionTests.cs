namespace Sms.Integration.Tests.Api;

/// <summary>What phones quote is not what people say.</summary>
public class ReactionTests(SharedSilo shared)
{
    [Fact]
    public async Task A_reaction_to_our_own_footer_changes_nothing_and_words_beside_it_do()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = true });
        var (to, twilio) = (api.NewNumber(), new Webhooks(api));
        var customer = await business.NewCustomerAsync(to, Hours.Noon);
        foreach (var body in new[]
        {
            "Liked “Sale today. Reply STOP to opt out”", "Loved “To unsubscribe from our texts reply STOP”", "A Ana le gustó “Responda ALTO”", "A aimé « Répondez STOP »",
            "Hat „Reply STOP“ mit „Gefällt mir“ markiert", "\u200A\u200B👍\u200B to “\u200ASale today. Reply STOP to opt out\u200A”\u200A", "Removed a like from “Reply STOP to…",
            "What time?\n> Sale today. Reply STOP to opt out",
        })
        {
            Assert.Equal(200, (await twilio.InboundAsync(to, body)).Status);
            Assert.Equal(202, (await business.SendAsync(new { to, body = "Offer" })).Status);
        }

        Assert.Single((await business.GetAsync($"/customers/{customer}/consent")).Json!["data"]!.AsArray());
        await twilio.InboundAsync(to, "Liked “Sale today. Reply STOP to opt out” but please stop texting me");
        Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "1234", category = "otp" })).Code);
    }

    [Fact]
    public async Task Ones_own_word_between_quotation_marks_opts_out()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        foreach (var body in new[] { "\"STOP\"", "“stop”", "Stop “Sale today…”" })
        {
            var to = api.NewNumber();
            await business.NewCustomerAsync(to, Hours.Noon);
            await new Webhooks(api).InboundAsync(to, body);
            Assert.Equal("opted_out", (await business.SendAsync(new { to, body = "Hi", category = "transactional" })).Code);
        }
    }
}
