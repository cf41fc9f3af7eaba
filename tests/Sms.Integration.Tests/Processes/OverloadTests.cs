using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Sms.Testing;

namespace Sms.Integration.Tests.Processes;

/// <summary>Clients push far more than the database takes.</summary>
[Collection(nameof(Alone))]
public sealed class OverloadTests
{
    [Fact]
    public async Task What_there_is_no_room_for_is_turned_away_with_a_time_to_come_again_and_what_is_accepted_is_there()
    {
        const int Clients = 48, EntriesEach = 1000;
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var (path, key) = rig.Business;
        var other = await MakeBusinessAsync(rig);
        // Each transaction takes the database a third of a second longer: some thousand sends a second at the best.
        rig.Statements.Delay = TimeSpan.FromMilliseconds(300);
        using var process = Process.GetProcessById(rig.FrontEnd.Id);
        var before = process.WorkingSet64;
        var accepted = new ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        int turnedAway = 0, unavailable = 0;

        var pushing = Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            // Nearly as long as a request may be.
            var entries = Enumerable.Range(0, EntriesEach).Select(n => new
            {
                to = $"+1512{5_000_000 + (client * EntriesEach) + n}",
                body = string.Create(CultureInfo.InvariantCulture, $"{client} {n}"),
                category = "transactional",
                sendAt = TimeProvider.System.GetUtcNow().AddDays(30),
                metadata = new { filler = new string('x', 800) },
            });
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{path}/messages/batch") { Content = JsonContent.Create(new { messages = entries }) };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            await request.Content.LoadIntoBufferAsync();
            using var reply = await rig.FrontEnd.Http.SendAsync(request);
            if (reply.StatusCode == HttpStatusCode.TooManyRequests)
            {
                Assert.NotNull(reply.Headers.RetryAfter);
                Interlocked.Increment(ref turnedAway);
                return;
            }

            Assert.True(reply.IsSuccessStatusCode, await reply.Content.ReadAsStringAsync());
            foreach (var result in JsonNode.Parse(await reply.Content.ReadAsStringAsync())!["results"]!.AsArray())
            {
                if (result!["status"]!.GetValue<int>() == 202)
                    accepted[result["message"]!["id"]!.GetValue<string>()] = true;
                else if (result["status"]!.GetValue<int>() == 503)
                    Interlocked.Increment(ref unavailable);
                else
                    Assert.Fail(result.ToJsonString());
            }
        }));

        // Another business notices that the database is slow, and nothing else.
        var others = new List<int>();
        while (!pushing.IsCompleted)
        {
            others.Add(await SendAsync(rig, other.Path, other.Key));
            others.Add(await ReadAsync(rig, other.Path, other.Key));
        }

        await pushing;
        process.Refresh();
        var grown = (process.PeakWorkingSet64 - before) / (1024 * 1024);
        rig.Statements.Delay = TimeSpan.Zero;
        Figures.Print($"overload: {others.Count} calls of another business; {accepted.Count} accepted, {unavailable} entries and {turnedAway} requests turned away, memory grew by {grown} MiB");
        Assert.True(turnedAway > 0 && !accepted.IsEmpty, $"{turnedAway} turned away, {accepted.Count} accepted");
        Assert.InRange(grown, 0, 600);
        Assert.All(others, status => Assert.InRange(status, 200, 202));
        // Each of those accepted exists, and nothing that was turned away does.
        var stored = await rig.Database.ScalarAsync<string[]>("select array_agg(id::text) from send_logs where channel = 'sms' and business_id = $1", Guid.Parse(path.Split('/')[^1]));
        Assert.Empty(accepted.Keys.Except(stored!, StringComparer.Ordinal));
        Assert.Equal(accepted.Count, stored!.Length);
        Assert.True(await rig.IsReadyAsync());
    }

    private static async Task<(string Path, string Key)> MakeBusinessAsync(ChaosRig rig)
    {
        using var made = await rig.FrontEnd.Http.PostAsJsonAsync(
            new Uri("/v1/businesses", UriKind.Relative), JsonNode.Parse("""{"name":"Other","timezone":"America/Chicago"}"""));
        var business = JsonNode.Parse(await made.Content.ReadAsStringAsync())!;
        return ($"/v1/businesses/{business["id"]}", business["apiKey"]!.GetValue<string>());
    }

    private static Task<int> SendAsync(ChaosRig rig, string path, string key) => AskAsync(rig, key, new HttpRequestMessage(HttpMethod.Post, $"{path}/messages")
    {
        Content = JsonContent.Create(new { to = "+13125550000", body = "Hi", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddDays(30) }),
    });

    private static Task<int> ReadAsync(ChaosRig rig, string path, string key) => AskAsync(rig, key, new HttpRequestMessage(HttpMethod.Get, path));

    private static async Task<int> AskAsync(ChaosRig rig, string key, HttpRequestMessage request)
    {
        using (request)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            using var reply = await rig.FrontEnd.Http.SendAsync(request);
            return (int)reply.StatusCode;
        }
    }
}
