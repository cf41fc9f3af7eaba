using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Sms.Api;
using Sms.Silo;
using Sms.Testing.Databases;
using Sms.Testing.Processes;

namespace Sms.Integration.Tests.Processes;

/// <summary>A wrong setting stops the start with one line that names it.</summary>
public sealed class SettingsTests
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
        { "Sms__Database__MaxConnections", "0" },
    };

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
        Assert.Equal((11111, 30000, "sms", "sms", true), (settings.SiloPort, settings.GatewayPort, settings.Api.ClusterId, settings.Api.ServiceId, settings.HasApi));
        Assert.Equal("http://127.0.0.1:5080", Assert.Single(settings.Api.Urls));
        Assert.Equal(new Uri("http://127.0.0.1:5080"), settings.Api.PublicUrl);
        Assert.Equal(ProviderKind.Disabled, settings.Provider);
        Assert.Equal((20, 50, 4, 1), (
            (int)settings.Retry.Lease.TotalSeconds, settings.Retry.BatchSize, settings.Retry.Shards, (int)settings.Retry.PollInterval.TotalSeconds));
        Assert.Equal((35, 64, 10), ((int)settings.Dispatch.Timeout.TotalSeconds, settings.Dispatch.MaxConcurrency, (int)settings.Dispatch.LeaveBy.TotalSeconds));
        Assert.Equal((false, 16), (settings.Database.AllowUnsafe, settings.Database.MaxConnections));
        Assert.Null(settings.Sender.SegmentsPerSecond);
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
        Assert.Equal(expected, Read(environment, [], [.. settings]).Provider.ToString());
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
        var read = ApiSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), [], isDevelopment);
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

    private static SiloSettings Read(params (string Name, string Value)[] settings) => Read("Production", [], settings);

    private static SiloSettings Read(string environment, string[] args, params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["ConnectionStrings:Sms"] = Database,
            ["SMS_ADMIN_KEY"] = "an-admin-key-for-tests",
        };
        foreach (var (name, value) in settings)
            all[name.Replace("__", ":", StringComparison.Ordinal)] = value;
        return SiloSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(all).Build(), new Stage(environment), args);
    }

    private sealed class Stage(string name) : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = name;
        public string ApplicationName { get; set; } = "Sms.Silo";
        public string ContentRootPath { get; set; } = "/";
        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
