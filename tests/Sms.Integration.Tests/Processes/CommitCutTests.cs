using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Sms.Silo.Simulator;
using Sms.Testing.Databases;

namespace Sms.Integration.Tests.Processes;

/// <summary>
/// The connection is cut at the commit of each write path, before it and after it. Whether it happened is asked by id and
/// never assumed: the client sees what it would have seen, and the work is done once.
/// </summary>
[Collection(nameof(Alone))]
public sealed class CommitCutTests
{
    [Fact]
    public async Task A_connection_cut_at_the_commit_of_any_write_is_neither_seen_by_the_client_nor_done_twice()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var path = rig.Business.Path;
        foreach (var kind in new[] { TrapKind.CutBeforeCommit, TrapKind.CutAfterCommit })
        {
            // What follows from a send: accepted, claimed, begun, settled, reported.
            foreach (var (statement, wait) in new (string, TimeSpan?)[]
            {
                ("sms.lookup_sends", null), ("sms.accept_messages", null), ("sms.settle_attempts", null), ("sms.apply_callbacks", null),
                ("claim_due_sms_retries", TimeSpan.FromMilliseconds(300)), ("sms.lookup_claims", TimeSpan.FromMilliseconds(300)), ("sms.begin_attempts", TimeSpan.FromMilliseconds(300)),
            })
            {
                var cut = rig.Statements.NextAsync(statement, kind);
                await rig.SendAsync($"{kind} {statement.Replace('.', ' ')}", 3, wait: wait);
                await cut.WaitAsync(TimeSpan.FromSeconds(60));
            }

            // What people do.
            var made = await CutAsync(rig, "insert into public.businesses", kind, HttpMethod.Post, "/v1/businesses", new { name = $"{kind}" }, HttpStatusCode.Created);
            Assert.Equal(1, await CountAsync(rig, $"businesses where name = '{kind}'"));
            var own = $"/v1/businesses/{made!["id"]}";
            await CutAsync(rig, "update public.businesses", kind, HttpMethod.Patch, own, new { settings = new { bodyLimit = 200 } }, HttpStatusCode.OK);
            var key = await CutAsync(rig, "select sms.add_api_key", kind, HttpMethod.Post, $"{own}/api-keys", new { }, HttpStatusCode.Created);
            await CutAsync(rig, "update sms.api_keys", kind, HttpMethod.Delete, $"{own}/api-keys/{key!["id"]}", body: null, HttpStatusCode.NoContent);
            var customer = await CutAsync(rig, "sms.add_customer", kind, HttpMethod.Post, $"{own}/customers",
                new { phone = "+15125550123", smsConsent = new { status = "opted_in", method = "website_form", source = "x" } }, HttpStatusCode.Created);
            var consent = $"{own}/customers/{customer!["id"]}/consent";
            await CutAsync(rig, "sms.record_consent", kind, HttpMethod.Post, consent, new { status = "opted_in", method = "phone_call", source = "y" }, HttpStatusCode.Created);
            Assert.Equal(2, await CountAsync(rig, $"sms.consent_events where customer_id = '{customer["id"]}'"));
            await CutAsync(rig, "sms.add_opt_out", kind, HttpMethod.Put, $"{own}/opt-outs/+15125550124", new { reason = "z" }, HttpStatusCode.NoContent);
            await CutAsync(rig, "sms.remove_suppression", kind, HttpMethod.Delete, $"{own}/opt-outs/+15125550124", body: null, HttpStatusCode.NoContent);

            var waiting = await CallAsync(rig, HttpMethod.Post, $"{own}/messages",
                new { to = "+15125550125", body = "later", category = "transactional", sendAt = TimeProvider.System.GetUtcNow().AddDays(1) }, HttpStatusCode.Accepted);
            var cancelled = await CutAsync(rig, "sms.cancel_message", kind, HttpMethod.Post, $"{own}/messages/{waiting!["id"]}/cancel", new { }, HttpStatusCode.OK);
            Assert.Equal("cancelled", cancelled!["status"]!.GetValue<string>());

            rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.Refuse, Code: 21617), to: "+15125550126");
            var refused = await CallAsync(rig, HttpMethod.Post, $"{own}/messages", new { to = "+15125550126", body = $"again {kind}", category = "transactional" }, HttpStatusCode.Accepted);
            await Postgres.Eventually.TrueAsync(async () => await CountAsync(rig, $"send_logs where id = '{refused!["id"]}' and status = 'failed'") == 1);
            await CutAsync(rig, "sms.retry_message", kind, HttpMethod.Post, $"{own}/messages/{refused!["id"]}/retry", new { }, HttpStatusCode.Accepted);
            await Postgres.Eventually.TrueAsync(async () => await CountAsync(rig, $"send_logs where id = '{refused["id"]}' and status = 'delivered'") == 1);
            Assert.Single(rig.Simulator.Ledger.MessagesTo("+15125550126"), m => m.Body == $"again {kind}");
        }

        Assert.Equal(0, rig.Errors);
        // The two that were cancelled and the two that were retried are not of the rig's own sends.
        Assert.Equal(new Verdict(42, 0, 0, 0, 0, Stray: 4), await rig.JudgeAsync("cut at every write"));
    }

    [Fact]
    public async Task A_connection_cut_while_the_server_commits_an_attempt_holds_up_its_text_for_seconds_only()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        await rig.Database.ExecuteAsync(
            """
            create function public.slow_disk() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end';
            create constraint trigger slow_disk after insert on sms.attempts deferrable initially deferred for each row execute function public.slow_disk();
            """);
        // The first send of a process takes its time; what is due by then goes without the queue.
        await rig.SendAsync("first", 1);
        var cut = rig.Statements.NextAsync("sms.begin_attempts", TrapKind.CutAtCommit);
        await rig.SendAsync("slow disk", 1, wait: TimeSpan.FromSeconds(1));
        await cut.WaitAsync(TimeSpan.FromSeconds(60));

        var started = Stopwatch.GetTimestamp();
        await Postgres.Eventually.TrueAsync(async () => await CountAsync(rig, "send_logs where status = 'delivered'") == 2);

        // The process lives: its attempt would be given up for dead after 18 seconds, and then looked up.
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(12));
        Assert.Equal(new Verdict(2, 0, 0, 0, 0, Stray: 0), await rig.JudgeAsync("cut at a slow commit"));
    }

    private static async Task<JsonNode?> CutAsync(ChaosRig rig, string statement, TrapKind kind, HttpMethod method, string path, object? body, HttpStatusCode expected)
    {
        var cut = rig.Statements.NextAsync(statement, kind);
        var reply = await CallAsync(rig, method, path, body, expected);
        Assert.True(cut.IsCompleted, $"{statement} was not cut.");
        return reply;
    }

    private static async Task<JsonNode?> CallAsync(ChaosRig rig, HttpMethod method, string path, object? body, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", FourProcesses.AdminKey);
        using var reply = await rig.FrontEnd.Http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        Assert.True(reply.StatusCode == expected, $"{method} {path}: {reply.StatusCode} {text}");
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }

    private static Task<long> CountAsync(ChaosRig rig, string what) => rig.Database.ScalarAsync<long>($"select count(*) from {what}");
}
