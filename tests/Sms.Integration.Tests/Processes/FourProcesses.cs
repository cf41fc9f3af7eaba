using System.Diagnostics;
using Npgsql;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>Two headless silos and two front-ends on one database, each a process of its own.</summary>
internal sealed class FourProcesses : IAsyncDisposable
{
    public const string AdminKey = "an-admin-key-of-four-processes";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TestDatabase _database;

    private FourProcesses(TestDatabase database) => _database = database;

    public TestDatabase Database => _database;

    public List<SiloProcess> Silos { get; } = [];

    public List<SiloProcess> FrontEnds { get; } = [];

    /// <summary>The front-ends first, so that they have to wait; all four are ready at the end.</summary>
    public static async Task<FourProcesses> StartAsync()
    {
        var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var all = new FourProcesses(database);
        var settings = Settings(database);
        for (var n = 0; n < 2; n++)
            all.FrontEnds.Add(SiloProcess.Launch(settings, "Sms.Api"));
        // The simulators live in the silos; what they report goes to a front-end, which checks their signature.
        settings["SMS_API"] = "off";
        settings["SMS_PUBLIC_URL"] = all.FrontEnds[0].Url.AbsoluteUri;
        all.Silos.AddRange(await Task.WhenAll(SiloProcess.StartAsync(settings), SiloProcess.StartAsync(settings)));
        await Task.WhenAll(all.FrontEnds.Select(WhenReadyAsync));
        foreach (var frontEnd in all.FrontEnds)
            frontEnd.UseKey(AdminKey);
        return all;
    }

    public static Dictionary<string, string> Settings(TestDatabase database) => new(StringComparer.Ordinal)
    {
        ["ConnectionStrings__Sms"] = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = true }.ConnectionString,
        ["Sms__Database__AllowUnsafe"] = "true",
        ["SMS_ADMIN_KEY"] = AdminKey,
        ["SMS_PROVIDER"] = "simulator",
        ["Sms__Provider__Timeout"] = "00:00:05",
        ["Sms__Provider__LeaveBy"] = "00:00:02",
        ["Sms__Reconcile__Delays__0"] = "00:00:01",
        ["Sms__Reconcile__Delays__1"] = "00:00:08",
        ["Sms__Retry__Lease"] = "00:00:05",
    };

    private static async Task WhenReadyAsync(SiloProcess frontEnd)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            using var reply = await frontEnd.Http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            if (reply.IsSuccessStatusCode)
                return;
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, $"The front-end did not become ready:\n{frontEnd.Output}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in FrontEnds.Concat(Silos))
            await process.DisposeAsync();
        await _database.DisposeAsync();
    }
}
