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
/// A front-end and silos, or one process that is both, which may be killed, and Twilio's simulator in this one, which is
/// not: its ledger is the truth about what was texted.
/// </summary>
internal sealed class ChaosRig : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, string> _accepted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _settings;
    private readonly PostgresServer? _ownServer;
    private readonly bool _isLone;
    private string _path = "";
    private string _key = "";
    private readonly ConcurrentBag<TimeSpan> _replies = [];
    private readonly List<TimeSpan> _starts = [];
    private int _errors;
    private StatementProxy? _statements;

    private ChaosRig(TestDatabase database, TwilioSimulator simulator, SiloProcess frontEnd, Dictionary<string, string> settings, PostgresServer? ownServer, bool isLone) =>
        (Database, Simulator, FrontEnd, _settings, _ownServer, _isLone) = (database, simulator, frontEnd, settings, ownServer, isLone);

    public TestDatabase Database { get; }

    /// <summary>The PostgreSQL that the test may crash.</summary>
    public PostgresServer Server => _ownServer ?? throw new InvalidOperationException("The server is shared.");

    public TwilioSimulator Simulator { get; }

    /// <summary>What clients talk to: with no silos it is one itself.</summary>
    public SiloProcess FrontEnd { get; private set; }

    public CuttingProxy? Proxy { get; private init; }

    /// <summary>Between the processes and the database, with no silos.</summary>
    public StatementProxy Statements => _statements ?? throw new InvalidOperationException("Only a lone process goes through it.");

    /// <summary>The business, as a path, and its key.</summary>
    public (string Path, string Key) Business => (_path[..^"/messages".Length], _key);

    public List<SiloProcess> Silos { get; } = [];

    public IEnumerable<SiloProcess> Processes => [FrontEnd, .. Silos];

    /// <summary>Replies other than 2xx that clients saw; each was asked again under its key.</summary>
    public int Errors => Volatile.Read(ref _errors);

    public int Accepted => _accepted.Count;

    /// <param name="silos">How many, headless; 0: one process is all.</param>
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
        var statements = silos == 0 ? new StatementProxy(new IPEndPoint(IPAddress.Loopback, direct.Port)) : null;
        if ((proxy?.Port ?? statements?.Port) is { } between)
            settings["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(direct.ConnectionString) { Host = "127.0.0.1", Port = between }.ConnectionString;
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
        var frontEnd = SiloProcess.Launch(
            new Dictionary<string, string>(settings, StringComparer.Ordinal) { ["SMS_URLS"] = settings["SMS_PUBLIC_URL"] }, silos == 0 ? "Sms.Silo" : "Sms.Api");
        if (silos > 0)
            settings["SMS_API"] = "off";
        var rig = new ChaosRig(database, simulator, frontEnd, settings, ownServer, isLone: silos == 0) { Proxy = proxy, _statements = statements };
        rig.Silos.AddRange(await Task.WhenAll(Enumerable.Range(0, silos).Select(_ => SiloProcess.StartAsync(settings))));
        frontEnd.UseKey(FourProcesses.AdminKey);
        await Postgres.Eventually.TrueAsync(rig.IsReadyAsync);
        using var made = await frontEnd.Http.PostAsJsonAsync(
            new Uri("/v1/businesses", UriKind.Relative), JsonNode.Parse("""{"name":"Chaos","timezone":"America/Chicago","settings":{"maxAttempts":10}}"""));
        var business = JsonNode.Parse(await made.Content.ReadAsStringAsync())!;
        rig._path = $"/v1/businesses/{business["id"]}/messages";
        rig._key = business["apiKey"]!.GetValue<string>();
        if (proxy is not null)
            proxy.Share = cuts;
        return rig;
    }

    /// <summary>Whether health says so.</summary>
    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var reply = await FrontEnd.Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return reply.IsSuccessStatusCode;
        }
        catch (HttpRequestException) when (_isLone)
        {
            return false;
        }
    }

    /// <summary>Posts so many messages under keys; a reply that is not 2xx is asked again, as a client would.</summary>
    /// <param name="name">Unique: it is in the bodies and the keys.</param>
    /// <param name="count">How many.</param>
    /// <param name="clients">How many at once.</param>
    /// <param name="wait">They are to go so much later: through the queue.</param>
    public async Task SendAsync(string name, int count, int clients = 8, TimeSpan? wait = null)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            for (var n = Interlocked.Increment(ref next); n < count; n = Interlocked.Increment(ref next))
                await SendOneAsync($"{name} {n.ToString(CultureInfo.InvariantCulture)}", $"+1512557{n % 400:D4}", wait: wait);
        }));
    }

    /// <summary>kill -9, and another process in its place.</summary>
    public async Task KillAndReplaceAsync(int silo)
    {
        await Silos[silo].KillAsync();
        await Silos[silo].DisposeAsync();
        var started = Stopwatch.GetTimestamp();
        Silos[silo] = await SiloProcess.StartAsync(_settings);
        _starts.Add(Stopwatch.GetElapsedTime(started));
    }

    /// <summary>kill -9 of the lone process, and another one at its address. Its cluster is a new one, so that it waits for nobody.</summary>
    public async Task KillAndReplaceAsync()
    {
        await FrontEnd.KillAsync();
        await FrontEnd.DisposeAsync();
        var settings = new Dictionary<string, string>(_settings, StringComparer.Ordinal)
        {
            ["SMS_URLS"] = _settings["SMS_PUBLIC_URL"],
            ["SMS_CLUSTER_ID"] = Guid.NewGuid().ToString("N"),
        };
        var started = Stopwatch.GetTimestamp();
        FrontEnd = SiloProcess.Launch(settings);
        FrontEnd.UseKey(FourProcesses.AdminKey);
        await Postgres.Eventually.TrueAsync(IsReadyAsync);
        _starts.Add(Stopwatch.GetElapsedTime(started));
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
        Figures.Print($"{title}: {verdict}, requests {Simulator.Ledger.Requests}, look-ups {Simulator.Ledger.Lookups}, errors seen by clients {Errors}, settled after {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s, slowest accept {_replies.DefaultIfEmpty().Max().TotalSeconds:F1} s, slowest start {_starts.DefaultIfEmpty().Max().TotalSeconds:F1} s");
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
        if (_statements is not null)
            await _statements.DisposeAsync();
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

    /// <summary>Posts one message under the key of its body until it is accepted.</summary>
    public async Task SendOneAsync(string body, string to, string category = "transactional", TimeSpan? wait = null)
    {
        var started = Stopwatch.GetTimestamp();
        var sendAt = wait is { } later ? TimeProvider.System.GetUtcNow() + later : (DateTimeOffset?)null;
        for (var attempt = 0; attempt < 200; attempt++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _path)
            {
                Content = JsonContent.Create(new { to, body, category, sendAt }),
                Headers = { { "Idempotency-Key", body.Replace(' ', '-') }, { "Authorization", $"Bearer {_key}" } },
            };
            try
            {
                using var reply = await FrontEnd.Http.SendAsync(request);
                if (reply.IsSuccessStatusCode)
                {
                    _replies.Add(Stopwatch.GetElapsedTime(started));
                    _accepted[body] = JsonNode.Parse(await reply.Content.ReadAsStringAsync())!["id"]!.GetValue<string>();
                    return;
                }

                Assert.True(
                    reply.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests && reply.Headers.RetryAfter is not null,
                    $"{reply.StatusCode}: {await reply.Content.ReadAsStringAsync()}\n{FrontEnd.Output}");
            }
            catch (Exception e) when (_isLone && e is HttpRequestException or ObjectDisposedException or TaskCanceledException)
            {
                // The process was killed; the next one answers under the same key.
            }

            Interlocked.Increment(ref _errors);
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
