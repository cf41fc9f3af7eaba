using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Sms.Api;
using Sms.Integration.Tests.Operations;
using Sms.Silo;
using Sms.Silo.Postgres;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>A wrong setting stops the start with one line that names it.</summary>
public sealed partial class SettingsTests
{
    private const string Database = "Host=127.0.0.1;Database=sms;Username=sms;Password=the-database-password";
    private const string Account = "AC0123456789abcdef0123456789abcdef";

    public static TheoryData<string, string> WrongValues { get; } = new()
    {
        { "ConnectionStrings__Sms", "nonsense" },
        { "ConnectionStrings__Sms", "Host=a;Nonsense=b" },
        { "ConnectionStrings__Sms", "Host=a;Port=x;Password=the-database-password" },
        { "ConnectionStrings__SmsOwner", "Host" },
        { "SMS_API", "maybe" },
        { "SMS_URLS", "nonsense" },
        { "SMS_URLS", ";" },
        { "SMS_URLS", "ftp://127.0.0.1:1" },
        { "SMS_URLS", "http://127.0.0.1:99999" },
        { "SMS_URLS", "http://127.0.0.1:5080/path" },
        { "SMS_URLS", "http://127.0.0.1:5080;127.0.0.1:5081" },
        { "SMS_ADMIN_KEY", "short" },
        { "SMS_PUBLIC_URL", "example.com" },
        { "SMS_PUBLIC_URL", "mailto:me@example.com" },
        { "SMS_PROVIDER", "nexmo" },
        { "TWILIO_ACCOUNT_SID", "AC1" },
        { "TWILIO_ACCOUNT_SID", "SK0123456789abcdef0123456789abcdef" },
        { "TWILIO_PHONE_NUMBER", "512 555 0100" },
        { "TWILIO_MESSAGING_SERVICE_SID", "MG1" },
        { "TWILIO_API_BASE_URL", "api.twilio.com" },
        { "SMS_SILO_PORT", "-1" },
        { "SMS_SILO_PORT", "65536" },
        { "SMS_GATEWAY_PORT", "x" },
        { "SMS_GATEWAY_PORT", "11111" },
        { "SMS_LISTEN_ADDRESS", "everywhere" },
        { "SMS_ADVERTISED_ADDRESS", "no.such.host.invalid" },
        { "SMS_CLUSTER_CERTIFICATE", "/no/such/file" },
        { "SMS_OPERATIONS_URLS", "127.0.0.1" },
        { "SMS_OPERATIONS_URLS", "http://127.0.0.1:0" },
        { "SMS_ADMIN_KEY_FILE", "/no/such/file" },
        { "TWILIO_AUTH_TOKEN_FILE", "/no/such/file" },
        { "SMS_PG_INSTALL", "maybe" },
        { "Sms__Retry__Backoff__0", "-00:00:01" },
        { "Sms__Retry__Backoff__0", "soon" },
        { "Sms__Retry__Lease", "00:00:00" },
        { "Sms__Retry__Lease", "20" },
        { "Sms__Retry__BatchSize", "0" },
        { "Sms__Retry__BatchSize", "1.5" },
        { "Sms__Retry__Shards", "0" },
        { "Sms__Retry__PollInterval", "00:00:00" },
        { "Sms__Provider__Timeout", "0" },
        { "Sms__Provider__MaxConcurrency", "0" },
        { "Sms__Provider__LeaveBy", "never" },
        { "Sms__Sender__SegmentsPerSecond", "0" },
        { "Sms__Sender__SegmentsPerSecond", "NaN" },
        { "Sms__Sender__SegmentsPerSecond", "1e-320" },
        { "Sms__Sender__SegmentsPerSecond", "1e999" },
        { "Sms__Reconcile__Delays__0", "-00:00:01" },
        { "Sms__Reconcile__Delays__0", "00:00:45" },
        { "Sms__Database__AllowUnsafe", "perhaps" },
        { "Sms__Retention__Bodies", "00:00:00" },
        { "Sms__Retention__Bodies", "13 months" },
        { "Sms__Database__MaxConnections", "0" },
    };

