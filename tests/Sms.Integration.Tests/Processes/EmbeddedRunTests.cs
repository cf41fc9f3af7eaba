using System.Diagnostics;
using System.Globalization;
using Sms.Integration.Tests.Api;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>One command and nothing else: the program with its own PostgreSQL.</summary>
public sealed class EmbeddedRunTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"sms-run-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_killed_run_leaves_no_server_behind_and_the_next_one_shows_its_messages()
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["SMS_DATA_DIR"] = _folder, ["SMS_URLS"] = "" };
        string key, path;
        Guid message;
        int server;
        await using (var silo = await SiloProcess.StartAsync(settings, "Sms.Silo", "--urls", "{url}"))
        {
            key = silo.AnnouncedKey;
            Assert.Contains($"API:        {silo.Url.GetLeftPart(UriPartial.Authority)}", silo.Output, StringComparison.Ordinal);
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "admin-key")));
            var client = new ApiClient(silo.Http);
            var business = await client.PostAsync("/v1/businesses", new { name = "Acme" }, key);
            Assert.Equal(201, business.Status);
            path = $"/v1/businesses/{business.Id}/messages";
            var sent = await client.PostAsync(path, new { to = "+15125550100", body = "Hi", category = "transactional" }, key);
            Assert.Equal(202, sent.Status);
            message = sent.Id;
            server = ServerProcess();
            await silo.KillGroupAsync();
        }

        await UntilAsync(() => !IsAlive(server), "PostgreSQL outlived its program");

        await using var next = await SiloProcess.StartAsync(settings, "Sms.Silo", "--urls", "{url}");
        Assert.Equal(key, next.AnnouncedKey);
        var found = await new ApiClient(next.Http).GetAsync($"{path}/{message}", key);
        Assert.Equal((200, "Hi"), (found.Status, found.Json!["body"]!.GetValue<string>()));
        var second = ServerProcess();
        Assert.Equal(0, await next.StopAsync());
        await UntilAsync(() => !IsAlive(second), "PostgreSQL outlived a polite stop");
    }

    private int ServerProcess()
    {
        var cluster = Directory.EnumerateDirectories(_folder, "pg*").Single(d => File.Exists(Path.Combine(d, "postmaster.pid")));
        return int.Parse(File.ReadLines(Path.Combine(cluster, "postmaster.pid")).First(), CultureInfo.InvariantCulture);
    }

    private static bool IsAlive(int id)
    {
        // A process that ended and was not yet collected is no process any more.
        var stat = $"/proc/{id}/stat";
        return File.Exists(stat) && !File.ReadAllText(stat).Contains(") Z ", StringComparison.Ordinal);
    }

    private static async Task UntilAsync(Func<bool> condition, string otherwise)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(60), otherwise);
            await Task.Delay(50);
        }
    }
}
