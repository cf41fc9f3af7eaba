namespace Sms.Integration.Tests.Api;

/// <summary>The line that says how to opt out is never left out in silence.</summary>
public class OptOutLineTests(SharedSilo shared)
{
    [Theory]
    [InlineData("always", 'x')]
    [InlineData("first_message", 'x')]
    [InlineData("always", 'ж')]
    public async Task A_text_that_leaves_no_room_for_it_is_refused(string optOutFooter, char letter)
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync(new { requireConsent = false, bodyLimit = 1600, optOutFooter });
        foreach (var (length, fits) in new[] { (1577, true), (1578, true), (1579, false), (1600, false) })
        {
            var body = new string(letter, length);
            var preview = await api.Client.PostAsync("/v1/preview/segments", new { body, footer = true }, business.Key);
            var to = api.NewNumber();
            var reply = await business.SendAsync(new { to, body });
            Assert.Equal(fits ? (200, 202) : (422, 422), (preview.Status, reply.Status));
            // What carries no such line may be as long as ever.
            Assert.Equal(202, (await business.SendAsync(new { to = api.NewNumber(), body, category = "transactional" })).Status);
            Assert.Equal(200, (await api.Client.PostAsync("/v1/preview/segments", new { body }, business.Key)).Status);
            if (fits)
            {
                Assert.Equal("\nReply STOP to opt out", reply.Json!["footer"]!.GetValue<string>());
                Assert.Equal(preview.Json!["segments"]!.GetValue<int>(), reply.Json["segments"]!.GetValue<int>());
                // The next one has none, unless each has.
                Assert.Equal(optOutFooter is "always" ? 422 : 202, (await business.SendAsync(new { to, body = new string(letter, 1600) })).Status);
            }
            else
            {
                Assert.Equal(("body_too_long", "body_too_long"), (preview.Code, reply.Code));
                Assert.Equal(preview.Json!["detail"]!.GetValue<string>(), reply.Json!["detail"]!.GetValue<string>());
                Assert.Contains("22", reply.Json["detail"]!.GetValue<string>(), StringComparison.Ordinal);
            }
        }
    }
}
