using System.Globalization;

namespace Sms.Integration.Tests.Api;

/// <summary>The operator finds a message, or a business, without knowing whose it is.</summary>
public sealed class FindingTests(SharedSilo shared)
{
    [Fact]
    public async Task A_message_is_found_by_its_id_the_providers_and_its_number()
    {
        var api = await shared.GetAsync();
        var (one, other) = (await api.NewBusinessAsync(), await api.NewBusinessAsync());
        var to = api.NewNumber();
        var first = await one.SendTransactionalAsync(to, "first");
        var second = await other.SendTransactionalAsync(to, "second");
        await one.SendTransactionalAsync(api.NewNumber(), "to another");
        var sid = (await one.WhenSentAsync(first)).Json!["providerMessageId"]!["twilio_sid"]!.GetValue<string>();

        foreach (var name in new[] { first.ToString(), sid })
        {
            var found = await api.Client.GetAsync($"/v1/messages/{name}", SharedSilo.AdminKey);
            Assert.Equal((200, first, one.Id), (found.Status, found.Id, found.Json!["businessId"]!.GetValue<Guid>()));
        }

        var cursor = "";
        foreach (var expected in new[] { second, first })
        {
            var page = await api.Client.GetAsync($"/v1/messages?to={Uri.EscapeDataString(to)}&limit=1{cursor}", SharedSilo.AdminKey);
            Assert.Equal(expected, page.Json!["data"]!.AsArray().Single()!["id"]!.GetValue<Guid>());
            cursor = $"&cursor={page.Json["nextCursor"]}";
        }

        Assert.Equal("&cursor=", cursor);
        Assert.Equal(404, (await api.Client.GetAsync($"/v1/messages/{Guid.NewGuid()}", SharedSilo.AdminKey)).Status);
        Assert.Equal(404, (await api.Client.GetAsync("/v1/messages/SM00000000000000000000000000000000", SharedSilo.AdminKey)).Status);
        Assert.Equal(404, (await api.Client.GetAsync("/v1/messages/nonsense", SharedSilo.AdminKey)).Status);
        Assert.Equal(422, (await api.Client.GetAsync("/v1/messages", SharedSilo.AdminKey)).Status);
        Assert.Equal(422, (await api.Client.GetAsync("/v1/messages?to=12", SharedSilo.AdminKey)).Status);
        foreach (var path in new[] { $"/v1/messages/{first}", $"/v1/messages?to={Uri.EscapeDataString(to)}", "/v1/businesses" })
            Assert.Equal((403, "admin_key_required"), (await api.Client.GetAsync(path, one.Key)) is var r ? (r.Status, r.Code) : default);
    }

    [Fact]
    public async Task Businesses_are_listed_in_pages_and_found_by_their_name()
    {
        var api = await shared.GetAsync();
        var mark = Guid.NewGuid().ToString("N");
        var made = new List<Guid>();
        for (var n = 0; n < 3; n++)
        {
            made.Add((await api.Client.PostAsync(
                "/v1/businesses", new { name = string.Create(CultureInfo.InvariantCulture, $"Plumber {mark} {n}") }, SharedSilo.AdminKey)).Id);
        }

        var found = new List<Guid>();
        var cursor = "";
        do
        {
            var page = await api.Client.GetAsync($"/v1/businesses?query={mark.ToUpperInvariant()}&limit=2{cursor}", SharedSilo.AdminKey);
            Assert.Equal(200, page.Status);
            found.AddRange(page.Json!["data"]!.AsArray().Select(b => b!["id"]!.GetValue<Guid>()));
            cursor = page.Json["nextCursor"] is { } next ? $"&cursor={next}" : null;
        }
        while (cursor is not null);
        Assert.Equal(made.AsEnumerable().Reverse(), found);

        var one = await api.Client.GetAsync($"/v1/businesses?query={made[1]}", SharedSilo.AdminKey);
        var business = one.Json!["data"]!.AsArray().Single()!;
        Assert.Equal(made[1], business["id"]!.GetValue<Guid>());
        Assert.NotNull(business["settings"]!["requireConsent"]);
    }
}
