using System.Diagnostics;
using System.Globalization;
using Npgsql;
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
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["SMS_DATA_DIR"] = _folder, ["SMS_URLS"] = "", ["TWILIO_AUTH_TOKEN_SECONDARY"] = "a-secret" };
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
            // Secrets are passed on to nobody.
            var environment = (await File.ReadAllTextAsync($"/proc/{server}/environ", TestContext.Current.CancellationToken)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            Assert.DoesNotContain(environment, e => e.StartsWith("SMS_", StringComparison.Ordinal) || e.StartsWith("TWILIO_", StringComparison.Ordinal));
            Assert.Contains(environment, e => e.StartsWith("PATH=", StringComparison.Ordinal));
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

    [Fact]
    public async Task A_key_that_the_operator_set_is_not_printed_and_the_application_owns_nothing()
    {
        const string Key = "an-admin-key-of-the-operator";
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["SMS_DATA_DIR"] = _folder, ["SMS_ADMIN_KEY"] = Key };
        await using var silo = await SiloProcess.StartAsync(settings);
        Assert.Equal(201, (await new ApiClient(silo.Http).PostAsync("/v1/businesses", new { name = "Acme" }, Key)).Status);
        Assert.DoesNotContain(Key, silo.Output, StringComparison.Ordinal);

        var server = ServerFile();
        await using var admin = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = int.Parse(server[3], CultureInfo.InvariantCulture),
            Username = "postgres",
            Password = (await File.ReadAllTextAsync(Directory.EnumerateFiles(_folder, "*.admin-password").Single(), TestContext.Current.CancellationToken)).Trim(),
            Database = "sms",
            Pooling = false,
        }.ConnectionString);
        await admin.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(
            """
            select string_agg(distinct format('%s %s %s %s', r.rolname, r.rolsuper, r.rolcreaterole,
              exists (select 1 from pg_class c where c.relowner = r.oid)), ',')
            from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
            where a.datname = 'sms' and a.pid <> pg_backend_pid()
            """, admin);
        Assert.Equal("sms_login f f f", await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    private string[] ServerFile() => File.ReadAllLines(Directory.EnumerateFiles(_folder, "postmaster.pid", SearchOption.AllDirectories).Single());

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
