using System.Text.Json.Nodes;

namespace Sms.Integration.Tests.Api;

/// <summary>What a decision names by a number alone can be looked up.</summary>
public class HistoryTests(SharedSilo shared)
{
    [Fact]
    public async Task Each_version_of_a_business_is_kept_with_who_made_it()
    {
        var api = await shared.GetAsync();
        var business = await api.NewBusinessAsync();
        var key = (await business.GetAsync("/api-keys")).Json!["data"]!.AsArray().Single()!["id"]!.GetValue<string>();
        var first = (await HistoryAsync(business, ""))[0];
        await business.PatchAsync(new { settings = new { bodyLimit = 99 } });
        // What changes nothing makes no version.
        await business.PatchAsync(new { settings = new { bodyLimit = 99 } });
        await business.PatchAsync(new { timezone = "America/Denver" });

        var all = await HistoryAsync(business, "");
        Assert.Equal([2L, 1, 0], all.Take(3).Select(v => v["version"]!.GetValue<long>() - first["version"]!.GetValue<long>()));
        Assert.Equal(($"key {key}", "America/Denver", 99), (all[0]["actor"]!.GetValue<string>(), all[0]["timezone"]!.GetValue<string>(), all[0]["settings"]!["bodyLimit"]!.GetValue<int>()));
        Assert.NotEqual(99, all[2]["settings"]!["bodyLimit"]!.GetValue<int>());
        Assert.Equal("admin", all[^1]["actor"]!.GetValue<string>());

        // By what a decision names, and by pages.
        var sent = await business.SendAsync(new { to = api.NewNumber(), body = "Hi", category = "transactional" });
        var named = Assert.Single(await HistoryAsync(business, $"?version={sent.Json!["decision"]!["settingsVersion"]}"));
        Assert.Equal(all[0].ToJsonString(), named.ToJsonString());
        var page = await business.GetAsync("/settings/history?limit=2");
        var next = await business.GetAsync($"/settings/history?limit=2&cursor={page.Json!["nextCursor"]}");
        Assert.Equal(all.Take(4).Select(v => v.ToJsonString()), page.Json["data"]!.AsArray().Concat(next.Json!["data"]!.AsArray()).Select(v => v!.ToJsonString()));
        Assert.Equal(422, (await business.GetAsync("/settings/history?version=last")).Status);
    }

    [Fact]
    public async Task Each_revision_of_the_blackouts_is_kept_with_who_made_it()
    {
        var api = await shared.GetAsync();
        var id = Guid.CreateVersion7();
        async Task PutAsync(string reason) => Assert.Equal(200, (await api.Client.SendAsync(
            HttpMethod.Put, $"/v1/blackouts/{id}", ApiClient.Json($$"""{"state":"WY","from":"2001-04-05","until":"2001-04-06","reason":"{{reason}}"}"""), SharedSilo.AdminKey)).Status);
        await PutAsync("storm");
        // The same again is no change.
        await PutAsync("storm");
        await PutAsync("flood");
        Assert.Equal(204, (await api.Client.SendAsync(HttpMethod.Delete, $"/v1/blackouts/{id}", null, SharedSilo.AdminKey)).Status);

        // Other tests make blackouts at the same time.
        var changes = (await api.Client.GetAsync("/v1/blackouts/history?limit=200", SharedSilo.AdminKey)).Json!["data"]!.AsArray()
            .Where(c => c!["blackout"]!["id"]!.GetValue<Guid>() == id).ToList();
        Assert.Equal(
            [("lifted", "flood", "admin"), ("changed", "flood", "admin"), ("made", "storm", "admin")],
            changes.Select(c => (c!["action"]!.GetValue<string>(), c["blackout"]!["reason"]!.GetValue<string>(), c["actor"]!.GetValue<string>())));
        foreach (var (change, expected) in changes.Zip(new[] { null, "flood", "storm" }))
        {
            var then = (await api.Client.GetAsync($"/v1/blackouts?revision={change!["revision"]}", SharedSilo.AdminKey)).Json!;
            Assert.Equal(change["revision"]!.GetValue<long>(), then["revision"]!.GetValue<long>());
            Assert.Equal(expected, then["data"]!.AsArray().SingleOrDefault(b => b!["id"]!.GetValue<Guid>() == id)?["reason"]!.GetValue<string>());
        }

        Assert.Equal(422, (await api.Client.GetAsync("/v1/blackouts?revision=999999999", SharedSilo.AdminKey)).Status);
        Assert.Equal(200, (await api.Client.GetAsync("/v1/blackouts?revision=0", SharedSilo.AdminKey)).Status);
        var business = await api.NewBusinessAsync();
        Assert.Equal(403, (await api.Client.GetAsync("/v1/blackouts/history", business.Key)).Status);
    }

    private static async Task<List<JsonNode>> HistoryAsync(TestBusiness business, string query) =>
        [.. (await business.GetAsync($"/settings/history{query}")).Json!["data"]!.AsArray().Select(v => v!)];
}
