using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using Sms.Silo.Simulator;
using Sms.Testing;

namespace Sms.Integration.Tests.Processes;

/// <summary>What befalls one business is noticed by no other.</summary>
[Collection(nameof(Alone))]
public sealed class NeighbourTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("update send_logs set metadata = metadata where business_id = $1", 300)]
    [InlineData("update sms_retry_queue set updated_at = updated_at where business_id = $1", 300)]
    [InlineData("select 1 from send_logs where business_id = $1 for update", 20)]
    [InlineData("update customers set name = name where business_id = $1", 300)]
    [InlineData("update customers set sms_consent_status = 'unknown' where business_id = $1", 300)]
    public async Task Somebodys_open_transaction_holds_up_only_those_whose_rows_it_has(string statement, int rows)
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var locked = new Tenant(rig, rig.Business.Path, rig.Business.Key);
        var other = await Tenant.MakeAsync(rig);
        await locked.SendBatchAsync("A", rows, wait: TimeSpan.FromSeconds(2));

        await using (var open = await OpenAsync(rig, statement, locked.Id))
        {
            for (var n = 0; n < 40; n++)
                await other.SendAsync($"B {n}", n);
            await other.WhenTextedAsync(40);
        }

        Assert.InRange(other.SlowestAccept, TimeSpan.Zero, Patience);
        Assert.InRange(other.SlowestText, TimeSpan.Zero, Patience);
        Assert.Equal(0, other.Refused);
        await rig.Simulator.Ledger.WhenAsync(l => l.Messages.Count >= rows + 40, new CancellationTokenSource(TimeSpan.FromSeconds(90)).Token);
        Assert.All(rig.Simulator.Ledger.Messages.GroupBy(m => m.Body), texts => Assert.Single(texts));
    }

    [Fact]
    public async Task Posts_to_a_business_that_somebody_has_locked_turn_no_other_business_away()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var locked = new Tenant(rig, rig.Business.Path, rig.Business.Key);
        var other = await Tenant.MakeAsync(rig);
        await locked.SendAsync("A first", 0);
        await other.SendAsync("B first", 1);
        await other.WhenTextedAsync(1);

        Task[] posting;
        using var stop = new CancellationTokenSource();
        await using (var open = await OpenAsync(rig, "select 1 from businesses where id = $1 for update", locked.Id))
        {
            posting = [.. Enumerable.Range(0, 16).Select(async client =>
            {
                for (var n = 0; !stop.IsCancellationRequested; n++)
                    await locked.SendAsync($"A {client} {n}", client);
            })];
            for (var n = 0; n < 60; n++)
                await other.SendAsync($"B {n}", n);
        }

        await stop.CancelAsync();
        await Task.WhenAll(posting);
        Assert.Equal(0, other.Refused);
        Assert.InRange(other.SlowestAccept, TimeSpan.Zero, Patience);
    }

    [Fact]
    public async Task Requests_of_one_business_that_hang_delay_no_text_of_another()
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var hanging = new Tenant(rig, rig.Business.Path, rig.Business.Key);
        var other = await Tenant.MakeAsync(rig);
        for (var n = 0; n < 40; n++)
            rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.HangBeforeAccepting), to: Tenant.Phone(n));
        // The first to each of forty recipients hangs; four more wait behind it, claimed.
        await hanging.SendBatchAsync("hangs", 40, recipients: 40);
        await rig.Simulator.Ledger.WhenAsync(l => l.Hanging > 30, new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token);
        await hanging.SendBatchAsync("behind", 400, recipients: 40);

        for (var n = 0; n < 20; n++)
            await other.SendAsync($"B {n}", 1000 + n, wait: TimeSpan.FromMilliseconds(300));
        await other.WhenTextedAsync(20);

        Assert.InRange(other.SlowestText, TimeSpan.Zero, TimeSpan.FromSeconds(1.3));
        rig.Simulator.Faults.ReleaseHangs();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // through the queue
    public async Task A_one_time_password_passes_all_that_others_have_waiting(bool isScheduled)
    {
        await using var rig = await ChaosRig.StartAsync(silos: 0);
        var bulk = new Tenant(rig, rig.Business.Path, rig.Business.Key);
        var other = await Tenant.MakeAsync(rig);
        rig.Simulator.Faults.Enqueue(new SimulatedFault(SimulatedFaultKind.Latency) { Latency = TimeSpan.FromSeconds(1.5) }, count: 1000);
        // More than all claimers have room for.
        for (var n = 0; n < 4; n++)
            await bulk.SendBatchAsync($"bulk {n}", 1000, recipients: 1000, first: n * 1000);
        await rig.Simulator.Ledger.WhenAsync(l => l.Requests >= 40, new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token);

        var wait = isScheduled ? TimeSpan.FromSeconds(1) : TimeSpan.Zero;
        for (var n = 0; n < 5; n++)
            await other.SendAsync($"otp {n}", 9000 + n, category: "otp", wait);
        await other.WhenTextedAsync(5);

        // Beside the second and a half that the provider takes.
        Assert.InRange(other.SlowestText, TimeSpan.Zero, TimeSpan.FromSeconds(2.5));
    }

    private static async Task<NpgsqlConnection> OpenAsync(ChaosRig rig, string statement, Guid business)
    {
        var connection = new NpgsqlConnection(rig.Database.AdminConnectionString);
        await connection.OpenAsync();
        // It ends with its connection.
        await using var begin = new NpgsqlCommand("begin", connection);
        await begin.ExecuteNonQueryAsync();
        await using var command = new NpgsqlCommand(statement, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = business });
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    /// <summary>A business whose texts are timed.</summary>
    private sealed class Tenant(ChaosRig rig, string path, string key)
    {
        private readonly Dictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);
        private long _slowestAccept;
        private int _refused;

        public Guid Id { get; } = Guid.Parse(path.Split('/')[^1]);

        public TimeSpan SlowestAccept => TimeSpan.FromTicks(Volatile.Read(ref _slowestAccept));

        /// <summary>From when it was to go until the provider had it.</summary>
        public TimeSpan SlowestText
        {
            get
            {
                var texts = rig.Simulator.Ledger.Messages.Where(m => _due.ContainsKey(m.Body)).ToList();
                return texts.Count == 0 ? TimeSpan.Zero : texts.Max(m => m.CreatedAt - _due[m.Body]);
            }
        }

        public int Refused => Volatile.Read(ref _refused);

        public static string Phone(int n) => string.Create(CultureInfo.InvariantCulture, $"+1512558{n:D4}");

        public static async Task<Tenant> MakeAsync(ChaosRig rig)
        {
            using var made = await rig.FrontEnd.Http.PostAsJsonAsync(
                new Uri("/v1/businesses", UriKind.Relative), JsonNode.Parse("""{"name":"Other","timezone":"America/Chicago"}"""));
            var business = JsonNode.Parse(await made.Content.ReadAsStringAsync())!;
            return new Tenant(rig, $"/v1/businesses/{business["id"]}", business["apiKey"]!.GetValue<string>());
        }

        public async Task SendAsync(string body, int recipient, string category = "transactional", TimeSpan wait = default)
        {
            var started = TimeProvider.System.GetTimestamp();
            var due = TimeProvider.System.GetUtcNow() + wait;
            lock (_due)
                _due[body] = due;
            using var reply = await PostAsync("messages", wait == default
                ? new { to = Phone(recipient), body, category }
                : new { to = Phone(recipient), body, category, sendAt = due });
            InterlockedMax(TimeProvider.System.GetElapsedTime(started).Ticks);
            if (!reply.IsSuccessStatusCode)
                Interlocked.Increment(ref _refused);
        }

        public async Task SendBatchAsync(string name, int count, int recipients = 400, TimeSpan wait = default, int first = 0)
        {
            var due = TimeProvider.System.GetUtcNow() + wait;
            var messages = Enumerable.Range(0, count).Select(n => wait == default
                ? (object)new { to = Phone(first + (n % recipients)), body = string.Create(CultureInfo.InvariantCulture, $"{name} {n}"), category = "transactional" }
                : new { to = Phone(first + (n % recipients)), body = string.Create(CultureInfo.InvariantCulture, $"{name} {n}"), category = "transactional", sendAt = due });
            using var reply = await PostAsync("messages/batch", new { messages });
            Assert.True(reply.IsSuccessStatusCode, await reply.Content.ReadAsStringAsync());
        }

        public async Task WhenTextedAsync(int count)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await rig.Simulator.Ledger.WhenAsync(l => l.Messages.Count(m => _due.ContainsKey(m.Body)) >= count, patience.Token);
        }

        private async Task<HttpResponseMessage> PostAsync(string what, object body)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{path}/{what}") { Content = JsonContent.Create(body) };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            return await rig.FrontEnd.Http.SendAsync(request);
        }

        private void InterlockedMax(long ticks)
        {
            for (var seen = Volatile.Read(ref _slowestAccept); ticks > seen; seen = Volatile.Read(ref _slowestAccept))
                Interlocked.CompareExchange(ref _slowestAccept, ticks, seen);
        }
    }
}
