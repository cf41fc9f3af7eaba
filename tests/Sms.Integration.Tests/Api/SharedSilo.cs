using System.Text.Json.Nodes;
using Npgsql;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

[assembly: AssemblyFixture(typeof(Sms.Integration.Tests.Api.SharedSilo))]
[assembly: AssemblyFixture(typeof(Sms.Integration.Tests.Api.SharedFrontEnd))]

namespace Sms.Integration.Tests.Api;

/// <summary>One running program for all tests of the API, started by the first that asks. Each test makes its own business.</summary>
public class SharedSilo : IAsyncDisposable
{
    public const string AdminKey = "an-admin-key-for-tests-7f3a";

    private readonly Lock _gate = new();
    private Task<RunningApi>? _running;

    public Task<RunningApi> GetAsync()
    {
        lock (_gate)
            return _running ??= StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is not null)
            await (await _running).DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected virtual Task<RunningApi> StartAsync() => RunningApi.StartAsync();
}

/// <summary>A headless silo and a front-end: the same system, and what the API's tests ask goes through the front-end.</summary>
public sealed class SharedFrontEnd : SharedSilo
{
    protected override Task<RunningApi> StartAsync() => RunningApi.StartFrontEndAsync();
}

/// <summary>The program with the simulator, on a database of its own.</summary>
public sealed class RunningApi : IAsyncDisposable
{
    private readonly Dictionary<string, string> _settings;
    private readonly SiloProcess? _frontEnd;
    private int _numbers;

    private RunningApi(SiloProcess silo, SiloProcess? frontEnd, TestDatabase database, Dictionary<string, string> settings)
    {
        (Silo, _frontEnd, Database, _settings) = (silo, frontEnd, database, settings);
        Client = new ApiClient(Http);
    }

    public SiloProcess Silo { get; private set; }

    /// <summary>A client of whichever process serves the API.</summary>
    public HttpClient Http => (_frontEnd ?? Silo).Http;

    public TestDatabase Database { get; }

    public ApiClient Client { get; private set; }

    public static async Task<RunningApi> StartAsync(params (string Name, string Value)[] more) =>
        await StartOnAsync(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(), more);

    /// <summary>Starts it on this database, which it brings to its schema, and drops with itself.</summary>
    public static async Task<RunningApi> StartOnAsync(TestDatabase database, params (string Name, string Value)[] more)
    {
        var settings = Settings(database);
        foreach (var (name, value) in more)
            settings[name] = value;
        return new RunningApi(await SiloProcess.StartAsync(settings), frontEnd: null, database, settings);
    }

    public static async Task<RunningApi> StartFrontEndAsync()
    {
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var settings = Settings(database);
        settings["SMS_API"] = "off";
        var silo = await SiloProcess.StartAsync(settings);
        return new RunningApi(silo, await SiloProcess.StartAsync(settings, "Sms.Api"), database, settings);
    }

    private static Dictionary<string, string> Settings(TestDatabase database) => new(StringComparer.Ordinal)
    {
        // The kit's own connections are single ones; a program has a pool.
        ["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = true }.ConnectionString,
        ["Sms__Database__AllowUnsafe"] = "true",
        ["SMS_ADMIN_KEY"] = SharedSilo.AdminKey,
        ["SMS_PROVIDER"] = "simulator",
        // Nobody listens there: messages stay as they are until a test says what Twilio tells.
        ["SMS_PUBLIC_URL"] = Webhooks.PublicUrl,
        ["Sms__Retry__PollInterval"] = "00:00:00.2",
        ["Sms__Retry__Backoff__0"] = "00:00:01",
    };

    /// <summary>Starts the program again on the same database; the one before must have ended.</summary>
    public async Task RestartAsync()
    {
        await Silo.DisposeAsync();
        Silo = await SiloProcess.StartAsync(_settings);
        Client = new ApiClient(Http);
    }

    /// <summary>A number that no other test has, in Illinois.</summary>
    /// <remarks>That state keeps the federal hours on all days.</remarks>
    public string NewNumber() => $"+1312{5550000 + Interlocked.Increment(ref _numbers)}";

    /// <summary>A business of the caller's own, whose local day is far from its ends.</summary>
    public async Task<TestBusiness> NewBusinessAsync(object? settings = null, string? timezone = null)
    {
        var made = await Client.PostAsync(
            "/v1/businesses", new { name = "Acme", timezone = timezone ?? Hours.ZoneWhereItIs(12), settings = Hours.InForce(settings ?? new { requireConsent = false }) }, SharedSilo.AdminKey);
        Assert.Equal(201, made.Status);
        return new TestBusiness(this, made.Json!["id"]!.GetValue<Guid>(), made.Json["apiKey"]!.GetValue<string>());
    }

    /// <summary>What the provider took for this number, in its order.</summary>
    public async Task<JsonArray> LedgerAsync(string to)
    {
        var ledger = JsonNode.Parse(await Silo.Http.GetStringAsync(new Uri($"{Silo.SimulatorUrl}?to={Uri.EscapeDataString(to)}")))!;
        return ledger["messages"]!.AsArray();
    }

    /// <summary>The next <paramref name="count"/> requests to this number meet the fault.</summary>
    public async Task FaultAsync(string to, string kind, int count = 1, int? code = null, string? retryAfter = null, int latencyMs = 0)
    {
        var reply = await Client.PostAsync(
            new Uri(Silo.SimulatorUrl, "/simulator/faults").AbsoluteUri, new object[] { new { kind, count, to, code, retryAfter, latencyMs } });
        Assert.Equal(200, reply.Status);
    }

    public async ValueTask DisposeAsync()
    {
        if (_frontEnd is not null)
            await _frontEnd.DisposeAsync();
        await Silo.DisposeAsync();
        await Database.DisposeAsync();
    }
}
