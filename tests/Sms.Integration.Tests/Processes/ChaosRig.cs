using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using Sms.Silo.Simulator;
using Sms.Testing;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>
/// A front-end and silos as processes that may be killed, and Twilio's simulator in this one, which is not: its ledger
/// is the truth about what was texted.
/// </summary>
internal sealed class ChaosRig : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, string> _accepted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _settings;
    private readonly PostgresServer? _ownServer;
    private string _path = "";
    private string _key = "";
    private int _errors;

    private ChaosRig(TestDatabase database, TwilioSimulator simulator, SiloProcess frontEnd, Dictionary<string, string> settings, PostgresServer? ownServer) =>
        (Database, Simulator, FrontEnd, _settings, _ownServer) = (database, simulator, frontEnd, settings, ownServer);

    public TestDatabase Database { get; }

    /// <summary>The PostgreSQL that the test may crash.</summary>
    public PostgresServer Server => _ownServer ?? throw new InvalidOperationException("The server is shared.");

    public TwilioSimulator Simulator { get; }

    public SiloProcess FrontEnd { get; }

    public CuttingProxy? Proxy { get; private init; }

    public List<SiloProcess> Silos { get; } = [];

    /// <summary>Replies other than 2xx that clients saw; each was asked again under its key.</summary>
    public int Errors => Volatile.Read(ref _errors);

    public int Accepted => _accepted.Count;

    /// <param name="silos">How many, headless.</param>
    /// <param name="ownServer">A PostgreSQL of this rig's own, which the test may crash.</param>
    /// <param name="cuts">Cuts connections to the database once the rig is up.</param>
    public static async Task<ChaosRig> StartAsync(int silos, PostgresServer? ownServer = null, double cuts = 0)
    {
        var database = await (ownServer ?? await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var account = new TwilioSimulatorOptions { Callbacks = true, SentAfter = TimeSpan.FromMilliseconds(20), DeliveredAfter = TimeSpan.FromMilliseconds(60) };
        var simulator = await TwilioSimulator.StartAsync(account, TimeProvider.System, CancellationToken.None);
        var settings = FourProcesses.Settings(database);
        var direct = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = true };
        var proxy = cuts > 0 ? new CuttingProxy(new IPEndPoint(IPAddress.Loopback, direct.Port), seed: 7) : null;
        if (proxy is not null)
            settings["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(direct.ConnectionString) { Host = "127.0.0.1", Port = proxy.Port }.ConnectionString;
        settings["SMS_PROVIDER"] = "twilio";
        settings["TWILIO_ACCOUNT_SID"] = account.AccountSid;
        settings["TWILIO_AUTH_TOKEN"] = account.AuthToken;
        settings["TWILIO_PHONE_NUMBER"] = "+15005550006";
        settings["TWILIO_API_BASE_URL"] = simulator.BaseUrl.AbsoluteUri;
        settings["Sms__Provider__Timeout"] = "00:00:02";
        settings["Sms__Provider__LeaveBy"] = "00:00:01";
        settings["Sms__Reconcile__Delays__0"] = "00:00:01";
        settings["Sms__Reconcile__Delays__1"] = "00:00:04";
        settings["Sms__Retry__Backoff__0"] = "00:00:00.5";
        settings["Sms__Retry__Lease"] = "00:00:05";
        var port = SiloProcess.FreePort();
        settings["SMS_PUBLIC_URL"] = $"http://127.0.0.1:{port}";
        var frontEnd = SiloProcess.Launch(new Dictionary<string, string>(settings, StringComparer.Ordinal) { ["SMS_URLS"] = $"http://127.0.0.1:{port}" }, "Sms.Api");
        settings["SMS_API"] = "off";
        var rig = new ChaosRig(database, simulator, frontEnd, settings, ownServer) { Proxy = proxy };
        rig.Silos.AddRange(await Task.WhenAll(Enumerable.Range(0, silos).Select(_ => SiloProcess.StartAsync(settings))));
        frontEnd.UseKey(FourProcesses.AdminKey);
        await Postgres.Eventually.TrueAsync(async () =>
        {
            using var reply = await frontEnd.Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return reply.IsSuccessStatusCode;
        });
        using var made = await frontEnd.Http.PostAsJsonAsync(
            new Uri("/v1/businesses", UriKind.Relative), JsonNode.Parse("""{"name":"Chaos","timezone":"America/Chicago","settings":{"maxAttempts":10}}"""));
        var business = JsonNode.Parse(await made.Content.ReadAsStringAsync())!;
        rig._path = $"/v1/businesses/{business["id"]}/messages";
        rig._key = business["apiKey"]!.GetValue<string>();
        if (proxy is not null)
            proxy.Share = cuts;
        return rig;
    }

    /// <summary>Posts so many messages under keys; a reply that is not 2xx is asked again, as a client would.</summary>
    /// <param name="name">Unique: it is in the bodies and the keys.</param>
    public async Task SendAsync(string name, int count, int clients = 8)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            for (var n = Interlocked.Increment(ref next); n < count; n = Interlocked.Increment(ref next))
                await SendOneAsync($"{name} {n.ToString(CultureInfo.InvariantCulture)}", $"+1512557{n % 400:D4}");
        }));
    }

    /// <summary>kill -9, and another process in its place.</summary>
    public async Task KillAndReplaceAsync(int silo)
    {
        await Silos[silo].KillAsync();
        await Silos[silo].DisposeAsync();
        Silos[silo] = await SiloProcess.StartAsync(_settings);
    }

    /// <summary>Waits until nothing is open, then compares what was promised with the ledger.</summary>
    public async Task<Verdict> JudgeAsync(string title, double patience = 90)
    {
        Simulator.Faults.Clear();
        if (Proxy is not null)
            Proxy.Share = 0;
        Simulator.Faults.ReleaseHangs();
        var started = Stopwatch.GetTimestamp();
        const string Open = "select count(*) from send_logs where channel = 'sms' and status in ('pending', 'sent')";
        while (await CountAsync(Open) > 0 && Stopwatch.GetElapsedTime(started).TotalSeconds < patience)
            await Task.Delay(200);

        var status = new Dictionary<Guid, (string Status, string? Error)>();
        await using (var connection = new NpgsqlConnection(Database.AdminConnectionString))
        {
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("select id, status, error_class from send_logs where channel = 'sms'", connection);
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                status[reader.GetGuid(0)] = (reader.GetString(1), await reader.IsDBNullAsync(2) ? null : reader.GetString(2));
        }

        var texted = Simulator.Ledger.Messages.GroupBy(m => m.Body, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        var verdict = new Verdict(
            _accepted.Count,
            Lost: _accepted.Count(a => !texted.ContainsKey(a.Key) && status.GetValueOrDefault(Guid.Parse(a.Value)) is not { Status: "failed", Error: not null }),
            Twice: texted.Values.Count(v => v > 1),
            Open: status.Values.Count(s => s.Status is "pending" or "sent"),
            Failed: status.Values.Count(s => s.Status is "failed"),
            Stray: status.Count - _accepted.Count);
        Figures.Print($"{title}: {verdict}, requests {Simulator.Ledger.Requests}, look-ups {Simulator.Ledger.Lookups}, errors seen by clients {Errors}, settled after {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
        return verdict;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in Silos)
            await silo.DisposeAsync();
        await FrontEnd.DisposeAsync();
        await Simulator.DisposeAsync();
        if (Proxy is not null)
            await Proxy.DisposeAsync();
        await Database.DisposeAsync();
        if (_ownServer is not null)
            await _ownServer.DisposeAsync();
    }

    private async Task<long> CountAsync(string sql)
    {
        try
        {
            return await Database.ScalarAsync<long>(sql);
        }
        catch (NpgsqlException)
        {
            // The test has crashed the server, which is not back yet.
            return 1;
        }
    }

    private async Task SendOneAsync(string body, string to)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _path)
            {
                Content = JsonContent.Create(new { to, body, category = "transactional" }),
                Headers = { { "Idempotency-Key", body.Replace(' ', '-') }, { "Authorization", $"Bearer {_key}" } },
            };
            using var reply = await FrontEnd.Http.SendAsync(request);
            if (reply.IsSuccessStatusCode)
            {
                _accepted[body] = JsonNode.Parse(await reply.Content.ReadAsStringAsync())!["id"]!.GetValue<string>();
                return;
            }

            Interlocked.Increment(ref _errors);
            Assert.True(
                reply.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests && reply.Headers.RetryAfter is not null,
                $"{reply.StatusCode}: {await reply.Content.ReadAsStringAsync()}\n{FrontEnd.Output}");
            await Task.Delay(200);
        }

        Assert.Fail($"{body} was never accepted:\n{FrontEnd.Output}");
    }
}

/// <summary>What the ledger says of what was promised.</summary>
/// <param name="Accepted">Answered 2xx.</param>
/// <param name="Lost">Of these, neither texted nor failed for a recorded reason.</param>
/// <param name="Twice">Texted more than once.</param>
/// <param name="Open">Without an end after all that time.</param>
/// <param name="Failed">Failed for a recorded reason.</param>
/// <param name="Stray">In the database and never answered 2xx, or the reverse.</param>
internal sealed record Verdict(int Accepted, int Lost, int Twice, int Open, int Failed, int Stray);