    /// <summary>The least and the most that a number or a time may be, and a step beyond each.</summary>
    public static TheoryData<string, string, string, string, string> Bounds { get; } = new()
    {
        { "SMS_ADMIN_KEY", "fifteen-letters", "sixteen-letters!", new string('k', 200), "" },
        { "SMS_SILO_PORT", "-1", "0", "65535", "65536" },
        { "SMS_GATEWAY_PORT", "-1", "0", "65535", "65536" },
        { "Sms__Retry__Backoff__0", "-00:00:00.0000001", "00:00:00", "1.00:00:00", "1.00:00:00.0000001" },
        { "Sms__Retry__Lease", "00:00:00.9999999", "00:00:01", "01:00:00", "01:00:00.0000001" },
        { "Sms__Retry__BatchSize", "0", "1", "1000", "1001" },
        { "Sms__Retry__Shards", "0", "1", "64", "65" },
        { "Sms__Retry__PollInterval", "00:00:00.0099999", "00:00:00.01", "00:01:00", "00:01:00.0000001" },
        { "Sms__Provider__Timeout", "00:00:00.0999999", "00:00:00.1", "00:10:00", "00:10:00.0000001" },
        { "Sms__Provider__MaxConcurrency", "0", "1", "10000", "10001" },
        { "Sms__Provider__LeaveBy", "00:00:00.0999999", "00:00:00.1", "00:10:00", "00:10:00.0000001" },
        { "Sms__Sender__SegmentsPerSecond", "0.000999", "0.001", "100000", "100000.1" },
        { "Sms__Reconcile__Delays__0", "00:00:00.0999999", "00:00:00.1", "1.00:00:00", "1.00:00:00.0000001" },
        { "Sms__Retention__Bodies", "23:59:59", "1.00:00:00", "3650.00:00:00", "3650.00:00:01" },
        { "Sms__Database__MaxConnections", "1", "2", "1000", "1001" },
    };

