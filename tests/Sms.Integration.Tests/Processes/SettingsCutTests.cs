using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Processes;

/// <summary>A change of a business whose commit gets no answer, as often as it is tried: there is one truth afterwards.</summary>
[Collection(nameof(Alone))]
public sealed class SettingsCutTests
{
    [Fact]
    public async Task A_pause_whose_commit_gets_no_answer_is_what_the_database_says()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var path = rig.Business.Path;
        var message = new { to = "+15125550123", body = "Hi", category = "transactional" };
        Assert.Equal(HttpStatusCode.Accepted, (await CallAsync(rig, HttpMethod.Post, $"{path}/messages", message)).Status);

        var cut = rig.Statements.NextAsync("update public.businesses", TrapKind.CutAfterCommit);
        for (var n = 0; n < 200; n++)
            _ = rig.Statements.NextAsync("update public.businesses", TrapKind.CutAfterCommit);
        var changed = await CallAsync(rig, HttpMethod.Patch, path, new { settings = new { paused = true } });
        await cut.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.True(await rig.Database.ScalarAsync<bool>("select sms_settings @> '{\"paused\": true}' from businesses where id = $1", Guid.Parse(path.Split('/')[^1])));
        Assert.True(changed.Status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{changed.Status}");
        Assert.True((await CallAsync(rig, HttpMethod.Get, path, body: null)).Json!["settings"]!["paused"]!.GetValue<bool>());
        var refused = await CallAsync(rig, HttpMethod.Post, $"{path}/messages", message);
        Assert.Equal((HttpStatusCode.Conflict, "business_paused"), (refused.Status, refused.Json!["code"]!.GetValue<string>()));
    }

    private static async Task<(HttpStatusCode Status, JsonNode? Json)> CallAsync(ChaosRig rig, HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", FourProcesses.AdminKey);
        using var reply = await rig.FrontEnd.Http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        return (reply.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text));
    }
}
