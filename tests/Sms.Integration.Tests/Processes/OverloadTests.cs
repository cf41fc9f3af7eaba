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
        // Each transaction takes the database a third of a second longer: some thousand sends a second at the best.
        rig.Statements.Delay = TimeSpan.FromMilliseconds(300);
        using var process = Process.GetProcessById(rig.FrontEnd.Id);
        var before = process.WorkingSet64;
        var accepted = new ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        int turnedAway = 0, unavailable = 0;

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
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
            if (reply.StatusCode == HttpStatusCode.ServiceUnavailable)
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

        process.Refresh();
        var grown = (process.PeakWorkingSet64 - before) / (1024 * 1024);
        rig.Statements.Delay = TimeSpan.Zero;
        Figures.Print($"overload: {accepted.Count} accepted, {unavailable} entries and {turnedAway} requests turned away, memory grew by {grown} MiB");
        Assert.True(turnedAway > 0 && !accepted.IsEmpty, $"{turnedAway} turned away, {accepted.Count} accepted");
        Assert.InRange(grown, 0, 600);
        // Each of those accepted exists, and nothing that was turned away does.
        var stored = await rig.Database.ScalarAsync<string[]>("select array_agg(id::text) from send_logs where channel = 'sms'");
        Assert.Empty(accepted.Keys.Except(stored!, StringComparer.Ordinal));
        Assert.Equal(accepted.Count, stored!.Length);
        Assert.True(await rig.IsReadyAsync());
    }
}