    [Theory]
    [MemberData(nameof(Bounds))]
    public void The_bounds_of_a_setting_are_inside_it(string name, string below, string least, string most, string above)
    {
        // Late enough for any time that a request may take.
        var rest = ("Sms__Reconcile__Delays__1", "1.00:00:00");
        var last = name is "Sms__Reconcile__Delays__0" ? rest : ("Sms__Reconcile__Delays__0", "1.00:00:00");
        foreach (var good in new[] { least, most })
            Read((name, good), last);
        foreach (var bad in new[] { below, above }.Where(b => b.Length > 0))
            Assert.StartsWith(name, Assert.Throws<SettingException>(() => Read((name, bad), last)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_given_is_used()
    {
        var settings = Read(
            ("ConnectionStrings__SmsOwner", "Host=owner"), ("SMS_DATA_DIR", "/elsewhere"), ("SMS_API", "off"), ("SMS_URLS", "http://+:8080;http://127.0.0.1:8081"),
            ("SMS_CLUSTER_ID", "c"), ("SMS_SERVICE_ID", "s"), ("SMS_SILO_PORT", "1001"), ("SMS_GATEWAY_PORT", "1002"),
            ("TWILIO_ACCOUNT_SID", Account), ("TWILIO_AUTH_TOKEN", "token"), ("TWILIO_PHONE_NUMBER", "+15005550006"),
            ("TWILIO_MESSAGING_SERVICE_SID", "MG0123456789abcdef0123456789abcdef"), ("TWILIO_AUTH_TOKEN_SECONDARY", "next"),
            ("TWILIO_WEBHOOK_SHARED_KEY", " shared "), ("TWILIO_API_BASE_URL", "https://api.example"),
            ("Sms__Retry__Backoff__0", "00:00:07"), ("Sms__Retry__Backoff__1", "00:00:08"), ("Sms__Retry__Lease", "00:00:09"), ("Sms__Retry__BatchSize", "10"),
            ("Sms__Retry__Shards", "11"), ("Sms__Retry__PollInterval", "00:00:12"), ("Sms__Provider__Timeout", "00:00:13"), ("Sms__Provider__MaxConcurrency", "14"),
            ("Sms__Provider__LeaveBy", "00:00:15"), ("Sms__Sender__SegmentsPerSecond", "1.6"), ("Sms__Reconcile__Delays__0", "00:00:17"),
            ("Sms__Reconcile__Delays__1", "00:01:18"), ("Sms__Database__AllowUnsafe", "true"), ("Sms__Database__MaxConnections", "20"));
        Assert.Equal((Database, "Host=owner", "/elsewhere", false), (settings.Connections.ConnectionString, settings.Connections.OwnerConnectionString, settings.Connections.DataDirectory, settings.HasApi));
        // The first address where it listens is the public one.
        Assert.Equal((2, "http://127.0.0.1:8080/"), (settings.Api.Urls.Length, settings.Api.PublicUrl.AbsoluteUri));
        Assert.Equal(("c", "s", 1001, 1002), (settings.Api.ClusterId, settings.Api.ServiceId, settings.Endpoints.SiloPort, settings.Endpoints.GatewayPort));
        Assert.Equal((Account, "token", "+15005550006", "MG0123456789abcdef0123456789abcdef", "https://api.example/"), (
            settings.Twilio.AccountSid, settings.Twilio.AuthToken, settings.Twilio.PhoneNumber, settings.Twilio.MessagingServiceSid, settings.Twilio.ApiBaseUrl.AbsoluteUri));
        Assert.Equal(["token", "next"], settings.Api.WebhookTokens);
        Assert.Equal("shared", settings.Api.WebhookSharedKey);
        Assert.Equal([7, 8], settings.Retry.Policy.Backoff.Select(b => b.TotalSeconds));
        Assert.Equal((9, 10, 11, 12), (settings.Retry.Lease.TotalSeconds, settings.Retry.BatchSize, settings.Retry.Shards, settings.Retry.PollInterval.TotalSeconds));
        Assert.Equal((13, 14, 15, 1.6), (settings.Dispatch.Timeout.TotalSeconds, settings.Dispatch.MaxConcurrency, settings.Dispatch.LeaveBy.TotalSeconds, settings.Sender.SegmentsPerSecond));
        Assert.Equal((13, 14), (settings.Twilio.Timeout.TotalSeconds, settings.Twilio.MaxConcurrency));
        Assert.Equal([17, 78], settings.Reconcile.Effective.Select(d => d.TotalSeconds));
        Assert.Equal((true, 20), (settings.Database.AllowUnsafe, settings.Database.MaxConnections));
        using var pool = PostgresRegistration.CreateDataSource(Database, 20);
        Assert.Equal(20, new Npgsql.NpgsqlConnectionStringBuilder(pool.ConnectionString).MaxPoolSize);
    }

    [Fact]
    public void The_table_of_the_documentation_has_every_setting_that_is_read_and_no_other()
    {
        var root = ApiDescription.Root();
        var table = File.ReadLines(Path.Combine(root, "docs", "configuration.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('|')[1]);
        // A file may stand for each secret, by a name that is made of its own.
        var documented = table.SelectMany(names => SettingNames().Matches(names).Select(m => m.Value)).Where(n => !n.EndsWith("FILE", StringComparison.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal).ToList();
        var read = Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(f => QuotedSettings().Matches(File.ReadAllText(f)).Select(m => m.Groups["name"].Value.TrimEnd('_')))
            .Where(n => !n.EndsWith("FILE", StringComparison.OrdinalIgnoreCase)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        Assert.Equal(read, documented);
        Assert.Equal(
            documented.Where(n => n.StartsWith("SMS_", StringComparison.Ordinal) || n.StartsWith("Sms__", StringComparison.Ordinal)),
            KnownSettings.Names.Where(n => !n.EndsWith("FILE", StringComparison.Ordinal)).Select(n => n.TrimEnd('_')).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(WrongValues))]
    public void A_wrong_value_is_named(string name, string value)
    {
        var e = Assert.Throws<SettingException>(() => Read((name, value)));
        Assert.StartsWith(name, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.DoesNotContain("the-database-password", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_look_up_must_come_after_the_last_reply()
    {
        var e = Assert.Throws<SettingException>(() => Read(("Sms__Provider__Timeout", "00:09:55")));
        Assert.StartsWith("Sms__Reconcile__Delays__2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_with_a_gap_is_named()
    {
        foreach (var name in new[] { "Sms__Retry__Backoff", "Sms__Reconcile__Delays" })
        {
            var e = Assert.Throws<SettingException>(() => Read(($"{name}__1", "00:20:00")));
            Assert.StartsWith($"{name}__0", e.Message, StringComparison.Ordinal);
            Assert.StartsWith(name, Assert.Throws<SettingException>(() => Read((name, "00:20:00"))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_needed_and_missing_is_named()
    {
        Assert.StartsWith("SMS_ADMIN_KEY", Assert.Throws<SettingException>(() => Read(("SMS_ADMIN_KEY", ""))).Message, StringComparison.Ordinal);
        Assert.StartsWith("TWILIO_PHONE_NUMBER", Assert.Throws<SettingException>(
            () => Read(("TWILIO_ACCOUNT_SID", Account), ("TWILIO_AUTH_TOKEN", "token"))).Message, StringComparison.Ordinal);
        // A silo without the API needs no key.
        Assert.False(Read(("SMS_ADMIN_KEY", ""), ("SMS_API", "off")).HasApi);
    }

    [Fact]
    public void The_defaults_are_those_of_the_table()
    {
        var settings = Read();
        Assert.Equal(new ClusterEndpoints(IPAddress.Loopback, IPAddress.Loopback, 11111, 0), settings.Endpoints);
        Assert.Equal(30000, Read(("SMS_API", "off")).Endpoints.GatewayPort);
        Assert.Empty(settings.Api.OperationsUrls);
        Assert.Null(settings.Api.ClusterCertificate);
        Assert.Equal(("sms", "sms", true), (settings.Api.ClusterId, settings.Api.ServiceId, settings.HasApi));
        Assert.Equal("http://127.0.0.1:5080", Assert.Single(settings.Api.Urls));
        Assert.Equal(new Uri("http://127.0.0.1:5080"), settings.Api.PublicUrl);
        Assert.Equal(ProviderKind.Disabled, settings.Provider);
        Assert.Equal((20, 50, 4, 1), (
            (int)settings.Retry.Lease.TotalSeconds, settings.Retry.BatchSize, settings.Retry.Shards, (int)settings.Retry.PollInterval.TotalSeconds));
        Assert.Equal((35, 64, 10), ((int)settings.Dispatch.Timeout.TotalSeconds, settings.Dispatch.MaxConcurrency, (int)settings.Dispatch.LeaveBy.TotalSeconds));
        Assert.Equal((false, 16), (settings.Database.AllowUnsafe, settings.Database.MaxConnections));
        Assert.Null(settings.Sender.SegmentsPerSecond);
        Assert.Equal([60, 300, 900], settings.Retry.Policy.Backoff.Select(b => b.TotalSeconds));
        Assert.Equal([30, 120, 600], settings.Reconcile.Effective.Select(d => d.TotalSeconds));
        Assert.Equal((395, "https://api.twilio.com/"), (settings.Retention.Bodies.TotalDays, settings.Twilio.ApiBaseUrl.AbsoluteUri));
        Assert.Null(settings.Connections.OwnerConnectionString);
        Assert.Equal(Path.GetFullPath(".data"), settings.Connections.DataDirectory);
    }

    [Theory]
    [InlineData(null, false, "Production", "Disabled")]
    [InlineData(null, false, "Development", "Simulator")]
    [InlineData(null, true, "Development", "Twilio")]
    [InlineData("simulator", true, "Production", "Simulator")]
    [InlineData("disabled", true, "Production", "Disabled")]
    [InlineData("twilio", false, "Development", "Disabled")]
    public void The_provider_is_chosen_as_the_table_says(string? word, bool hasCredentials, string environment, string expected)
    {
        var settings = new List<(string, string)>();
        if (word is not null)
            settings.Add(("SMS_PROVIDER", word));
        if (hasCredentials)
            settings.AddRange([("TWILIO_ACCOUNT_SID", Account), ("TWILIO_AUTH_TOKEN", "token"), ("TWILIO_PHONE_NUMBER", "+15005550006")]);
        Assert.Equal(expected, Read(environment, [.. settings]).Provider.ToString());
    }

    [Theory]
    [InlineData(null, null, true, "simulator")]
    [InlineData(null, null, false, "")]
    [InlineData(null, "token", true, "token,second")]
    [InlineData("simulator", "token", false, "simulator")]
    [InlineData("twilio", "token", false, "token,second")]
    public void A_front_end_trusts_the_tokens_of_the_silos_provider(string? word, string? token, bool isDevelopment, string expected)
    {
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["SMS_PROVIDER"] = word,
            ["TWILIO_AUTH_TOKEN"] = token,
            ["TWILIO_AUTH_TOKEN_SECONDARY"] = token is null ? null : "second",
        };
        var read = ApiSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), urls: null, isDevelopment);
        Assert.Equal(expected, string.Join(',', read.WebhookTokens));
    }

    [Fact]
    public void Without_a_database_of_its_own_the_program_brings_one_and_simulates()
    {
        var settings = Read(("ConnectionStrings__Sms", ""), ("SMS_ADMIN_KEY", ""));
        Assert.True(settings.IsEmbedded);
        Assert.Equal(ProviderKind.Simulator, settings.Provider);
    }

    [Fact]
    public async Task The_program_ends_with_one_line_and_a_code()
    {
        await EndsWithAsync("Sms__Retry__Lease", [("Sms__Retry__Lease", "soon")]);
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_named_without_its_password()
    {
        await EndsWithAsync("ConnectionStrings__Sms",
            [("ConnectionStrings__Sms", $"Host=127.0.0.1;Port={SiloProcess.FreePort()};Database=sms;Username=sms;Password=the-database-password"), ("SMS_ADMIN_KEY", "an-admin-key-for-tests")]);
    }

    [Fact]
    public async Task A_wrong_password_is_told_without_showing_it()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await EndsWithAsync("ConnectionStrings__Sms", [
            ("ConnectionStrings__Sms", new Npgsql.NpgsqlConnectionStringBuilder(database.ConnectionString) { Password = "the-database-password" }.ConnectionString),
            ("SMS_ADMIN_KEY", "an-admin-key-for-tests")]);
    }

    [Fact]
    public async Task A_server_that_may_lose_what_it_committed_is_refused()
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await EndsWithAsync("Sms__Database__AllowUnsafe", [("ConnectionStrings__Sms", database.ConnectionString), ("SMS_ADMIN_KEY", "an-admin-key-for-tests")]);
    }

    [Theory]
    [InlineData("SMS_URLS")]
    [InlineData("SMS_SILO_PORT")]
    [InlineData("SMS_GATEWAY_PORT")]
    public async Task A_port_that_is_taken_is_named(string setting)
    {
        await using var database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await EndsWithAsync(setting, [
            ("ConnectionStrings__Sms", database.ConnectionString), ("SMS_ADMIN_KEY", "an-admin-key-for-tests"), ("Sms__Database__AllowUnsafe", "true"),
            ("SMS_PROVIDER", "simulator"), (setting, setting is "SMS_URLS" ? $"http://127.0.0.1:{port}" : $"{port}")]);
    }

    private static async Task EndsWithAsync(string name, (string Name, string Value)[] settings)
    {
        await using var silo = SiloProcess.Launch(settings.ToDictionary(s => s.Name, s => s.Value, StringComparer.Ordinal));
        var code = await silo.ExitAsync();
        Assert.NotEqual(0, code);
        Assert.True(silo.Errors.Length == 1 && silo.Errors[0].StartsWith(name, StringComparison.Ordinal), silo.Output);
        Assert.DoesNotContain("the-database-password", silo.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", silo.Output, StringComparison.Ordinal);
    }

    private static SiloSettings Read(params (string Name, string Value)[] settings) => Read("Production", settings);

    private static SiloSettings Read(string environment, params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["ConnectionStrings:Sms"] = Database,
            ["SMS_ADMIN_KEY"] = "an-admin-key-for-tests",
        };
        foreach (var (name, value) in settings)
            all[name.Replace("__", ":", StringComparison.Ordinal)] = value;
        return SiloSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(all).Build(), new Stage(environment), urls: null);
    }

    [GeneratedRegex("(ConnectionStrings__|SMS_|TWILIO_|Sms__)[A-Za-z_]+?(?=`|__0)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SettingNames();

    [GeneratedRegex("\"(?<name>(ConnectionStrings__|SMS_|TWILIO_|Sms__)[A-Za-z_]+)\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex QuotedSettings();

    private sealed class Stage(string name) : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = name;
        public string ApplicationName { get; set; } = "Sms.Silo";
        public string ContentRootPath { get; set; } = "/";
        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
